"""Slices of a walk on their way into a table: appended where none of its rows is there, merged where some may be."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from bitrix.entities import entity_named
from bitrix.fields import Field
from bitrix.listing import Row
from bitrix.plan import Range
from bitrix.walk import Opened, RowWalk, Slice
from orchestration.row_writer import RowWriter
from warehouse.database import Database
from warehouse.full_sync import begin, unfinished
from warehouse.journal import LogEntry, start_log
from warehouse.load import Merge
from warehouse.tables import ensure_table

Connection = psycopg.Connection[Any]
Parts = list[tuple[list[list[Row]], list[Range]]]
DEAL = entity_named("deal")
FIELDS = [
    Field("ID", "integer"),
    Field("TITLE", "string"),
    Field("OPPORTUNITY", "double"),
    Field("UF_TAGS", "string", multiple=True),
    Field("DATE_MODIFY", "datetime"),
]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    with database.connect("test") as connection:
        yield connection


def writer(conn: Connection) -> RowWriter:
    table = ensure_table(conn, DEAL, FIELDS).table
    log_id, began = start_log(conn, "deal", "full", run_id=None, trigger=None)
    begin(conn, table, NOW)
    conn.commit()
    made: RowWriter = RowWriter(
        conn, table, run_id=None, log_id=log_id, since=began, entry=lambda expected: LogEntry(made.counts)
    )
    return made


def walk_of(parts: Parts, between: Any = None) -> RowWalk:
    """A walk that brings these slices: pages, and the ranges that they complete. ``between`` is called after each."""

    async def slices() -> AsyncGenerator[Slice, None]:
        for pages, done in parts:
            yield Slice(pages, done)
            if between is not None:
                between()

    async def start() -> Opened:
        return Opened(NOW, slices())

    return RowWalk("crm.deal.list", start)


def deal(number: int, title: str = "a deal", modified: str = "2026-01-01T10:00:00+03:00", **more: Any) -> Row:
    return {"ID": str(number), "TITLE": title, "DATE_MODIFY": modified, **more}


def stored(conn: Connection) -> list[Any]:
    rows = conn.execute(
        "SELECT id, title, opportunity, uf_tags, date_modify, _extra, _deleted_at FROM bitrix.deals ORDER BY id"
    ).fetchall()
    conn.commit()
    return rows


def was_merged(conn: Connection) -> bool:
    """Whether rows went through a staging table."""
    return conn.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'staging_%'").fetchone() != (0,)


ODD: Parts = [
    (
        [
            [deal(1), deal(2, OPPORTUNITY="12.50", UF_TAGS=["a", "b"]), deal(3, UNHEARD_OF={"x": 1})],
            [deal(4, OPPORTUNITY="many"), deal(5, title="a\x00b", UF_TAGS=False), {"TITLE": "no id"}],
        ],
        [(1, 50)],
    ),
    ([], [(51, 100)]),
    ([[deal(101), deal(102, title="")]], [(101, 150)]),
]


async def test_what_is_appended_is_what_a_merge_writes(conn: Connection) -> None:
    merging = writer(conn)
    await merging.write_walk(walk_of(ODD))
    merged = stored(conn)
    assert was_merged(conn)
    conn.execute("TRUNCATE bitrix.deals, app.sync_issues")
    conn.commit()
    appending = writer(conn)
    await appending.write_walk(walk_of(ODD), known=[])
    assert stored(conn) == merged
    assert appending.counts == merging.counts == Merge(fetched=8, inserted=7, unchanged=1, cells_nulled=2)
    assert conn.execute("SELECT count(*), count(*) FILTER (WHERE row_id = '4') FROM app.sync_issues").fetchone() == (
        2,
        1,
    )


async def test_rows_are_appended_beside_those_that_an_earlier_walk_brought(database: Database) -> None:
    with database.connect("earlier") as conn:
        await writer(conn).write_walk(walk_of([([[deal(1), deal(2)]], [(1, 50)])]), known=[])
    with database.connect("next") as conn:
        again = writer(conn)
        await again.write_walk(walk_of([([[deal(51)]], [(51, 100)])]), known=[(1, 50)])
        assert not was_merged(conn)
        assert [row[0] for row in stored(conn)] == [1, 2, 51]
        left = unfinished(conn, again.table)
        assert left is not None
        assert (left.done, left.rows) == (((1, 100),), 3)


async def test_a_row_elsewhere_means_a_merge(conn: Connection) -> None:
    first = writer(conn)
    await first.write_walk(walk_of([([[deal(7, title="old")]], [])]), known=[])
    assert not was_merged(conn)
    second = writer(conn)
    await second.write_walk(walk_of([([[deal(7, title="new"), deal(8)]], [(1, 50)])]), known=[(8, 50)])
    assert second.counts == Merge(fetched=2, inserted=1, updated=1)
    assert [row[:2] for row in stored(conn)] == [(7, "new"), (8, "a deal")]


async def test_a_row_that_comes_twice_is_there_once_and_the_newest(conn: Connection) -> None:
    pages = [
        [deal(1, title="newer", modified="2026-01-02T10:00:00+03:00"), deal(2)],
        [deal(1, title="older"), deal(3)],
    ]
    target = writer(conn)
    await target.write_walk(walk_of([(pages, [(1, 50)]), ([[deal(51)]], [(51, 100)])]), known=[])
    assert [row[:2] for row in stored(conn)] == [(1, "newer"), (2, "a deal"), (3, "a deal"), (51, "a deal")]
    assert target.counts == Merge(fetched=5, inserted=4, unchanged=1)


async def test_a_row_that_somebody_put_there_meanwhile_is_merged(conn: Connection, database: Database) -> None:
    def intrude() -> None:
        with database.connect("intruder", autocommit=True) as other:
            other.execute("INSERT INTO bitrix.deals (id, title) VALUES (51, 'theirs') ON CONFLICT DO NOTHING")

    target = writer(conn)
    parts: Parts = [([[deal(1)]], [(1, 50)]), ([[deal(51), deal(52)]], [(51, 100)]), ([[deal(101)]], [(101, 150)])]
    await target.write_walk(walk_of(parts, intrude), known=[])
    assert [row[:2] for row in stored(conn)] == [(number, "a deal") for number in (1, 51, 52, 101)]
    assert target.counts == Merge(fetched=4, inserted=3, updated=1)


async def test_a_slice_that_breaks_off_leaves_nothing(conn: Connection) -> None:
    def pages() -> Iterator[list[Row]]:
        yield [deal(1), deal(2)]
        raise RuntimeError("the portal ignored the filter")

    parts: Any = [(pages(), [])]
    target = writer(conn)
    with pytest.raises(RuntimeError, match="ignored"):
        await target.write_walk(walk_of(parts), known=[])
    assert stored(conn) == []
    assert target.counts == Merge()
