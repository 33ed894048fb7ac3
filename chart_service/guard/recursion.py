"""WITH RECURSIVE: what makes it end, told from the text.

It ends when it counts to a limit, when it follows the tree of departments, when UNION drops what it has seen and its
columns are not computed, or when CYCLE stops it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, enums

from chart_service.guard.bounds import as_moment, bounds
from chart_service.guard.refusal import Refused
from chart_service.guard.spans import DATA_MOMENT, DAY, Bounds
from chart_service.guard.structure import Structure
from chart_service.guard.tree import children, column_name, kind, leaves

MOST_STEPS = 1_000
MOST_DAYS = 4_000
"""Steps that are periods: ten years of days."""

_BELOW, _ABOVE = {"<", "<="}, {">", ">="}
_GROWING = {
    "||",
    "concat",
    "concat_ws",
    "array_cat",
    "array_append",
    "array_prepend",
    "replace",
    "format",
    "jsonb_concat",
}


def check_recursion(cte: Any, structure: Structure) -> None:
    """Refuse a recursive CTE that may not end, or whose values double with each step."""
    if not is_recursive(cte, structure):
        return
    query = cte.ctequery
    if query.op != enums.SetOperation.SETOP_UNION or query.rarg.larg is not None:
        raise Refused("recursion", cte.location, limit=MOST_STEPS)
    arm = query.rarg
    if any(_doubles(target.val) for target in arm.targetList or ()):
        raise Refused("recursion", cte.location, limit=MOST_STEPS)
    plain = all(kind(target.val) in (ast.ColumnRef, ast.A_Const) for target in arm.targetList or ())
    ends = cte.cycle_clause is not None or (plain and not query.all) or _follows_departments(cte, structure)
    if not ends and _steps(cte) is None:
        raise Refused("recursion", cte.location, limit=MOST_STEPS)


def counted_steps(cte: Any, structure: Structure) -> float | None:
    """How many rows a CTE makes that only counts: a calendar. None when it does anything else."""
    if not is_recursive(cte, structure) or cte.ctequery.larg is None:
        return None
    arm = cte.ctequery.rarg
    return _steps(cte) if len(arm.fromClause or ()) == 1 and kind(arm.fromClause[0]) is ast.RangeVar else None


def is_recursive(cte: Any, structure: Structure) -> bool:
    """Whether a CTE reads itself."""
    stack = [cte.ctequery]
    while stack:
        node = stack.pop()
        if kind(node) is ast.RangeVar and structure.cte(node) is cte:
            return True
        stack.extend(children(node))
        if kind(node) is ast.SelectStmt and node.withClause is not None:
            stack.extend(node.withClause.ctes)
    return False


def _columns(cte: Any) -> list[str | None]:
    if cte.aliascolnames:
        return [name.sval for name in cte.aliascolnames]
    first = cte.ctequery.larg
    return [target.name or column_name(target.val) for target in first.targetList or ()]


def _steps(cte: Any) -> float | None:
    """The number of steps that a condition of the recursive arm allows."""
    names = _columns(cte)
    for condition in _conditions(cte.ctequery.rarg):
        for index, name in enumerate(names):
            steps = _counted(cte.ctequery, condition, index, name) if name else None
            if steps is not None:
                return steps
    return None


def _conditions(arm: Any) -> Iterator[Any]:
    """Conditions that every row of the recursive arm meets."""
    stack = [arm.whereClause, *(arm.fromClause or ())]
    while stack:
        node = stack.pop()
        if kind(node) is ast.BoolExpr and node.boolop == enums.BoolExprType.AND_EXPR:
            stack.extend(node.args)
        elif kind(node) is ast.JoinExpr and node.jointype == enums.JoinType.JOIN_INNER:
            stack += [node.quals, node.larg, node.rarg]
        elif kind(node) is ast.A_Expr:
            yield node


def _counted(query: Any, condition: Any, index: int, name: str) -> float | None:
    """Steps of ``name`` from its first value, by its step, to the limit in the condition."""
    operator = condition.name[-1].sval
    if condition.kind != enums.A_Expr_Kind.AEXPR_OP or operator not in _BELOW | _ABOVE:
        return None
    counter, limit = condition.lexpr, condition.rexpr
    if _counter(counter) != name:
        counter, limit, operator = limit, counter, ">" if operator in _BELOW else "<"
    if _counter(counter) != name or _counter(limit) == name:
        return None
    step = _step(query.rarg, index, name)
    first = _first(query.larg, index)
    if step is None or first is None or (step.low <= 0 if operator in _BELOW else step.high >= 0):
        return None
    return _between(first, bounds(limit), step)


def _between(first: Bounds, last: Bounds | None, step: Bounds) -> float | None:
    most = MOST_STEPS
    if step.kind == "span" or first.kind == "moment":
        most = MOST_DAYS
        first, last = as_moment(first) or first, as_moment(last) or DATA_MOMENT
        if step.kind == "number":
            step = Bounds("span", step.low * DAY, step.high * DAY)
        if first.kind != "moment":
            return None
        if first.from_data or last.from_data:
            inside = DATA_MOMENT.low <= first.low and last.high <= DATA_MOMENT.high
            return float(most) if inside and min(abs(step.low), abs(step.high)) >= DAY else None
    if last is None or last.kind != first.kind:
        return None
    span = max(last.high - first.low, first.high - last.low)
    steps = span / min(abs(step.low), abs(step.high)) + 2
    return steps if steps <= most + 2 else None


def _first(base: Any, index: int) -> Bounds | None:
    """The value that the counter begins with."""
    while base.larg is not None:
        base = base.larg
    if base.valuesLists:
        row = base.valuesLists[0]
        values = [bounds(row[index])] if len(base.valuesLists) == 1 and index < len(row) else [None]
    else:
        targets = base.targetList or ()
        values = [bounds(targets[index].val)] if index < len(targets) else [None]
    value = values[0]
    return (as_moment(value) or value) if value is not None else None


def _step(arm: Any, index: int, name: str) -> Bounds | None:
    """How much the counter moves: ``n + 1``, ``month + interval '1 month'``, casts around it."""
    targets = arm.targetList or ()
    value: Any = targets[index].val if index < len(targets) else None
    while kind(value) is ast.TypeCast:
        value = value.arg
    if kind(value) is not ast.A_Expr or value.name[-1].sval not in "+-" or value.lexpr is None:
        return None
    sign = -1 if value.name[-1].sval == "-" else 1
    counter, step = value.lexpr, value.rexpr
    if column_name(counter) != name and sign > 0:
        counter, step = step, counter
    amount = bounds(step)
    if column_name(counter) != name or amount is None or amount.kind not in ("number", "span"):
        return None
    ends = (sign * amount.low, sign * amount.high)
    return Bounds(amount.kind, min(ends), max(ends)) if 0 not in ends else None


def _counter(node: Any) -> str | None:
    """The column in ``n``, ``n + 1``, ``n::date``: all that may stand beside a limit."""
    while kind(node) is ast.TypeCast:
        node = node.arg
    if kind(node) is ast.A_Expr and node.name[-1].sval in "+-" and bounds(node.rexpr) is not None:
        node = node.lexpr
    return column_name(node)


def _doubles(target: Any) -> bool:
    """Whether a text or array is joined with itself, so that it doubles with each step."""
    seen: set[tuple[str, ...]] = set()
    stack, growing = [target], False
    while stack:
        node = stack.pop()
        shape = type(node)
        if shape is ast.ColumnRef:
            name = tuple(str(part.sval) for part in node.fields if kind(part) is ast.String)
            if growing and name[-1:] in seen:
                return True
            seen.add(name[-1:])
        elif (shape is ast.A_Expr and node.name[-1].sval in _GROWING) or (
            shape is ast.FuncCall and node.funcname[-1].sval in _GROWING
        ):
            growing = True
        stack.extend(children(node))
    return False


def _follows_departments(cte: Any, structure: Structure) -> bool:
    """Whether each step goes along the tree of departments, up or down, which has an end."""
    arm = cte.ctequery.rarg
    items = [leaf for item in arm.fromClause or () for leaf in leaves(item)]
    views = [item for item in items if kind(item) is ast.RangeVar and structure.cte(item) is None]
    if len(items) != 2 or [view.relname for view in views] != ["departments"]:
        return False
    view = views[0].alias.aliasname if views[0].alias is not None else "departments"
    names = _columns(cte)
    for condition in _conditions(arm):
        if condition.name[-1].sval != "=":
            continue
        sides = [_qualified(condition.lexpr), _qualified(condition.rexpr)]
        mine = next((column for table, column in sides if table == view), None)
        other = next((column for table, column in sides if table is not None and table != view), None)
        if mine not in ("id", "parent") or other not in names:
            continue
        target = arm.targetList[names.index(other)].val if names.index(other) < len(arm.targetList) else None
        if _qualified(target) == (view, "parent" if mine == "id" else "id"):
            return True
    return False


def _qualified(node: Any) -> tuple[str | None, str | None]:
    if kind(node) is not ast.ColumnRef or len(node.fields) != 2:
        return None, None
    return str(node.fields[0].sval), column_name(node)
