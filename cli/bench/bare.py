"""COPY and merge of bytes that are ready, with nothing else around: the most that PostgreSQL gives."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import Connection, sql

from bitrix.client import PortalClient
from bitrix.describe import describe
from bitrix.entities import entity_named
from bitrix.webhook_url import WebhookUrl
from orchestration.row_writer import UNIT_ROWS
from warehouse.columns import Table
from warehouse.convert import Record, Unit
from warehouse.copy_format import HEADER, TRAILER
from warehouse.database import Database
from warehouse.load import copied_columns, merge
from warehouse.tables import ensure_table, identifier

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class BareSpeed:
    """Rows a second into an emptied table, medians: with a plain ``INSERT … ON CONFLICT`` of all columns, and with the
    merge of ``warehouse.load``, which compares every row and keeps newer ones."""

    upsert: int
    merge: int


async def measure_bare(database: Database, webhook_url: str) -> BareSpeed:
    """Empty the table of deals and fill it again with what was in it. Raises ``BitrixError``, ``psycopg.Error``."""
    deal = entity_named("deal")
    async with PortalClient(WebhookUrl.parse(webhook_url)) as client:
        fields = (await describe(client, [deal]))[deal.name]
    with database.connect("bench") as conn:
        table = ensure_table(conn, deal, fields).table
        units = _prepared(conn, table)
        return BareSpeed(_speed(conn, table, units, _upsert), _speed(conn, table, units, merge))


def _prepared(conn: Connection, table: Table) -> list[Unit]:
    """The rows of the table as rows of a COPY, in units."""
    query = sql.SQL("SELECT {} FROM {} ORDER BY {}")
    key, name = sql.Identifier(table.key), identifier(table)
    keys = [row[0] for row in conn.execute(query.format(key, name, key))]
    columns = sql.SQL(", ").join(copied_columns(table))
    with (
        conn.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query.format(columns, name, key))) as copy,
    ):
        rows = [bytes(row).removeprefix(HEADER) for row in copy]  # a message each
    records = [Record(row, None) for row in rows if row != TRAILER]
    return [
        Unit(dict(zip(keys[at : at + UNIT_ROWS], records[at : at + UNIT_ROWS], strict=True)), fetched=UNIT_ROWS)
        for at in range(0, len(keys), UNIT_ROWS)
    ]


_Write = Callable[[Connection, Table, Unit], object]


def _speed(conn: Connection, table: Table, units: list[Unit], write: _Write) -> int:
    speeds = []
    for _ in range(ROUNDS):
        conn.execute(sql.SQL("TRUNCATE {}").format(identifier(table)))
        conn.commit()
        begun = time.monotonic()
        for unit in units:
            with conn.transaction():
                write(conn, table, unit)
        speeds.append(sum(len(unit.records) for unit in units) / (time.monotonic() - begun))
    return round(statistics.median(speeds))


def _upsert(conn: Connection, table: Table, unit: Unit) -> None:
    columns = copied_columns(table)
    names = sql.SQL(", ").join(columns)
    create = sql.SQL("CREATE TEMPORARY TABLE prepared ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA")
    conn.execute(create.format(names, identifier(table)))
    with conn.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY pg_temp.prepared ({}) FROM STDIN (FORMAT binary)").format(names)) as copy:
            copy.write(b"".join([HEADER, *(record.data for record in unit.records.values()), TRAILER]))
        changes = sql.SQL(", ").join(sql.SQL("{c} = excluded.{c}").format(c=column) for column in columns)
        statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM pg_temp.prepared ON CONFLICT ({}) DO UPDATE SET {}")
        cursor.execute(statement.format(identifier(table), names, names, sql.Identifier(table.key), changes))
