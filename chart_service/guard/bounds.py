"""Between which values an expression lies, as far as its text tells: how long a series is, how wide a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pglast import ast, enums

from chart_service.guard.spans import DATA_MOMENT, DAY, Bounds, now, read_moment, read_span, span_of, start_of_day
from chart_service.guard.tree import kind

LONGEST_SHIFT = 20 * 366 * DAY
"""Seconds that a date from the data may be moved by."""


def bounds(node: Any) -> Bounds | None:
    """Bounds of an expression; None where nothing can be told."""
    rule = _RULES.get(type(node))
    return rule(node) if rule else None


def as_moment(value: Bounds | None) -> Bounds | None:
    """A moment, or a literal text read as one."""
    if value is None or value.kind == "moment":
        return value
    return read_moment(value.text) if value.kind == "text" else None


def as_span(value: Bounds | None) -> Bounds | None:
    """A span of time, or a literal text read as one."""
    if value is None or value.kind == "span":
        return value
    return read_span(value.text) if value.kind == "text" else None


def _constant(node: Any) -> Bounds | None:
    value = node.val
    shape = type(value)
    if shape is ast.Integer:
        return _exactly(value.ival or 0)
    if shape is ast.Float:
        digits = value.fval.replace("_", "")
        return _exactly(float(digits)) if re.fullmatch(r"[\d.]+(e[+-]?\d+)?", digits, re.IGNORECASE) else None
    return Bounds("text", text=value.sval or "") if shape is ast.String else None


def _exactly(number: float) -> Bounds:
    return Bounds("number", number, number)


def _cast(node: Any) -> Bounds | None:
    inner = bounds(node.arg)
    name = node.typeName.names[-1].sval
    if node.typeName.arrayBounds:
        return None
    if name in ("date", "timestamp", "timestamptz"):
        if kind(node.arg) is ast.ColumnRef:
            return DATA_MOMENT
        return as_moment(inner)
    if name == "interval":
        if inner is not None and inner.kind == "text" and re.fullmatch(r"\s*-?\d+\s*", inner.text):
            return span_of(float(inner.text), _UNIT_OF_MASK.get(_mask(node.typeName), "second"))
        return as_span(inner)
    if name in _NUMERIC:
        if inner is not None and inner.kind == "text":
            return _exactly(float(inner.text)) if re.fullmatch(r"\s*-?\d{1,15}(\.\d{1,15})?\s*", inner.text) else None
        return inner if inner is not None and inner.kind == "number" else None
    return None


_NUMERIC = {"int2", "int4", "int8", "numeric", "float4", "float8"}


def _mask(type_name: Any) -> int:
    typmods = type_name.typmods
    return (typmods[0].val.ival or 0) if typmods and kind(typmods[0]) is ast.A_Const else 0


_UNIT_OF_MASK = {2: "month", 4: "year", 8: "day", 1024: "hour", 2048: "minute", 4096: "second"}
"""``interval '1' month``: PostgreSQL's bit for the unit (INTERVAL_MASK)."""


def _now(node: Any) -> Bounds | None:
    return now()


def _expression(node: Any) -> Bounds | None:
    if node.kind != enums.A_Expr_Kind.AEXPR_OP:
        return None
    operator = node.name[-1].sval
    right = bounds(node.rexpr)
    if node.lexpr is None:
        return Bounds(right.kind, -right.high, -right.low) if right and operator == "-" else None
    left = bounds(node.lexpr) if kind(node.lexpr) is not ast.ColumnRef else _column_beside(right)
    if left is None or right is None:
        return None
    if operator in "+-":
        return _sum(left, right, -1 if operator == "-" else 1)
    if operator in "*/":
        return _product(left, right, operator)
    return None


def _column_beside(other: Bounds | None) -> Bounds | None:
    """``column - interval '…'``: the column is a moment."""
    return DATA_MOMENT if other is not None and other.kind == "span" else None


