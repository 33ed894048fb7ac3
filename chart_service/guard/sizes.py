"""How many rows a part of a statement can have, roughly: enough to tell a calendar from a table of deals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pglast import ast, enums

from chart_service.guard.bounds import as_moment, as_span, bounds
from chart_service.guard.functions import AGGREGATES, SETS
from chart_service.guard.output import output_names
from chart_service.guard.recursion import counted_steps
from chart_service.guard.refusal import Refused
from chart_service.guard.spans import DATA_MOMENT, DAY, Bounds
from chart_service.guard.structure import Structure
from chart_service.guard.tree import children, column_name, kind, leaves

LARGE, GROUPED, FEW = 2, 1, 0
"""A table of the business; a dictionary or the groups of one; a counted number of rows."""

LONGEST_SERIES = 10_000
SERIES_FROM_DATA = 4_000
"""Values that a series between dates of the data is taken to have."""

_DICTIONARIES = frozenset({"statuses", "pipelines", "currencies", "users", "departments", "field_options"})

_CODES = re.compile(
    r"(.*_)?(stage|status|source|category|pipeline|currency|assigned_by|type|semantic|kind|month|year|quarter|week|day|"
    r"date|hour|dow|period|direction|department|country|region|city|channel|tag|closed|opened)"
    r"(_id|_name|_label|_code|_sort)?|is_\w+|has_\w+"
)
"""Names of columns with few different values."""


@dataclass(frozen=True, slots=True)
class Size:
    """``weight`` is one of ``LARGE``, ``GROUPED``, ``FEW``; ``rows`` counts only what is ``FEW``, else it is 1."""

    weight: int
    rows: float = 1.0


class Sizes:
    """Sizes of the parts of one statement."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self._of_cte: dict[int, Size] = {}

    def of_item(self, item: Any) -> Size:
        """A leaf of FROM."""
        shape = type(item)
        if shape is ast.RangeVar:
            cte = self.structure.cte(item)
            if cte is not None:
                return self._cte(cte)
            return Size(GROUPED if item.relname in _DICTIONARIES else LARGE)
        if shape is ast.RangeSubselect:
            return self.of_query(item.subquery)
        if shape is ast.RangeFunction:
            return Size(FEW, max((_rows_of_call(pair[0]) for pair in item.functions), default=1.0))
        return Size(FEW, SERIES_FROM_DATA / 40)  # JSON_TABLE: what is in one value

    def of_query(self, query: Any) -> Size:
        """A whole query."""
        size = self._unlimited(query)
        limit = _whole(query.limitCount)
        if limit is not None and limit <= LONGEST_SERIES:
            return Size(FEW, limit if size.weight else min(limit, size.rows))
        return size

    def _unlimited(self, query: Any) -> Size:
        if query.larg is not None:
            left, right = self.of_query(query.larg), self.of_query(query.rarg)
            if query.op != enums.SetOperation.SETOP_UNION:
                return left
            rows = left.rows + right.rows if left.weight == right.weight == FEW else 1.0
            return Size(max(left.weight, right.weight), rows)
        if query.valuesLists:
            return Size(FEW, len(query.valuesLists))
        if not query.groupClause and _aggregates(query):
            return Size(FEW, 1.0)
        size = self._with_sets(query)
        if size.weight == LARGE and (query.groupClause or query.distinctClause) and _few_groups(query):
            return Size(GROUPED)
        return size

    def before_results(self, query: Any) -> Size:
        """The rows that a query makes its results from: those of FROM, or the one of its aggregates."""
        return Size(FEW, 1.0) if not query.groupClause and _aggregates(query) else self._of_from(query)

    def _of_from(self, query: Any) -> Size:
        sizes = [self.of_item(leaf) for item in query.fromClause or () for leaf in leaves(item)]
        rows = 1.0
        for size in sizes:
            rows *= size.rows if size.weight == FEW else 1.0
        weight = max((size.weight for size in sizes), default=FEW)
        return Size(weight, rows if weight == FEW else 1.0)

    def _with_sets(self, query: Any) -> Size:
        size = self._of_from(query)
        calls = [target.val for target in query.targetList or () if kind(target.val) is ast.FuncCall]
        sets = max((_rows_of_call(call) for call in calls), default=1.0)
        return Size(size.weight, size.rows * sets if size.weight == FEW else 1.0)

    def _cte(self, cte: Any) -> Size:
        known = self._of_cte.get(id(cte))
        if known is None:
            self._of_cte[id(cte)] = Size(LARGE)  # what a recursive one sees of itself
            steps = counted_steps(cte, self.structure)
            known = self.of_query(cte.ctequery) if steps is None else Size(FEW, steps)
            self._of_cte[id(cte)] = known
        return known

    def columns(self, item: Any) -> frozenset[str] | None:
        """Names of an item's columns, None where they cannot be told."""
        alias = item.alias
        if alias is not None and alias.colnames:
            return frozenset(name.sval for name in alias.colnames)
        if kind(item) is ast.RangeSubselect:
            return frozenset(output_names(item.subquery)) or None
        if kind(item) is ast.RangeVar:
            cte: Any = self.structure.cte(item)
            if cte is None:
                return None
            if cte.aliascolnames:
                return frozenset(name.sval for name in cte.aliascolnames)
            return frozenset(output_names(cte.ctequery)) or None
        return None


