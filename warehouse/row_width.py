"""Rows that are wider than a page of PostgreSQL: a row must fit into 8 kB, and however much of it is moved out of line,
some bytes of each cell stay. With hundreds of fields that are all filled in, they are too many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection, sql

from warehouse.columns import MAX_COLUMNS, TEXT, Table

ROOM = 8160 - 24 - MAX_COLUMNS // 8 - 64
"""Bytes for the cells of a row: those of a page, less a header, the bitmap of nulls and the service columns."""

WIDEST_CELL = 27
"""More never stays of a cell: what has over 24 bytes, compressed where that helps, is moved out of line."""

POINTER, INLINE = 18, 20
"""Bytes of what stays of a value that was moved; values of so many bytes are not moved."""

FEW_DIFFERENT = 12
"""A text with more different bytes cannot be compressed so far (16 bytes) that it stays: each comes as itself once."""

_FIXED: Mapping[str, int] = {"int8": 15, "timestamptz": 15, "date": 7, "bool": 1}
"""Bytes by type, with those that align the cell after one of odd length."""


def may_be_too_wide(columns: int) -> bool:
    """Whether so many cells may be more than a row can have."""
    return columns * WIDEST_CELL > ROOM


def idle_bytes(conn: Connection, table: Table, relation: sql.Composable, columns: Sequence[str]) -> dict[Any, int]:
    """The bytes that rows hold in these columns, which no field fills any more, by the rows' keys: of rows that may be
    too wide with them. Reads the whole table."""
    if not columns:
        return {}
    sizes = [
        sql.SQL("least(coalesce(pg_column_size({}) + 3, 0), {})").format(sql.Identifier(name), sql.Literal(WIDEST_CELL))
        for name in columns
    ]
    query = sql.SQL("SELECT key, bytes FROM (SELECT {} AS key, {} AS bytes FROM {}) rows WHERE bytes > {}").format(
        sql.Identifier(table.key),
        sql.SQL(" + ").join(sizes),
        relation,
        sql.Literal(max(0, ROOM - len(table.columns) * WIDEST_CELL)),
    )
    return dict(conn.execute(query).fetchall())


def surplus(table: Table, cells: Sequence[bytes | None], key: Any) -> list[str]:
    """The codes of the fields that a row must do without to fit into a page, from the portal's last field on.

    ``cells`` are in PostgreSQL's binary form, None for a null, as many as the table has columns.
    """
    room = ROOM - table.idle.get(key, 0)
    if sum(cell is not None for cell in cells) * WIDEST_CELL <= room:
        return []
    widths = [_width(column.pg_type, cell) for column, cell in zip(table.columns, cells, strict=True)]
    total = sum(widths)
    codes: dict[str, None] = {}
    for column, width in reversed([*zip(table.columns, widths, strict=True)]):
        if total <= room:
            break
        if width and column.name not in (table.key, table.modified):
            codes[column.field.code] = None
            total -= width
    return list(codes)


def _width(pg_type: str, cell: bytes | None) -> int:
    """What stays of a cell at most, with the header of one byte that a short text has."""
    if cell is None:
        return 0
    if pg_type != TEXT:
        return _FIXED.get(pg_type, WIDEST_CELL)
    if len(cell) <= INLINE:
        return len(cell) + 1
    return POINTER if len(set(cell)) > FEW_DIFFERENT else WIDEST_CELL
