"""``b24 doctor``: look at everything that this installation needs; each finding says what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from bitrix.client import PortalClient
from bitrix.entities import ENTITIES
from bitrix.errors import BitrixError
from bitrix.webhook_url import WebhookUrl, WebhookUrlError
from cli.services import SERVICES, check_ports
from cli.supervise import StartError
from cli.up_lock import holder
from warehouse.database import Database, DatabaseError, open_database
from warehouse.migrate import migration_state
from warehouse.reader_login import reader_database
from warehouse.settings import Settings

ENOUGH_INSTEAD = {"user": ("user_basic", "user_brief")}
"""Scopes that open the same methods with fewer columns (Bitrix24 REST documentation, "Scopes")."""
PROBE_SECONDS = 15.0
RETRY_PAUSE_SECONDS = 0.3


class Mark(Enum):
    """How grave a finding is; only ``BROKEN`` makes the exit status 1."""

    FINE = "[green]✓[/green]"
    NOTE = "[yellow]![/yellow]"
    BROKEN = "[red]✗[/red]"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, and what was found with what to do."""

    mark: Mark
    subject: str
    text: str


def doctor(settings: Settings, *, ports: Mapping[str, int] | None = None, console: Console | None = None) -> int:
    """Print one line for each check. Returns 1 if something is broken, else 0."""
    console = console or Console(highlight=False)
    broken = False
    for findings in (
        check_portal(settings),
        check_database(settings),
        check_model(settings),
        check_local(settings, ports),
    ):
        for finding in findings:
            console.print(f"{finding.mark.value} {escape(f'{finding.subject}: {finding.text}')}", soft_wrap=True)
            broken |= finding.mark is Mark.BROKEN
    return int(broken)


def check_portal(settings: Settings) -> list[Finding]:
    """The portal's URL, whether it answers, the webhook's scopes, and whether its owner is an administrator."""
    if settings.bitrix_webhook_url is None:
        return [Finding(Mark.NOTE, "portal", "BITRIX_WEBHOOK_URL is not set: b24 uses a simulated portal")]
    try:
        url = WebhookUrl.parse(settings.bitrix_webhook_url.get_secret_value())
    except WebhookUrlError as error:
        return [Finding(Mark.BROKEN, "BITRIX_WEBHOOK_URL", str(error))]
    return asyncio.run(_ask_portal(url))


async def _ask_portal(url: WebhookUrl) -> list[Finding]:
    async def short_sleep(seconds: float) -> None:
        await asyncio.sleep(min(seconds, RETRY_PAUSE_SECONDS))  # somebody is waiting for the answer

    try:
        async with (
            asyncio.timeout(PROBE_SECONDS),
            PortalClient(url, timeout=PROBE_SECONDS, sleep=short_sleep) as client,
        ):
            profile = (await client.call("profile")).result
            scopes = (await client.call("scope")).result
    except BitrixError as error:
        return [Finding(Mark.BROKEN, "portal", f"{url.host}: {error}")]
    except TimeoutError:
        text = f"{url.host} did not answer in {PROBE_SECONDS:.0f} s. Check the address and this machine's network."
        return [Finding(Mark.BROKEN, "portal", text)]
    return list(_judge_portal(url, profile, scopes))


def _judge_portal(url: WebhookUrl, profile: Any, scopes: Any) -> Iterator[Finding]:
    profile = profile if isinstance(profile, dict) else {}
    name = " ".join(str(profile.get(key) or "") for key in ("NAME", "LAST_NAME")).strip()
    yield Finding(Mark.FINE, "portal", f"{url.origin} answers; the webhook belongs to {name or f'user {url.user_id}'}")
    granted = {str(scope) for scope in (scopes.values() if isinstance(scopes, dict) else scopes or [])}
    needed = {entity.scope for entity in ENTITIES}
    missing = {scope for scope in needed - granted if granted.isdisjoint(ENOUGH_INSTEAD.get(scope, ()))}
    if missing:
        text = f"the webhook lacks {', '.join(sorted(missing))}. Add it in Bitrix24: the webhook's page, access rights."
        yield Finding(Mark.BROKEN, "scopes", text)
    else:
        yield Finding(Mark.FINE, "scopes", ", ".join(sorted(needed & granted) or sorted(granted)))
    if profile.get("ADMIN") in (True, "Y", "true", 1):
        yield Finding(Mark.FINE, "rights", "the webhook's owner is an administrator")
    else:
        text = (
            "the webhook's owner is no administrator: rows that this user may not see are missing, and look deleted. "
            "Create the webhook as an administrator."
        )
        yield Finding(Mark.NOTE, "rights", text)


def check_database(settings: Settings) -> list[Finding]:
    """Whether the database answers, its version, the login's rights, the migrations and the reader role."""
    try:
        with open_database(settings) as database:
            version = database.wait_until_ready(timeout=0)
            kind = "embedded" if database.embedded else "DATABASE_URL"
            found = [Finding(Mark.FINE, "database", f"PostgreSQL {version} at {database.address} ({kind})")]
            return [*found, *_judge_database(database, settings)]
    except DatabaseError as error:
        return [Finding(Mark.BROKEN, "database", str(error))]