def _sum(left: Bounds, right: Bounds, sign: int) -> Bounds | None:
    if left.kind == "number" and right.kind == "moment":
        left, right = right, left
    if left.kind == "moment" and right.kind == "number":  # a date and a number of days
        right = Bounds("span", right.low * DAY, right.high * DAY)
    if left.kind in ("moment", "span") and right.kind == "text":
        right = as_span(right) or right
    if left.kind == "span" and right.kind == "moment" and sign > 0:
        left, right = right, left
    low, high = (right.low, right.high) if sign > 0 else (-right.high, -right.low)
    if left.kind == "moment" and right.kind == "span":
        if left.from_data and max(abs(low), abs(high)) > LONGEST_SHIFT:
            return None
        return left if left.from_data else Bounds("moment", left.low + low, left.high + high)
    if left.kind == right.kind and left.kind in ("number", "span"):
        return Bounds(left.kind, left.low + low, left.high + high)
    if left.kind == right.kind == "moment" and sign < 0:
        return Bounds("number", (left.low + low) / DAY, (left.high + high) / DAY)
    return None


def _product(left: Bounds, right: Bounds, operator: str) -> Bounds | None:
    if left.kind == "number" and right.kind == "span" and operator == "*":
        left, right = right, left
    if right.kind != "number" or left.kind not in ("number", "span"):
        return None
    if operator == "/":
        if right.low <= 0 <= right.high:
            return None
        ends = [one / other for one in (left.low, left.high) for other in (right.low, right.high)]
    else:
        ends = [one * other for one in (left.low, left.high) for other in (right.low, right.high)]
    return Bounds(left.kind, min(ends), max(ends))


def _call(node: Any) -> Bounds | None:
    name = node.funcname[-1].sval
    rule = _CALLS.get(name)
    return rule(list(node.args or ())) if rule else None


def _call_now(arguments: list[Any]) -> Bounds | None:
    return _now(None)


def _call_trunc(arguments: list[Any]) -> Bounds | None:
    """``date_trunc(unit, x)``: x, or up to a century before it."""
    if len(arguments) < 2:
        return None
    value = _moment_or_column(arguments[1])
    if value is None or value.from_data:
        return value
    return Bounds("moment", value.low - 366 * DAY, value.high)


def _moment_or_column(node: Any) -> Bounds | None:
    return DATA_MOMENT if kind(node) is ast.ColumnRef else as_moment(bounds(node))


def _call_aggregate(arguments: list[Any]) -> Bounds | None:
    """``min(x)``: what x can be; a bare column is taken for a date, because only dates are asked for bounds here."""
    if len(arguments) != 1:
        return None
    return DATA_MOMENT if kind(arguments[0]) is ast.ColumnRef else bounds(arguments[0])


def _call_part(arguments: list[Any]) -> Bounds | None:
    if len(arguments) != 2 or kind(arguments[0]) is not ast.A_Const:
        return None
    parts = _PARTS.get(str(getattr(arguments[0].val, "sval", "")).lower())
    if parts is None:
        return None
    value = as_moment(bounds(arguments[1]))
    if value is not None and not value.from_data and parts is _YEARS:
        return Bounds("number", _year(value.low), _year(value.high))
    return Bounds("number", *parts)


def _year(moment: float) -> float:
    return float(int(1970 + moment / (365.2425 * DAY)))


_YEARS = (1990.0, 2100.0)
_PARTS: Mapping[str, tuple[float, float]] = {
    "year": _YEARS,
    "isoyear": _YEARS,
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day": (1, 31),
    "doy": (1, 366),
    "dow": (0, 6),
    "isodow": (1, 7),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 60),
}


def _call_length(arguments: list[Any]) -> Bounds | None:
    """The length of an array in a row: what a person entered, which no series makes worse."""
    return Bounds("number", 0, 1000, from_data=True)


def _call_date(arguments: list[Any]) -> Bounds | None:
    numbers = [bounds(argument) for argument in arguments]
    if len(numbers) != 3 and len(numbers) < 6:
        return None
    year = numbers[0]
    if year is None or year.kind != "number" or not 1 <= year.low <= year.high <= 9998:
        return None
    return Bounds("moment", start_of_day(date(int(year.low), 1, 1)), start_of_day(date(int(year.high) + 1, 1, 1)))


