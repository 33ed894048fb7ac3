"""Statements on a real server: what they give, what stops them, and what they cannot do even without the guard."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from chart_service.guard import check
from chart_service.query import QueryFailed, Runner
from chart_service.rows import Column
from tests.chart_service.query.conftest import LIMITS, Activity, unguarded
from warehouse.database import Database
from warehouse.reader_login import reader_database
from warehouse.settings import Settings, load_settings


async def test_an_aggregate_over_a_view(runner: Runner, owner: psycopg.Connection[Any]) -> None:
    checked = check("SELECT pipeline_name, count(*) AS n, sum(opportunity) AS total FROM deals GROUP BY 1 ORDER BY 1")
    result = await runner.run(checked)
    assert result.rows.columns == (Column("pipeline_name", "text"), Column("n", "number"), Column("total", "number"))
    expected = owner.execute(
        "SELECT pipeline_name, count(*), sum(opportunity) FROM crm.deals GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert list(result.rows.rows) == expected
    assert not result.rows.truncated
    assert runner.executions == 1


async def test_values_of_every_kind(runner: Runner) -> None:
    values = {
        "i": ("7::bigint", "number", 7),
        "n": ("1.50::numeric", "number", Decimal("1.50")),
        "f": ("0.5::float8", "number", 0.5),
        "nan": ("'NaN'::numeric", "number", None),
        "inf": ("'Infinity'::float8", "number", None),
        "v": ("interval '1 day 2 seconds'", "number", 86402.0),
        "t": ("'Ёж'::text", "text", "Ёж"),
        "u": ("'5b6a4c62-0000-0000-0000-000000000000'::uuid", "text", "5b6a4c62-0000-0000-0000-000000000000"),
        "at": ("time '10:30'", "text", "10:30:00"),
        "d": ("date '2026-02-01'", "date", date(2026, 2, 1)),
        "z": ("timestamptz '2026-02-01 10:00+03'", "datetime", datetime(2026, 2, 1, 7, tzinfo=UTC)),
        "l": ("timestamp '2026-02-01 10:00'", "datetime", datetime(2026, 2, 1, 10, tzinfo=UTC)),
        "b": ("true", "boolean", True),
        "j": ("'{\"a\": [1]}'::jsonb", "json", {"a": [1]}),
        "a": ("ARRAY['x', NULL]", "array", ["x", None]),
        "unknown": ("NULL", "text", None),
    }
    columns = ", ".join(f"{text} AS {name}" for name, (text, _, _) in values.items())
    result = await runner.run(unguarded(f"SELECT {columns}"))
    assert [column.kind for column in result.rows.columns] == [kind for _, kind, _ in values.values()]
    assert list(result.rows.rows[0]) == [value for _, _, value in values.values()]


async def test_dates_are_grouped_in_the_charts_time_zone(warehouse: Database) -> None:
    settings = load_settings(database_url=warehouse.url, chart_time_zone="Asia/Vladivostok")
    runner = Runner(warehouse, settings, LIMITS)
    try:
        moment = "timestamptz '2026-01-31 20:00+00'"
        result = await runner.run(unguarded(f"SELECT date_trunc('month', {moment}) AS m, {moment}::timestamp AS l"))
    finally:
        await runner.aclose()
    zone = ZoneInfo("Asia/Vladivostok")
    assert result.rows.rows == [(datetime(2026, 2, 1, tzinfo=zone), datetime(2026, 2, 1, 6, tzinfo=zone))]


async def test_no_rows_still_have_columns(runner: Runner) -> None:
    result = await runner.run(check("SELECT id, title FROM deals WHERE id < 0"))
    assert result.rows.names() == ("id", "title")
    assert result.rows.rows == []


@pytest.mark.parametrize(("limit", "kept", "truncated"), [(9, 9, True), (10, 10, False), (11, 10, False)])
async def test_rows_are_capped(runner: Runner, limit: int, kept: int, truncated: bool) -> None:
    result = await runner.run(check("SELECT id FROM deals ORDER BY id LIMIT 10"), rows=limit)
    assert (len(result.rows.rows), result.rows.truncated) == (kept, truncated)


async def test_bytes_are_capped(runner: Runner) -> None:
    result = await runner.run(unguarded("SELECT repeat('x', 10000) AS t FROM generate_series(1, 5000)"))
    assert result.rows.truncated
    assert 10 < len(result.rows.rows) < 20
    assert (await runner.run(unguarded("SELECT 1 AS a"))).rows.rows == [(1,)]


@pytest.mark.parametrize(
    "value", ["repeat('x', 100000)", "array_agg(g) FROM generate_series(1, 100000) g", "repeat('x', 50000000)"]
)
async def test_one_huge_row_ends_in_the_server(runner: Runner, value: str) -> None:
    with pytest.raises(QueryFailed) as failed:
        await runner.run(unguarded(f"SELECT {value}"))
    assert failed.value.code == "too_large"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; SELECT 2",
        "SELECT 1) q LIMIT 1) r; CREATE TABLE crm.x (); SELECT * FROM (SELECT * FROM (SELECT 1",
        "SELECT 1 AS a; COMMIT; SELECT 2",
    ],
)
async def test_one_statement_only(runner: Runner, owner: psycopg.Connection[Any], text: str) -> None:
    with pytest.raises(QueryFailed) as failed:
        await runner.run(unguarded(text))
    assert failed.value.sqlstate == "42601"
    assert owner.execute("SELECT to_regclass('crm.x')").fetchone() == (None,)


async def test_a_slow_statement_is_stopped(runner: Runner, activity: Activity) -> None:
    began = time.monotonic()
    with pytest.raises(QueryFailed) as failed:
        await runner.run(unguarded("SELECT pg_sleep(30)::text"))
    assert failed.value.code == "timeout"
    assert "2 с" in failed.value.text.ru
    assert time.monotonic() - began < 4
    assert await activity.becomes(0)


async def test_a_statement_that_heeds_nothing_does_not_hold_its_caller(
    warehouse: Database, charts_settings: Settings
) -> None:
    """array_fill looks for no interrupt: the connection is given up, and the next statement gets another."""
    limits = replace(LIMITS, seconds=0.2, grace_seconds=0.1)  # a quick machine fills it within a second
    runner = Runner(warehouse, charts_settings, limits)
    try:
        began = time.monotonic()
        with pytest.raises(QueryFailed) as failed:
            await runner.run(unguarded("SELECT cardinality(array_fill(0::numeric, ARRAY[120000000])) FROM deals"))
        assert failed.value.code in ("timeout", "out_of_space")
        assert time.monotonic() - began < limits.seconds + limits.grace_seconds + 11
        assert (await runner.run(unguarded("SELECT 1 AS a"))).rows.rows == [(1,)]
    finally:
        await runner.aclose()


async def test_cancelling_the_caller_cancels_the_statement(runner: Runner, activity: Activity) -> None:
    await runner.run(unguarded("SELECT 1"))
    task = asyncio.create_task(runner.run(unguarded("SELECT pg_sleep(30)::text")))
    assert await activity.becomes(1)
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await activity.becomes(0, 0.5)
    assert time.monotonic() - began < 1
    assert (await runner.run(unguarded("SELECT 1 AS a"))).rows.rows == [(1,)]


async def test_more_than_there_are_sessions_wait_then_are_told(runner: Runner) -> None:
    waits = [runner.run(unguarded("SELECT pg_sleep(1.6)::text")) for _ in range(LIMITS.at_once + 1)]
    done = await asyncio.gather(*waits, return_exceptions=True)
    failed = [result for result in done if isinstance(result, Exception)]
    assert [error.code for error in failed if isinstance(error, QueryFailed)] == ["too_busy"]
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT nothing FROM deals", "unknown_column", "nothing"),
        ("SELECT oportunity FROM deals", "unknown_column", "oportunity"),
        ("SELECT 1 FROM nowhere", "unknown_table", "nowhere"),
        ("SELECT frobnicate(id) FROM deals", "unknown_function", "frobnicate"),
        ("SELECT title, count(*) FROM deals", "not_grouped", "title"),
        ("SELECT id FROM deals a JOIN deals b USING (title)", "ambiguous_column", "id"),
        ("SELECT 1 / (id - id) FROM deals", "division_by_zero", ""),
        ("SELECT * FROM deals WHERE id = 'abc'", "bad_value", "abc"),
        ("SELECT title + 1 FROM deals", "unknown_function", ""),
        ("SELECT '\\x00'::bytea AS raw", "unsupported_type", "raw"),
        ("SELECT ROW(1, 2) AS pair", "unsupported_type", "pair"),
        ("SELECT 'infinity'::timestamptz", "bad_value", "9999"),
        ("SELECT * FROM bitrix.deals", "no_right", ""),
        ("SELECT", "no_columns", ""),
    ],
)
async def test_errors_have_codes_and_words(runner: Runner, sql: str, code: str, words: str) -> None:
    with pytest.raises(QueryFailed) as failed:
        await runner.run(unguarded(sql))
    assert failed.value.code == code
    assert words in failed.value.text.en
    assert failed.value.text.ru
    if failed.value.position:
        assert sql[failed.value.position - 1 :].lstrip("'").startswith(words)


async def test_errors_quote_no_row(runner: Runner, owner: psycopg.Connection[Any]) -> None:
    owner.execute("UPDATE bitrix.deals SET title = 'Marker of Ivan' WHERE id = (SELECT min(id) FROM bitrix.deals)")
    with pytest.raises(QueryFailed) as failed:
        await runner.run(unguarded("SELECT title::int AS n FROM deals ORDER BY id LIMIT 1"))
    assert failed.value.sqlstate == "22P02"
    assert "integer" in failed.value.message
    assert "Ivan" not in f"{failed.value.message} {failed.value.hint} {failed.value.text} {failed.value}"


async def test_sessions_are_clean(runner: Runner) -> None:
    await runner.run(unguarded("SELECT set_config('statement_timeout', '0', false), set_config('x.y', 'z', false)"))
    for _ in range(4):
        result = await runner.run(
            unguarded("SELECT current_setting('statement_timeout') AS t, current_setting('x.y', true) AS y")
        )
        assert result.rows.rows[0][0] == "2s"
        assert not result.rows.rows[0][1]


async def test_nothing_can_be_written(runner: Runner) -> None:
    for sql in ("SELECT nextval('x')", "SELECT lo_creat(-1)", "SELECT lo_from_bytea(0, 'x')"):
        with pytest.raises(QueryFailed):
            await runner.run(unguarded(sql))


async def test_the_plan_tells_what_is_read(runner: Runner) -> None:
    plain = await runner.explain(check("SELECT count(*), sum(opportunity) FROM deals"))
    labelled = await runner.explain(check("SELECT assigned_by_name, stage_name, count(*) FROM deals GROUP BY 1, 2"))
    history = await runner.explain(check("SELECT avg(days_in_first_stage) FROM deals"))
    assert plain.tables == {"deals"}
    assert labelled.tables == {"deals", "users", "statuses"}
    assert history.tables == {"deals", "deal_stage_history"}
    assert plain.cost > 0


async def test_an_absurd_plan_is_refused(runner: Runner) -> None:
    with pytest.raises(QueryFailed) as failed:
        await runner.explain(unguarded("SELECT count(*) FROM deals a, deals b, deals c, deals d"))
    assert failed.value.code == "too_expensive"


async def test_a_restarted_session_is_replaced(runner: Runner, owner: psycopg.Connection[Any]) -> None:
    await runner.run(unguarded("SELECT 1"))
    user = owner.execute(
        "SELECT usename FROM pg_stat_activity WHERE application_name = 'b24 charts' AND datname = current_database()"
    ).fetchone()
    assert user is not None
    result = await runner.run(unguarded("SELECT pg_backend_pid() AS pid, current_user::text AS who"))
    assert result.rows.rows[0][1] == user[0]
    with pytest.raises((psycopg.OperationalError, QueryFailed)):
        await runner.run(unguarded("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert (await runner.run(unguarded("SELECT 1 AS a"))).rows.rows == [(1,)]


async def test_a_read_replica_or_a_login_of_an_administrator_is_used(warehouse: Database, runner: Runner) -> None:
    await runner.run(unguarded("SELECT 1"))
    made = reader_database(warehouse, load_settings(database_url=warehouse.url))
    other = Runner(warehouse, load_settings(database_url=warehouse.url, chart_database_url=made.url), LIMITS)
    try:
        result = await other.run(unguarded("SELECT current_user::text AS who"))
    finally:
        await other.aclose()
    assert result.rows.rows == [(made.user,)]


async def test_a_login_that_could_do_more_runs_nothing(warehouse: Database) -> None:
    runner = Runner(warehouse, load_settings(database_url=warehouse.url, chart_database_url=warehouse.url), LIMITS)
    try:
        with pytest.raises(QueryFailed) as failed:
            await runner.run(unguarded("SELECT 1"))
    finally:
        await runner.aclose()
    assert failed.value.code == "no_reader"
    assert "b24 doctor" in failed.value.text.ru


async def test_a_password_changed_by_another_replica_is_found(runner: Runner, warehouse: Database) -> None:
    await runner.run(unguarded("SELECT 1"))
    with warehouse.connect("test", autocommit=True) as conn:
        conn.execute("UPDATE app.secrets SET value = 'changed elsewhere' WHERE name = 'chart_login_password'")
    reader_database(warehouse, load_settings(database_url=warehouse.url))
    with contextlib.suppress(psycopg.OperationalError, QueryFailed):
        await runner.run(unguarded("SELECT pg_terminate_backend(pg_backend_pid())"))  # ends the session that was open
    with contextlib.suppress(PoolTimeout):
        await runner.run(unguarded("SELECT 1"))
    assert (await runner.run(unguarded("SELECT 1 AS a"))).rows.rows == [(1,)]
