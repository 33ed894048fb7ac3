"""Runs and schedules of the code location, over the webserver's GraphQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webhook_api.dagster_api import TIMEOUT_SECONDS, DagsterApi, DagsterError, DagsterTimeout

_RUNS = """query ($filter: RunsFilter!, $limit: Int!) { runsOrError(limit: $limit, filter: $filter) { __typename
    ... on Runs { results { runId creationTime tags { key value } } } ... on PythonError { message } } }"""
WAITING = ("QUEUED", "NOT_STARTED", "STARTING")
UNFINISHED = (*WAITING, "STARTED", "CANCELING")
ALL = "all"
"""The tag ``entity`` of a run that syncs everything."""
LISTED_RUNS = 100
_RELOAD = """mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename
    ... on PythonError { message } } }"""
_SCHEDULES = """query ($selector: RepositorySelector!) { schedulesOrError(repositorySelector: $selector) { __typename
    ... on Schedules { results { name scheduleState { id selectorId status } } } ... on PythonError { message } } }"""
_START = """mutation ($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) { __typename
    ... on PythonError { message } } }"""
_STOP = """mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename ... on PythonError { message } } }"""


@dataclass(frozen=True, slots=True)
class SyncRun:
    """A run of the code location. Tags that it lacks, as runs started in the Dagster UI do, are None."""

    run_id: str
    created_at: datetime
    entity: str | None
    sync_type: str | None
    trigger: str | None


@dataclass(frozen=True, slots=True)
class Launched:
    """A run of an entity. ``already`` when it was on its way before; then ``sync_type`` is what it says, if it does."""

    run_id: str
    already: bool
    sync_type: str | None


_launching = threading.Lock()


def launch_sync(api: DagsterApi, entity: str, sync_type: str, deadline: float) -> Launched:
    """Start a sync of one entity unless one is queued or running. Blocking until ``deadline`` of ``time.monotonic``.

    Runs that only re-read the rows of a few events do not count: they do nothing of what is asked for here.
    Raises ``DagsterError``; after ``DagsterTimeout`` nothing is started any more, unless its text says otherwise.
    """

    def left() -> float:
        if (seconds := deadline - time.monotonic()) <= 0:
            raise DagsterTimeout(f"Dagster at {api.url} did not answer in time; nothing was started")
        return seconds

    repository = api.repository(left())
    if repository is None:
        raise DagsterError("Dagster is still loading the code location. Try again in a few seconds")
    if not _launching.acquire(timeout=left()):  # two requests at once shall not both find nothing
        raise DagsterTimeout(f"Dagster at {api.url} did not answer in time; nothing was started")
    try:
        for name in (entity, ALL):
            for run in sync_runs(api, UNFINISHED, entity=name, timeout=left()):
                if run.sync_type != "events":
                    return Launched(run.run_id, already=True, sync_type=run.sync_type)
        tags = {"entity": entity, "sync_type": sync_type, "trigger": "api"}
        try:
            run_id = api.launch(repository, f"sync_{entity}", {"sync_type": sync_type}, tags, left())
        except DagsterTimeout as error:
            raise DagsterTimeout(
                f"{error}. Whether the sync of {entity} was queued is not known: look at its status before trying again"
            ) from None
    finally:
        _launching.release()
    return Launched(run_id, already=False, sync_type=sync_type)


def sync_runs(
    api: DagsterApi, statuses: Sequence[str], *, entity: str | None = None, timeout: float = TIMEOUT_SECONDS
) -> list[SyncRun]:
    """The newest runs in these states, at most :data:`LISTED_RUNS`. Blocking. Raises ``DagsterError``."""
    wanted: dict[str, Any] = {"statuses": list(statuses)}
    if entity is not None:
        wanted["tags"] = [{"key": "entity", "value": entity}]
    answer = api.query(_RUNS, {"filter": wanted, "limit": LISTED_RUNS}, timeout=timeout)["runsOrError"]
    if answer["__typename"] != "Runs":
        raise DagsterError(f"Dagster does not list its runs: {answer.get('message', '')[:200]}")
    runs = []
    for run in answer["results"]:
        tags = {tag["key"]: tag["value"] for tag in run["tags"]}
        created_at = datetime.fromtimestamp(run["creationTime"], UTC)
        runs.append(SyncRun(run["runId"], created_at, tags.get("entity"), tags.get("sync_type"), tags.get("trigger")))
    return runs


def apply_schedule(api: DagsterApi, entity: str, *, enabled: bool) -> None:
    """Let the schedule of one entity follow ``app.sync_config``: reload the code location, switch it on or off.

    Takes two to three seconds; runs in flight go on. Blocking. Raises ``DagsterError``.
    """
    repository = api.repository()
    if repository is None:
        raise DagsterError("Dagster is still loading the code location")
    answer = api.query(_RELOAD, {"name": repository.location})["reloadRepositoryLocation"]
    if answer["__typename"] != "WorkspaceLocationEntry":
        raise DagsterError(f"the code location was not reloaded: {answer.get('message', answer['__typename'])[:200]}")
    selector = {"repositoryLocationName": repository.location, "repositoryName": repository.name}
    schedules = api.query(_SCHEDULES, {"selector": selector})["schedulesOrError"]
    state = next(
        (item["scheduleState"] for item in schedules.get("results", []) if item["name"] == f"sync_{entity}_schedule"),
        None,
    )
    if state is None:
        raise DagsterError(f"Dagster knows no schedule of {entity}")
    if (state["status"] == "RUNNING") is enabled:
        return
    if enabled:
        name = {**selector, "scheduleName": f"sync_{entity}_schedule"}
        answer = api.query(_START, {"selector": name})["startSchedule"]
    else:
        answer = api.query(_STOP, {"id": state["id"]})["stopRunningSchedule"]
    if answer["__typename"] != "ScheduleStateResult":
        raise DagsterError(f"the schedule was not switched: {answer.get('message', answer['__typename'])[:200]}")