def _call_interval(arguments: list[Any]) -> Bounds | None:
    units = ("years", "months", "weeks", "days", "hours", "mins", "secs")
    low = high = 0.0
    for index, argument in enumerate(arguments):
        named = kind(argument) is ast.NamedArgExpr
        value = bounds(argument.arg if named else argument)
        unit = str(argument.name) if named else (units[index] if index < len(units) else "")
        if value is None or value.kind != "number" or unit not in units:
            return None
        span = span_of(1, unit.rstrip("s"))
        ends = [end * one for end in (value.low, value.high) for one in (span.low, span.high)]
        low, high = low + min(ends), high + max(ends)
    return Bounds("span", low, high)


def _call_same(arguments: list[Any]) -> Bounds | None:
    return bounds(arguments[0]) if arguments else None


def _call_zone(arguments: list[Any]) -> Bounds | None:
    """``x AT TIME ZONE zone`` arrives as ``timezone(zone, x)``."""
    value = _moment_or_column(arguments[1]) if len(arguments) == 2 else None
    return value if value is None or value.from_data else Bounds("moment", value.low - DAY, value.high + DAY)


_CALLS: Mapping[str, Callable[[list[Any]], Bounds | None]] = {
    **dict.fromkeys(("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"), _call_now),
    **dict.fromkeys(("min", "max"), _call_aggregate),
    **dict.fromkeys(("extract", "date_part"), _call_part),
    **dict.fromkeys(("array_length", "cardinality", "array_upper", "jsonb_array_length"), _call_length),
    **dict.fromkeys(("make_date", "make_timestamp", "make_timestamptz"), _call_date),
    **dict.fromkeys(("floor", "ceil", "ceiling", "round", "trunc", "int4", "int8"), _call_same),
    "date_trunc": _call_trunc,
    "date_bin": lambda arguments: _moment_or_column(arguments[1]) if len(arguments) == 3 else None,
    "date": lambda arguments: _moment_or_column(arguments[0]) if len(arguments) == 1 else None,
    "make_interval": _call_interval,
    "timezone": _call_zone,
}


def _coalesce(node: Any) -> Bounds | None:
    return _widest([bounds(argument) for argument in node.args])


def _min_max(node: Any) -> Bounds | None:
    """``least(x, 100)`` is at most 100, whatever x is."""
    known = [value for value in map(bounds, node.args) if value is not None]
    if len(known) == len(node.args):
        return _widest(list(known))
    numbers = [value for value in known if value.kind == "number"]
    if not numbers:
        return None
    if node.op == enums.MinMaxOp.IS_LEAST:
        return Bounds("number", float("-inf"), min(value.high for value in numbers))
    return Bounds("number", max(value.low for value in numbers), float("inf"))


def _widest(values: list[Bounds | None]) -> Bounds | None:
    moments = [as_moment(value) for value in values]
    if all(value is not None and value.kind == "moment" for value in moments):
        values = moments
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len({value.kind for value in known}) != 1 or not known:
        return None
    data = any(value.from_data for value in known)
    return Bounds(known[0].kind, min(v.low for v in known), max(v.high for v in known), from_data=data)


def _sub_query(node: Any) -> Bounds | None:
    """``(SELECT min(date_create) FROM …)``."""
    query = node.subselect
    if node.subLinkType != enums.SubLinkType.EXPR_SUBLINK or query.targetList is None or len(query.targetList) != 1:
        return None
    target = query.targetList[0].val
    return DATA_MOMENT if kind(target) is ast.ColumnRef else bounds(target)


_RULES: Mapping[type[ast.Node], Callable[[Any], Bounds | None]] = {
    ast.A_Const: _constant,
    ast.TypeCast: _cast,
    ast.SQLValueFunction: _now,
    ast.A_Expr: _expression,
    ast.FuncCall: _call,
    ast.CoalesceExpr: _coalesce,
    ast.MinMaxExpr: _min_max,
    ast.SubLink: _sub_query,
}
