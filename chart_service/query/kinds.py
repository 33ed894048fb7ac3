"""PostgreSQL's types as charts see them: a handful of kinds, and Python values of one type each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection, Column, postgres
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.datetime import IntervalLoader, TimestampLoader
from psycopg.types.string import TextLoader

from chart_service.query.failures import QueryFailed
from chart_service.rows import Column as ChartColumn
from chart_service.rows import ColumnKind

_KINDS: Mapping[str, ColumnKind] = {
    **dict.fromkeys(("int2", "int4", "int8", "float4", "float8", "numeric", "interval"), "number"),
    **dict.fromkeys(("text", "varchar", "bpchar", "name", '"char"', "uuid", "time", "timetz", "unknown"), "text"),
    "date": "date",
    **dict.fromkeys(("timestamp", "timestamptz"), "datetime"),
    "bool": "boolean",
    **dict.fromkeys(("json", "jsonb"), "json"),
}


def chart_columns(description: Iterable[Column]) -> tuple[ChartColumn, ...]:
    """The columns of a result with their kinds. Raises ``QueryFailed`` for a type that a chart cannot show."""
    return tuple(ChartColumn(column.name, _kind(column)) for column in description)


def _kind(column: Column) -> ColumnKind:
    info = postgres.types.get(column.type_code)
    kind = _KINDS.get(info.name) if info is not None else None
    if info is None or kind is None:
        raise QueryFailed("unsupported_type", column=column.name, type=column.type_display)
    return "array" if column.type_code == info.array_oid else kind


class _FiniteDecimal(Loader):
    """NaN and the infinities are no number that a chart could show."""

    def load(self, data: Buffer) -> Decimal | None:
        value = Decimal(bytes(data).decode())
        return value if value.is_finite() else None


class _FiniteFloat(Loader):
    def load(self, data: Buffer) -> float | None:
        value = float(bytes(data))
        return value if value - value == 0 else None


class _Seconds(Loader):
    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        self._interval = IntervalLoader(oid, context)

    def load(self, data: Buffer) -> float:
        value: timedelta = self._interval.load(data)
        return value.total_seconds()


def set_loaders(connection: AsyncConnection[Any], time_zone: ZoneInfo) -> None:
    """Make a connection load values as ``chart_service.rows.Rows`` promises. Times without a zone are of this one."""

    class ZonedTimestamp(Loader):
        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._timestamp = TimestampLoader(oid, context)

        def load(self, data: Buffer) -> datetime:
            return self._timestamp.load(data).replace(tzinfo=time_zone)

    adapters = connection.adapters
    adapters.register_loader("numeric", _FiniteDecimal)
    adapters.register_loader("float4", _FiniteFloat)
    adapters.register_loader("float8", _FiniteFloat)
    adapters.register_loader("interval", _Seconds)
    adapters.register_loader("timestamp", ZonedTimestamp)
    for name in ("uuid", "time", "timetz"):
        adapters.register_loader(name, TextLoader)
