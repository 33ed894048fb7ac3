"""A ``crm`` view in the making: its columns, what they mean, and the joins behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from psycopg import sql

from bitrix.entities import Entity
from warehouse.columns import clip_name
from warehouse.meanings import Text
from warehouse.tables import identifier

Kind = Literal["field", "label", "derived", "service"]
"""``field``: the portal's own value; ``label``: the text behind a code; ``derived``: computed here."""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of a mirror table as ``app.table_columns`` knows it."""

    table_name: str
    column_name: str
    entity: str
    field_code: str
    part: str
    pg_type: str
    field_type: str
    multiple: bool
    title: str
    status_type: str | None
    vanished: bool
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of a view: its name, the expression behind it, and what it means.

    ``source`` is the stored column that it shows or labels; ``title`` the portal's own, empty where there is none.
    """

    name: str
    expression: sql.Composable
    kind: Kind
    title: str
    meaning: Text
    source: StoredColumn | None = None


@dataclass(slots=True)
class View:
    """``joins`` are the clauses after ``FROM … t``."""

    entity: Entity
    columns: list[ViewColumn] = field(default_factory=list)
    joins: list[sql.Composable] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def add(
        self,
        name: str,
        expression: sql.Composable,
        kind: Kind,
        meaning: Text,
        *,
        title: str = "",
        source: StoredColumn | None = None,
    ) -> None:
        """Add a column unless the name is taken: the portal's own column keeps it."""
        name = clip_name(name)
        if name not in self.names:
            self.names.add(name)
            self.columns.append(ViewColumn(name, expression, kind, title, meaning, source))

    def select(self, columns: Iterable[ViewColumn]) -> sql.Composed:
        """The statement behind the view, with these columns: live rows only."""
        return sql.SQL("SELECT {columns} FROM {table} t {joins} WHERE t._deleted_at IS NULL").format(
            columns=sql.SQL(", ").join(
                sql.SQL("{} AS {}").format(column.expression, sql.Identifier(column.name)) for column in columns
            ),
            table=identifier(self.entity.table),
            joins=sql.SQL(" ").join(self.joins),
        )


def own(name: str) -> sql.Composed:
    """A column of the mirror table itself."""
    return sql.SQL("t.{}").format(sql.Identifier(name))


def has(columns: Iterable[StoredColumn], names: Iterable[str]) -> bool:
    """Whether the table has all of these columns."""
    return set(names) <= {column.column_name for column in columns}


def text_of(parts: Iterable[str], prefix: sql.Composable) -> sql.Composable:
    """One text of several columns: ``Anna Kim``; null when all are."""
    columns = [prefix + sql.Identifier(part) for part in parts]
    if len(columns) == 1:
        return columns[0]
    return sql.SQL("nullif(concat_ws(' ', {}), '')").format(sql.SQL(", ").join(columns))
