"""Filters as conditions on a column: typed literals, half-open days, empty values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from pglast import ast

from chart_service.guard import build
from chart_service.guard.filter_forms import ColumnFilter, Value, day_of
from chart_service.guard.refusal import Refused

_INTEGERS = {"smallint": 15, "integer": 31, "bigint": 63}
_NUMBERS = ("numeric", "double precision", "real")
_MOMENTS = {"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp"}
_SHORT = {**_MOMENTS, "bigint": "int8", "integer": "int4", "boolean": "bool", "character varying": "varchar"}
_TRUE, _FALSE = {"true", "y", "1", "yes"}, {"false", "n", "0", "no"}

DATE_TYPES = frozenset({"date", *_MOMENTS})
"""Types that a period can be put on."""


def within(name: str, pg_type: str, since: date | None, until: date | None, zone: ZoneInfo) -> list[ast.Node]:
    """Conditions that keep a date column within days, ``until`` exclusive."""
    column = build.column(name)
    conditions: list[ast.Node] = []
    if since is not None:
        conditions.append(build.compare(column, ">=", _day_begins(since, pg_type, zone)))
    if until is not None:
        conditions.append(build.compare(column, "<", _day_begins(until, pg_type, zone)))
    return conditions


def condition(chosen: ColumnFilter, name: str, pg_type: str, zone: ZoneInfo) -> ast.Node:
    """One filter as a condition on a column of this type. Raises ``Refused`` for a value that does not fit."""
    column = build.column(name)
    if chosen.op == "is_null":
        return build.is_null(column)
    if chosen.op == "not_null":
        return build.negate(build.is_null(column))
    writer = _Writer(chosen, name, pg_type, zone)
    if chosen.op == "between":
        return writer.between()
    if chosen.op == "contains":
        return writer.contains()
    known = [value for value in chosen.values if value is not None]
    empty = build.is_null(column)
    if chosen.op == "in":
        return build.either([*writer.among(known), *([empty] if len(known) < len(chosen.values) else [])])
    others = [build.negate(condition) for condition in writer.among(known)]
    if len(known) < len(chosen.values):
        return build.both([*others, build.negate(build.is_null(column))])
    return build.either([build.both(others), empty]) if others else build.boolean(True)


class _Writer:
    """Writes the values of one filter as literals of the column's type."""

    def __init__(self, chosen: ColumnFilter, name: str, pg_type: str, zone: ZoneInfo) -> None:
        self.chosen = chosen
        self.name = name
        self.pg_type = pg_type.removesuffix("[]")
        self.is_array = pg_type.endswith("[]")
        self.zone = zone

    @property
    def column(self) -> ast.ColumnRef:
        return build.column(self.name)

    def among(self, values: Sequence[Value]) -> list[ast.Node]:
        """Conditions of which one holds where the column is one of the values, or a list that holds one."""
        if not values:
            return []
        if self.is_array:
            elements = build.cast(build.array([self._literal(value) for value in values]), self._short, array=True)
            return [build.compare(self.column, "&&", elements)]
        days = [day for value in values if (day := day_of(value)) is not None] if self.pg_type in _MOMENTS else []
        conditions: list[ast.Node] = [
            build.both(within(self.name, self.pg_type, day, day + timedelta(days=1), self.zone)) for day in days
        ]
        exact = [self._literal(value) for value in values if not days or day_of(value) is None]
        return [*conditions, *([build.in_list(self.column, exact)] if exact else [])]

    def between(self) -> ast.Node:
        low, high = self.chosen.values
        conditions: list[ast.Node] = []
        if self.is_array:
            raise self._unfit(low)
        if low is not None:
            conditions.append(build.compare(self.column, ">=", self._literal(low)))
        day = day_of(high) if self.pg_type in _MOMENTS else None
        if day is not None:
            conditions += within(self.name, self.pg_type, None, day + timedelta(days=1), self.zone)
        elif high is not None:
            conditions.append(build.compare(self.column, "<=", self._literal(high)))
        return build.both(conditions)

    def contains(self) -> ast.Node:
        if self.is_array and self.pg_type != "text":
            return build.either(self.among([value for value in self.chosen.values if value is not None]))
        column: ast.Node = self.column
        if self.is_array or self.pg_type not in ("text", "character varying"):
            column = build.cast(column, "text")
        return build.either([build.like(column, build.text(_pattern(value))) for value in self.chosen.values])

    @property
    def _short(self) -> str:
        return _SHORT.get(self.pg_type, self.pg_type)

    def _literal(self, value: Value) -> ast.Node:
        if self.pg_type in _INTEGERS:
            return build.number(self._integer(value))
        if self.pg_type in _NUMBERS:
            return build.number(self._number(value))
        if self.pg_type == "boolean":
            return build.boolean(self._boolean(value))
        if self.pg_type in DATE_TYPES:
            return self._date(value)
        if self.pg_type in ("text", "character varying") and not isinstance(value, bool) and value is not None:
            return build.text(str(value))
        raise self._unfit(value)

    def _integer(self, value: Value) -> int:
        number = self._number(value)
        if number != number.to_integral_value() or abs(number) >= 2 ** _INTEGERS[self.pg_type]:
            raise self._unfit(value)
        return int(number)

    def _number(self, value: Value) -> Decimal:
        if isinstance(value, bool) or value is None:
            raise self._unfit(value)
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            raise self._unfit(value) from None
        if not number.is_finite() or abs(number.adjusted()) > 40 or len(number.as_tuple().digits) > 50:
            raise self._unfit(value)
        return number

    def _boolean(self, value: Value) -> bool:
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise self._unfit(value)
        return word in _TRUE

    def _date(self, value: Value) -> ast.Node:
        day = day_of(value)
        if day is not None:
            return _day_begins(day, self.pg_type, self.zone)
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise self._unfit(value) from None
        if self.pg_type == "date":
            return build.cast(build.text(moment.date().isoformat()), "date")
        return build.cast(
            build.text(_in_zone(moment, self.zone, aware=self.pg_type.endswith("with time zone"))), self._short
        )

    def _unfit(self, value: Value) -> Refused:
        return Refused("filter_value", name=self.name, value="null" if value is None else value)


def _day_begins(day: date, pg_type: str, zone: ZoneInfo) -> ast.Node:
    if pg_type == "date":
        return build.cast(build.text(day.isoformat()), "date")
    aware = pg_type == "timestamp with time zone"
    return build.cast(build.text(_in_zone(datetime.combine(day, time()), zone, aware=aware)), _MOMENTS[pg_type])


def _in_zone(moment: datetime, zone: ZoneInfo, *, aware: bool) -> str:
    """A moment as PostgreSQL reads it, with its offset where the column has one, so that no setting matters."""
    if aware:
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
    return (moment.astimezone(zone).replace(tzinfo=None) if moment.tzinfo else moment).isoformat()


def _pattern(value: Value) -> str:
    escaped = str(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
