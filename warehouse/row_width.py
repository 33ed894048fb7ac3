"""Rows that are wider than a page of PostgreSQL: a row must fit into 8 kB, and however much of it is moved out of line,
some bytes of each cell stay. With hundreds of fields that are all filled in, they are too many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import Connection, sql

from warehouse.columns import MAX_COLUMNS, TEXT, Table

ROOM = 8160 - 24 - MAX_COLUMNS // 8 - 64
"""Bytes for the cells of a row: those of a page, less a header, the bitmap of nulls and the service columns."""

WIDEST_CELL = 24
"""More never stays of a cell: longer values are moved out of line, which leaves a pointer of 18 bytes."""

_FIXED: Mapping[str, int] = {"int8": 15, "timestamptz": 15, "date": 7, "bool": 1}
"""Bytes by type, with those that align the cell after one of odd length."""

_ARGUMENTS = 100
"""PostgreSQL's limit for a function."""


def may_be_too_wide(columns: int) -> bool:
    """Whether so many cells may be more than a row can have."""
    return columns * WIDEST_CELL > ROOM


def idle_cells(conn: Connection, table: sql.Composable, columns: Sequence[str]) -> int:
    """The most of these columns that are filled in one row. Reads the whole table."""
    parts = [
        sql.SQL("num_nonnulls({})").format(sql.SQL(", ").join(map(sql.Identifier, columns[start : start + _ARGUMENTS])))
        for start in range(0, len(columns), _ARGUMENTS)
    ]
    if not parts:
        return 0
    row = conn.execute(sql.SQL("SELECT max({}) FROM {}").format(sql.SQL(" + ").join(parts), table)).fetchone()
    return row[0] or 0 if row else 0


def surplus(table: Table, sizes: Sequence[int | None]) -> list[str]:
    """The codes of the fields that a row must do without to fit into a page, from the portal's last field on.

    ``sizes`` are the bytes of the row's cells, None for a null, as many as the table has columns.
    """
    room = ROOM - table.idle * WIDEST_CELL
    if sum(size is not None for size in sizes) * WIDEST_CELL <= room:
        return []
    widths = [_width(column.pg_type, size) for column, size in zip(table.columns, sizes, strict=True)]
    total = sum(widths)
    codes: dict[str, None] = {}
    for column, width in reversed([*zip(table.columns, widths, strict=True)]):
        if total <= room:
            break
        if width and column.name not in (table.key, table.modified):
            codes[column.field.code] = None
            total -= width
    return list(codes)


def _width(pg_type: str, size: int | None) -> int:
    """What stays of a cell: a short text has a header of one byte, most others are moved out of line."""
    if size is None:
        return 0
    return min(size + 1, WIDEST_CELL) if pg_type == TEXT else _FIXED.get(pg_type, WIDEST_CELL)
