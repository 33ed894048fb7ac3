"""The sensor that tells a webhook of every run that failed: chats and on-call tools take its JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping

import dagster as dg
import httpx
from pydantic import SecretStr

from bitrix.webhook_url import redact
from warehouse.settings import Settings, load_settings

SECONDS = 5.0
"""How long the receiver may take; a tick of a sensor has a minute for all that failed since the last one."""
TRIES = 3
PAUSE_SECONDS = 1.0
ERROR_CHARACTERS = 500
HIDDEN = "***"


@dg.run_failure_sensor(
    name="failed_runs",
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Posts every run that failed to ALERT_WEBHOOK_URL.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Post what failed. A receiver that does not answer is tried again, then the sensor's log says so, without URL."""
    settings = load_settings()
    if settings.alert_webhook_url is None:
        return dg.SkipReason("ALERT_WEBHOOK_URL is not set: nobody is told.")
    problem = post(settings.alert_webhook_url.get_secret_value(), alert(context, settings))
    if problem is not None:
        context.log.error(f"The failure of run {context.dagster_run.run_id} could not be told: {problem}")
    return None


def alert(context: dg.RunFailureSensorContext, settings: Settings) -> dict[str, str]:
    """What is posted: ``text`` for chats, the rest for programs. Without any secret of the settings."""
    run = context.dagster_run
    error = without_secrets(_reason(context), settings)[:ERROR_CHARACTERS]
    address = f"{settings.dagster_public_url or settings.dagster_url}/runs/{run.run_id}"
    return {
        "text": f"{run.job_name} failed: {error}\n{address}",
        "job": run.job_name,
        "run_id": run.run_id,
        "entity": run.tags.get("entity", ""),
        "sync_type": run.tags.get("sync_type", ""),
        "trigger": run.tags.get("trigger", ""),
        "error": error,
        "url": address,
    }


def post(url: str, body: Mapping[str, str]) -> str | None:
    """Post JSON, a few times if need be. Returns None, or what went wrong, without the URL."""
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        try:
            answer = httpx.post(url, json=dict(body), timeout=SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"the receiver does not answer ({type(error).__name__})"
            continue
        if answer.is_success:
            return None
        problem = f"the receiver answers status {answer.status_code}"
        if answer.is_client_error and answer.status_code not in (408, 429):
            break  # it will say so again
    return problem


def without_secrets(text: str, settings: Settings) -> str:
    """The text with every secret of the settings, and whatever looks like a webhook's, hidden."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            text = text.replace(value.get_secret_value(), HIDDEN)
    return redact(text)


def _reason(context: dg.RunFailureSensorContext) -> str:
    """The innermost error of the first step that failed; of a run that died without one, Dagster's own words."""
    for event in context.get_step_failure_events():
        failure = event.step_failure_data
        if failure.user_failure_data is not None and failure.user_failure_data.description:
            return failure.user_failure_data.description
        error = failure.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return error.message.strip()
    return context.failure_event.message or "no reason given"