def series_rows(call: Any) -> float | None:
    """How many values ``generate_series`` gives at most; None where its arguments do not tell."""
    arguments = [bounds(argument) for argument in call.args or ()]
    if len(arguments) not in (2, 3):
        return None
    numbers = [value for value in arguments if value is not None and value.kind == "number"]
    if len(numbers) == len(arguments):
        return _count(numbers[0], numbers[1], numbers[2] if len(numbers) == 3 else Bounds("number", 1, 1))
    start, stop = _end(call.args[0], arguments[0]), _end(call.args[1], arguments[1])
    step = as_span(arguments[2]) if len(arguments) == 3 else None
    if start is None or stop is None or step is None:
        return None
    if start.from_data or stop.from_data:
        smallest = min(abs(step.low), abs(step.high))
        sensible = all(DATA_MOMENT.low <= value.low <= value.high <= DATA_MOMENT.high for value in (start, stop))
        return float(SERIES_FROM_DATA) if smallest >= DAY and sensible else None
    return _count(start, stop, step)


def _end(node: Any, value: Bounds | None) -> Bounds | None:
    """A start or stop in a series of moments: a bare column is a date, for there is a step of time beside it."""
    return DATA_MOMENT if kind(node) is ast.ColumnRef else as_moment(value)


def _count(start: Bounds, stop: Bounds, step: Bounds) -> float | None:
    if step.low <= 0 <= step.high:
        return None
    span = max(stop.high - start.low, start.high - stop.low)
    rows = span / min(abs(step.low), abs(step.high)) + 1
    return max(rows, 1.0)


def _rows_of_call(call: Any) -> float:
    if kind(call) is not ast.FuncCall:
        return 1.0
    name = call.funcname[-1].sval
    if name == "generate_series":
        rows = series_rows(call)
        if rows is None or rows > LONGEST_SERIES:
            raise Refused("series", call.location, limit=LONGEST_SERIES)
        return rows
    return 100.0 if name in SETS else 1.0


def _whole(node: Any) -> float | None:
    value = bounds(node) if node is not None else None
    return value.high if value is not None and value.kind == "number" else None


def _aggregates(query: Any) -> bool:
    """Whether a query without GROUP BY has one row because it aggregates."""
    stack = [target.val for target in query.targetList or ()]
    stack += [query.havingClause] if query.havingClause is not None else []
    while stack:
        node = stack.pop()
        shape = type(node)
        if shape is ast.SubLink or (shape is ast.FuncCall and node.over is not None):
            continue
        if shape is ast.FuncCall and node.funcname[-1].sval in AGGREGATES:
            return True
        if shape in (ast.JsonArrayAgg, ast.JsonObjectAgg):
            return True
        stack.extend(children(node))
    return False


def _few_groups(query: Any) -> bool:
    """Whether the groups of a query are made by codes, periods and the like, so that they are few."""
    targets = {(target.name or column_name(target.val)): target.val for target in query.targetList or ()}
    if query.groupClause:
        keys: list[Any] = [key for item in query.groupClause for key in _keys(item)]
    else:
        keys = [target.val for target in query.targetList or ()]
    numbered = [target.val for target in query.targetList or ()]
    for key in keys:
        if kind(key) is ast.A_Const and kind(key.val) is ast.Integer and 0 < (key.val.ival or 0) <= len(numbered):
            key = numbered[key.val.ival - 1]
        name = column_name(key)
        if name is not None and name in targets and kind(targets[name]) is not ast.ColumnRef:
            key, name = targets[name], None
        if kind(key) is ast.ColumnRef and not (name and _CODES.fullmatch(name)):
            return False
        if kind(key) is not ast.ColumnRef and type(key) not in _COMPUTED:
            return False
    return bool(keys)


_COMPUTED = (ast.FuncCall, ast.CaseExpr, ast.TypeCast, ast.SubLink, ast.A_Const, ast.NullTest, ast.BoolExpr)


def _keys(item: Any) -> list[Any]:
    if kind(item) is ast.GroupingSet:
        return [key for part in item.content or () for key in _keys(part)]
    return [part for value in item.args for part in _keys(value)] if kind(item) is ast.RowExpr else [item]
