"""Rows into real tables: what is written, what is not, and what is kept of values that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from bitrix.entities import Entity, entity_named
from bitrix.fields import Field
from warehouse.columns import Table
from warehouse.convert import RowConverter, Unit
from warehouse.database import Database
from warehouse.journal import commit_state, read_state, record_issues, sync_lock
from warehouse.load import Merge, merge
from warehouse.tables import ensure_table, existing_tables

DEAL = entity_named("deal")
FIELDS = [
    Field("ID", "integer"),
    Field("TITLE", "string"),
    Field("OPPORTUNITY", "double"),
    Field("UF_TAGS", "string", multiple=True),
    Field("ORDER", "integer"),
    Field("DATE_MODIFY", "datetime"),
]


@pytest.fixture
def conn(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect("test") as connection:
        yield connection


def load(conn: psycopg.Connection[Any], table: Table, *rows: dict[str, Any]) -> Merge:
    unit = Unit()
    RowConverter(table).convert(rows, unit)
    with conn.transaction():
        result = merge(conn, table, unit)
        record_issues(conn, table.entity, "run", unit.issues)
    return result


def stored(conn: psycopg.Connection[Any], what: str = "id, title") -> list[Any]:
    return conn.execute(f"SELECT {what} FROM bitrix.deals ORDER BY id").fetchall()


def make(conn: psycopg.Connection[Any], fields: list[Field] = FIELDS, entity: Entity = DEAL) -> Table:
    return ensure_table(conn, entity, fields).table


def deal(number: int, **more: Any) -> dict[str, Any]:
    return {"ID": str(number), "TITLE": f"deal {number}", "DATE_MODIFY": "2026-01-01T10:00:00+03:00", **more}


def test_only_changed_rows_are_written(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    assert load(conn, table, deal(1), deal(2), deal(3)) == Merge(fetched=3, inserted=3)
    before = stored(conn, "id, xmin, _synced_at")
    assert load(conn, table, deal(1), deal(2), deal(3)) == Merge(fetched=3, unchanged=3)
    assert stored(conn, "id, xmin, _synced_at") == before
    result = load(conn, table, deal(1), deal(2, TITLE="new"), deal(4))
    assert result == Merge(fetched=3, inserted=1, updated=1, unchanged=1)
    assert stored(conn) == [(1, "deal 1"), (2, "new"), (3, "deal 3"), (4, "deal 4")]


def test_a_change_that_does_not_touch_the_modification_time_is_written(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    load(conn, table, deal(1))
    assert load(conn, table, deal(1, OPPORTUNITY="5.00")).updated == 1


def test_a_stale_answer_never_overwrites(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    load(conn, table, deal(1, TITLE="newest", DATE_MODIFY="2026-01-02T10:00:00+03:00"))
    assert load(conn, table, deal(1, TITLE="stale")).unchanged == 1
    assert stored(conn) == [(1, "newest")]


def test_of_two_versions_in_one_unit_the_newest_stays(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    newest = deal(1, TITLE="newest", DATE_MODIFY="2026-01-02T10:00:00+03:00")
    load(conn, table, newest, deal(1, TITLE="stale"))
    assert stored(conn) == [(1, "newest")]


def test_a_row_that_comes_back_is_live_again(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    load(conn, table, deal(1))
    conn.execute("UPDATE bitrix.deals SET _deleted_at = now()")
    assert load(conn, table, deal(1)).updated == 1
    assert stored(conn, "_deleted_at") == [(None,)]


def test_a_bad_cell_costs_neither_row_nor_run(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    bad = deal(2, OPPORTUNITY="a lot", ORDER="x" * 5000)
    assert load(conn, table, deal(1), bad, deal(3)).cells_nulled == 2
    assert len(stored(conn)) == 3
    load(conn, table, bad)
    issues = conn.execute(
        "SELECT entity, row_id, field, value, reason, occurrences FROM app.sync_issues ORDER BY field"
    ).fetchall()
    assert issues[0] == ("deal", "2", "OPPORTUNITY", '"a lot"', "expected a number", 2)
    assert len(issues[1][3]) == 500


def test_a_row_without_an_id_becomes_an_issue(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    assert load(conn, table, {"TITLE": "nobody"}, deal(1)).inserted == 1
    assert conn.execute("SELECT field, reason FROM app.sync_issues").fetchall() == [("ID", "row without a usable key")]


def test_unknown_keys_are_kept(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    load(conn, table, deal(1, FACE_ID="7", NEW={"a\x00": "b\ud800"}))
    assert stored(conn, "_extra") == [({"FACE_ID": "7", "NEW": {"a": "b"}},)]


def test_evolution_adds_and_never_drops(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    load(conn, table, deal(1, ORDER="5"))
    changed = [replace(field, type="string") if field.code == "ORDER" else field for field in FIELDS[:-1]]
    designed = ensure_table(conn, DEAL, [*changed, Field("UF_NEW", "money")])
    assert designed.added == ("order_text", "uf_new", "uf_new_currency")
    load(conn, designed.table, deal(2, ORDER="five", UF_NEW="3|RUB"))
    assert stored(conn, 'id, "order", order_text, uf_new, uf_new_currency')[1] == (2, None, "five", 3, "RUB")
    assert stored(conn, '"order"')[0] == (5,)
    vanished = conn.execute("SELECT column_name FROM app.table_columns WHERE vanished_at IS NOT NULL ORDER BY 1")
    assert vanished.fetchall() == [("date_modify",), ("order",)]
    assert ensure_table(conn, DEAL, FIELDS).added == ()
    assert existing_tables(conn) == {"deals"}


def test_four_hundred_fields(conn: psycopg.Connection[Any]) -> None:
    table = make(conn, [*FIELDS, *(Field(f"UF_CRM_{number}", "string") for number in range(400))])
    assert load(conn, table, deal(1, UF_CRM_399="last")).inserted == 1
    assert load(conn, table, deal(1, UF_CRM_399="last")).unchanged == 1


def test_text_keys(conn: psycopg.Connection[Any]) -> None:
    currency = entity_named("currency")
    table = make(conn, list(currency.fields), currency)
    assert load(conn, table, {"CURRENCY": "RUB", "BASE": "Y", "AMOUNT": "1.0000"}).inserted == 1
    with conn.transaction():
        state = commit_state(conn, table, sync_type="full", watermark=None, changed=True)
    assert (state.highest_id, state.rows_total) == (None, 1)


def test_state_moves_only_forward(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    load(conn, table, deal(1), deal(7))
    later, earlier = (conn.execute("SELECT now()").fetchone() or [None])[0], None
    with conn.transaction():
        commit_state(conn, table, sync_type="full", watermark=later, changed=True)
        state = commit_state(conn, table, sync_type="incremental", watermark=earlier, changed=False)
    assert (state.watermark, state.highest_id, state.rows_total) == (later, 7, 2)
    assert state.last_sync_type == "incremental"
    assert read_state(conn, "lead").rows_total is None


@pytest.mark.parametrize("more_rows", [None, 0])
def test_rows_that_a_failed_sync_left_are_counted_by_the_next(
    conn: psycopg.Connection[Any], more_rows: int | None
) -> None:
    """It finds them as they are, so it changes nothing itself."""
    table = make(conn)
    load(conn, table, deal(1), deal(2))
    with conn.transaction():
        commit_state(conn, table, sync_type="full", watermark=None, changed=True)
    load(conn, table, deal(3))
    conn.execute(
        """INSERT INTO app.sync_logs (entity, sync_type, status, started_at, fetched, inserted)
           VALUES ('deal', 'full', 'failed', clock_timestamp(), 3, 1)"""
    )
    conn.commit()
    with conn.transaction():
        state = commit_state(conn, table, sync_type="incremental", watermark=None, changed=False, more_rows=more_rows)
    assert (state.rows_total, state.highest_id) == (3, 3)
    assert conn.execute("SELECT data_version FROM app.sync_state").fetchone() == (2,)
    conn.commit()
    with conn.transaction():
        commit_state(conn, table, sync_type="incremental", watermark=None, changed=False, more_rows=more_rows)
    assert conn.execute("SELECT data_version FROM app.sync_state").fetchone() == (2,)


def test_one_sync_of_an_entity_at_a_time(database: Database) -> None:
    with database.connect() as one, database.connect() as two, sync_lock(one, "deal") as first:
        assert first
        with sync_lock(two, "deal") as second, sync_lock(two, "lead") as other:
            assert (second, other) == (False, True)
        one.close()  # a killed process
        with sync_lock(two, "deal") as second:
            assert second


def test_rows_that_did_not_change_are_read_and_nothing_is_sent(conn: psycopg.Connection[Any]) -> None:
    """A staging table alone would write to PostgreSQL's catalogs, and so to its log."""
    table = make(conn)
    rows = [deal(number, OPPORTUNITY="1000.50", UF_TAGS=["a", "b"]) for number in range(1, 60)]
    load(conn, table, *rows)
    with conn.transaction():
        conn.execute("DISCARD TEMP")
    assert load(conn, table, *rows).unchanged == 59
    [staged] = conn.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'staging%'").fetchone() or ()
    assert staged == 0
    assert load(conn, table, *rows[:-1], deal(59, TITLE="new")).updated == 1


@pytest.mark.parametrize("ids", [(1, 2, 4), (1, 2, 900_000)], ids=["close together", "far apart"])
def test_only_rows_with_the_same_id_are_compared(conn: psycopg.Connection[Any], ids: tuple[int, ...]) -> None:
    table = make(conn)
    load(conn, table, *map(deal, ids), deal(3), deal(5000))
    result = load(conn, table, *map(deal, ids[:-1]), deal(ids[-1], TITLE="new"), deal(6000))
    assert result == Merge(fetched=4, inserted=1, updated=1, unchanged=2)


def test_several_units_in_one_transaction(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    with conn.transaction():
        assert load(conn, table, deal(1), deal(2)).inserted == 2
        assert load(conn, table, deal(2, TITLE="new"), deal(3)) == Merge(fetched=2, inserted=1, updated=1)
    assert stored(conn) == [(1, "deal 1"), (2, "new"), (3, "deal 3")]


def test_a_unit_after_one_that_was_rolled_back(conn: psycopg.Connection[Any]) -> None:
    table = make(conn)
    with conn.transaction():
        load(conn, table, deal(1))
        raise psycopg.Rollback
    assert load(conn, table, deal(2)).inserted == 1
    assert stored(conn, "id") == [(2,)]
