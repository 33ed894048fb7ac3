"""Statements that the guard refuses, run without it: the login, the read-only transaction and the limits hold alone."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chart_service.query import Limits, QueryFailed, Runner
from tests.chart_service.query.conftest import unguarded
from tests.conftest import PostgresServer
from warehouse.database import Database
from warehouse.server_hardening import harden
from warehouse.settings import Settings

HOSTILE = [
    json.loads(line)["sql"]
    for line in (Path(__file__).parents[1] / "guard" / "hostile.jsonl").read_text().splitlines()
    if line.strip()
]
LIMITS = Limits(seconds=0.4, grace_seconds=0.6, at_once=1)
SECONDS_EACH = LIMITS.seconds + LIMITS.grace_seconds + 11
"""psycopg gives a server that does not heed two times five seconds, then lets the connection go."""

_STATE = (
    """SELECT string_agg(format('%s.%s', relnamespace::regnamespace, relname), ' ' ORDER BY oid) FROM pg_class
       WHERE relnamespace::regnamespace::text NOT LIKE 'pg_%%'""",
    "SELECT string_agg(format('%s %s', proname, proacl), ' ' ORDER BY oid) FROM pg_proc WHERE oid > 16383",
    "SELECT string_agg(lomowner::text, ' ') FROM pg_largeobject_metadata",
    """SELECT string_agg(r::text, ' ' ORDER BY oid) FROM pg_roles r WHERE rolname !~ '^b24_charts'""",
    "SELECT string_agg(m::text, ' ' ORDER BY m::text) FROM pg_auth_members m",
    "SELECT string_agg(concat_ws(' ', setdatabase, setrole, setconfig), ' ' ORDER BY setrole) FROM pg_db_role_setting",
    "SELECT count(*)::text FROM pg_replication_slots",
    "SELECT count(*)::text FROM pg_prepared_xacts",
    "SELECT string_agg(extname, ' ') FROM pg_extension",
)


@pytest.fixture
def admin(postgres: PostgresServer, warehouse: Database) -> Iterator[psycopg.Connection[Any]]:
    name = warehouse.address.rsplit("/", 1)[1]
    with psycopg.connect(postgres.admin_url, dbname=name, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def bare(warehouse: Database, charts_settings: Settings) -> AsyncIterator[Runner]:
    made = Runner(warehouse, charts_settings, LIMITS)
    yield made
    await made.aclose()


def state(admin: psycopg.Connection[Any]) -> list[Any]:
    """Everything that a statement could have changed: rows, objects, roles, settings, large objects."""
    tables = admin.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text"
        " IN ('app', 'bitrix') ORDER BY 1"
    ).fetchall()
    rows = [
        admin.execute(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t").fetchone()
        for (name,) in tables
    ]
    return rows + [admin.execute(query).fetchone() for query in _STATE]


async def run_bare(runner: Runner, sql: str) -> None:
    """Send the statement as it is: not even wrapped in a limit of rows."""
    async with runner._transaction(unguarded(sql), 0) as connection:
        await runner._fetch(connection, sql, runner.limits.total_bytes)


async def harmless(runner: Runner, statements: list[str], admin: psycopg.Connection[Any]) -> None:
    await runner.run(unguarded("SELECT 1"))  # makes the login
    before = state(admin)
    for sql in statements:
        began = time.monotonic()
        with contextlib.suppress(QueryFailed, psycopg.Error, UnicodeEncodeError):
            await run_bare(runner, sql)
        took = time.monotonic() - began
        assert took < SECONDS_EACH, f"{took:.1f} s: {sql}"
    assert state(admin) == before
    clean = "SELECT current_setting('statement_timeout') AS t, current_setting('transaction_read_only') AS r"
    result = await runner.run(unguarded(clean))
    assert result.rows.rows == [("400ms", "on")]


async def test_a_sample_of_hostile_statements_is_harmless(bare: Runner, admin: psycopg.Connection[Any]) -> None:
    quick = [sql for sql in HOSTILE[::24] if "array_fill" not in sql and "repeat" not in sql]
    await harmless(bare, quick, admin)


@pytest.mark.slow
async def test_every_hostile_statement_is_harmless(bare: Runner, admin: psycopg.Connection[Any]) -> None:
    await harmless(bare, HOSTILE, admin)


FORBIDDEN = """
DELETE FROM crm.deals
UPDATE bitrix.deals SET title = 'x'
INSERT INTO app.secrets VALUES ('a', 'b')
SELECT * FROM bitrix.deals
SELECT * FROM pg_authid
CREATE TABLE crm.x (a int)
CREATE TEMPORARY TABLE x (a int)
CREATE SCHEMA x
DROP VIEW crm.deals
ALTER ROLE chart_reader SUPERUSER
GRANT pg_read_all_data TO chart_reader
COPY (SELECT 1) TO PROGRAM 'true'
SELECT pg_read_file('PG_VERSION')
SELECT lo_creat(-1)
SELECT lo_from_bytea(0, 'x')
SELECT pg_advisory_lock(1)
SELECT pg_logical_emit_message(false, 'a', 'b')
SELECT set_config('work_mem', '1GB', false)
SELECT pg_terminate_backend(pg_backend_pid())
SELECT pg_sleep(1)
SELECT txid_current()
"""


async def test_writes_are_refused_even_where_the_transaction_could_write(
    warehouse: Database, charts_settings: Settings, admin: psycopg.Connection[Any], postgres: PostgresServer
) -> None:
    """On a hardened server without the read-only transaction: what is left are the rights of the login."""
    if admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
        pytest.skip("only a superuser can harden a server")
    harden(postgres.admin_url, warehouse.address.rsplit("/", 1)[1], warehouse.user)
    writing = Runner(warehouse, charts_settings, replace(LIMITS, seconds=2))
    writing._begin = lambda: b"BEGIN READ WRITE"  # type: ignore[method-assign]
    try:
        await writing.run(unguarded("SELECT 1"))
        before = state(admin)
        for sql in FORBIDDEN.strip().splitlines():
            with pytest.raises(QueryFailed) as failed:
                await run_bare(writing, sql)
            assert failed.value.sqlstate in ("42501", "55000"), sql  # no right; or a view of joins
        assert state(admin) == before
    finally:
        await writing.aclose()