def _judge_database(database: Database, settings: Settings) -> Iterator[Finding]:
    with database.connect("doctor") as connection:
        row = connection.execute(
            """SELECT rolname, rolsuper, rolcreaterole OR rolsuper,
                   has_database_privilege(current_database(), 'CREATE'),
                   EXISTS (SELECT FROM pg_roles WHERE rolname = 'chart_reader')
               FROM pg_roles WHERE rolname = current_user"""
        ).fetchone()
        if row is None:
            raise DatabaseError(f"PostgreSQL at {database.address} does not list its own user; check DATABASE_URL")
        login, superuser, creates_roles, creates_schemas, reader_exists = row
        state = migration_state(database)
        if state.up_to_date:
            yield Finding(Mark.FINE, "migrations", f"at revision {state.head}")
            yield from _judge_reader(connection)
            yield _judge_charts_login(database, settings)
        elif not state.known:
            text = f"revision {state.current} is newer than this installation ({state.head}). Update it."
            yield Finding(Mark.BROKEN, "migrations", text)
        else:
            text = f"at revision {state.current or 'none'}, newest is {state.head}. Run: b24 migrate"
            yield Finding(Mark.NOTE, "migrations", text)
            if not creates_schemas:
                sql = f'GRANT CREATE ON DATABASE "{connection.info.dbname}" TO "{login}";'
                yield Finding(
                    Mark.BROKEN, "rights", f"login {login} may not create schemas. An administrator runs: {sql}"
                )
            if not creates_roles and not reader_exists:
                sql = f'ALTER ROLE "{login}" CREATEROLE;'
                yield Finding(
                    Mark.BROKEN, "rights", f"login {login} may not create roles. An administrator runs: {sql}"
                )
    if superuser and not database.embedded:
        text = f"login {login} is a superuser. Use one that owns the database and has CREATEROLE, no more."
        yield Finding(Mark.NOTE, "rights", text)


def _judge_reader(connection: Any) -> Iterator[Finding]:
    rows = connection.execute(
        """SELECT nspname, has_schema_privilege('chart_reader', oid, 'USAGE') FROM pg_namespace
           WHERE nspname IN ('bitrix', 'crm', 'app', 'dagster', 'public')"""
    ).fetchall()
    usable = {name for name, usage in rows if usage}
    wrong = usable - {"crm"}
    if "crm" not in usable:
        yield Finding(
            Mark.BROKEN, "roles", "chart_reader may not use schema crm: GRANT USAGE ON SCHEMA crm TO chart_reader;"
        )
    elif wrong - {"public"}:
        names = ", ".join(sorted(wrong - {"public"}))
        text = f"chart_reader may use schema {names}: REVOKE ALL ON SCHEMA {names} FROM PUBLIC, chart_reader;"
        yield Finding(Mark.BROKEN, "roles", text)
    elif wrong:
        text = "chart_reader may use schema public like everybody here: REVOKE ALL ON SCHEMA public FROM PUBLIC;"
        yield Finding(Mark.NOTE, "roles", text)
    else:
        yield Finding(Mark.FINE, "roles", "chart_reader reads crm and nothing else")


def _judge_charts_login(database: Database, settings: Settings) -> Finding:
    try:
        reader = reader_database(database, settings)
    except DatabaseError as error:
        return Finding(Mark.BROKEN, "charts", str(error))
    return Finding(Mark.FINE, "charts", f"login {reader.user} reads for charts at {reader.address}")


def check_model(settings: Settings) -> list[Finding]:
    """Whether the language model's server takes the key. Without a key only charts from questions are missing."""
    if settings.openai_api_key is None:
        return [Finding(Mark.NOTE, "model", "OPENAI_API_KEY is not set: charts cannot be asked for in words")]
    headers = {"Authorization": f"Bearer {settings.openai_api_key.get_secret_value()}"}
    try:
        status = httpx.get(f"{settings.openai_base_url}/models", headers=headers, timeout=PROBE_SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = type(error).__name__
        text = f"{settings.openai_base_url} does not answer ({reason}). Check OPENAI_BASE_URL and the network."
        return [Finding(Mark.BROKEN, "model", text)]
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        text = f"{settings.openai_base_url} refuses the key (status {status}). Correct OPENAI_API_KEY."
        return [Finding(Mark.BROKEN, "model", text)]
    if status >= httpx.codes.BAD_REQUEST:
        text = f"{settings.openai_base_url} answers status {status}. Check OPENAI_BASE_URL: it usually ends in /v1."
        return [Finding(Mark.NOTE, "model", text)]
    return [Finding(Mark.FINE, "model", f"{settings.openai_base_url} takes the key")]


def check_local(settings: Settings, ports: Mapping[str, int] | None = None) -> list[Finding]:
    """Whether the ports that ``b24 up`` wants are free."""
    chosen = {row.port_key: row.default_port for row in SERVICES if row.port_key} | dict(ports or {})
    findings = []
    for key, port in chosen.items():
        try:
            check_ports("127.0.0.1", {key: port})
            findings.append(Finding(Mark.FINE, "port", f"{port} is free"))
        except StartError as error:
            own = holder(settings.b24_home)
            if own is not None:
                findings.append(Finding(Mark.FINE, "port", f"{port} is used by b24 up ({own})"))
            else:
                findings.append(Finding(Mark.BROKEN, "port", str(error)))
    return findings
