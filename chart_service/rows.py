"""Rows of a statement, with what kind of value each column holds: what ``query`` gives to ``figures``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

ColumnKind = Literal["number", "text", "date", "datetime", "boolean", "json", "array"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result. ``kind`` follows its PostgreSQL type: numbers of any width are ``number``, an interval is
    ``number`` in seconds."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class Rows:
    """A result: values are int, float, Decimal, str, bool, date, aware datetime, list, dict or None.

    ``truncated``: there were more rows, or more bytes, than the limit.
    """

    columns: tuple[Column, ...]
    rows: Sequence[tuple[Any, ...]]
    truncated: bool = False

    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def index(self, name: str) -> int | None:
        """Position of a column, or None when there is none of that name."""
        return next((at for at, column in enumerate(self.columns) if column.name == name), None)
