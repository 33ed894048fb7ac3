"""Rows straight into a mirror table that holds none of them, as in an entity's first full sync."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from psycopg import Connection, sql

from warehouse.columns import Table
from warehouse.copy_format import HEADER, TRAILER
from warehouse.load import copied_columns
from warehouse.tables import identifier


@contextmanager
def appending(conn: Connection, table: Table) -> Iterator[Callable[[Iterable[bytes]], None]]:
    """COPY into the table itself: takes rows of a binary COPY while it is open, so that PostgreSQL works on some while
    the caller makes the next.

    The caller owns the transaction. Raises ``psycopg.errors.UniqueViolation`` when a row was there, also at the end.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        identifier(table), sql.SQL(", ").join(copied_columns(table))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        yield lambda rows: copy.write(b"".join(rows))
        copy.write(TRAILER)
