"""Joins without a condition: which items of a FROM clause are tied to each other, and what is left untied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast, enums

from chart_service.guard.bounds import bounds
from chart_service.guard.refusal import Refused
from chart_service.guard.sizes import FEW, LARGE, SERIES_FROM_DATA, Size, Sizes
from chart_service.guard.tree import children, function_name, kind, leaves

MOST_BESIDE_TABLE = 400
"""Rows that each row of a table may be paired with without a condition, such as the days of a year."""

MOST_ORDERED = 1_200
"""Rows that each row of a table may be compared with by order, such as the days of three years."""

MOST_COUNTED = 100_000
"""Rows that calendars and lists may make when paired with each other."""

_KINDS = enums.A_Expr_Kind
_TYING = {"=", "@>", "<@", "&&", "?", "@@"}
_COMPARING = {"<", "<=", ">", ">=", "~~", "~~*", "~", "~*", "^@"}
_RANGES = {_KINDS.AEXPR_BETWEEN, _KINDS.AEXPR_BETWEEN_SYM}
_SETS = {_KINDS.AEXPR_IN, _KINDS.AEXPR_OP_ANY, _KINDS.AEXPR_LIKE, _KINDS.AEXPR_ILIKE, _KINDS.AEXPR_SIMILAR}
_SCALING = {"/", "%", "&", "|", "#", "<<", ">>"}


@dataclass(frozen=True, slots=True)
class _Item:
    names: frozenset[str]
    columns: frozenset[str] | None
    size: Size
    node: Any


@dataclass(frozen=True, slots=True)
class _Tie:
    """Items that a condition ties; ``loose`` when it only orders them; ``unnamed`` when it names a column whose table
    cannot be told."""

    items: frozenset[int]
    loose: bool = False
    unnamed: bool = False


def check_joins(query: Any, sizes: Sizes, beside: float | None = None) -> None:
    """Refuse a FROM clause that pairs rows without a condition and without need.

    ``beside``: with how many counted rows each row of a table may be paired, if not ``MOST_BESIDE_TABLE``.
    """
    if not query.fromClause or (len(query.fromClause) == 1 and kind(query.fromClause[0]) is not ast.JoinExpr):
        return
    items = [_item(node, sizes) for part in query.fromClause for node in leaves(part)]
    groups = _Groups(items)
    for part in query.fromClause:
        _tie_join(part, items, groups)
    if query.whereClause is not None:
        groups.tie_all(_ties(query.whereClause, items))
    for index in range(len(items)):
        groups.tie(_Tie(_lateral(index, items, sizes)))
    groups.check(MOST_BESIDE_TABLE if beside is None else beside)


class _Groups:
    """Items that are tied to each other, as a forest."""

    def __init__(self, items: list[_Item]) -> None:
        self.items = items
        self.parent = list(range(len(items)))
        self.unnamed = 0
        self.loose: list[frozenset[int]] = []

    def root(self, index: int) -> int:
        while self.parent[index] != index:
            index = self.parent[index]
        return index

    def tie_all(self, ties: Iterator[_Tie]) -> None:
        for tie in ties:
            self.tie(tie)

    def tie(self, tie: _Tie) -> None:
        if tie.unnamed:
            self.unnamed += 1
        if tie.loose:
            self.loose.append(tie.items)
            return
        first, *rest = sorted(tie.items) or [0]
        for other in rest:
            self.parent[self.root(other)] = self.root(first)

    def check(self, beside: float) -> None:
        self._tie_loosely()
        groups: dict[int, list[_Item]] = {}
        for index, item in enumerate(self.items):
            groups.setdefault(self.root(index), []).append(item)
        weighed = [(max(item.size.weight for item in group), group) for group in groups.values()]
        heavy = sorted((weight for weight, _ in weighed if weight), reverse=True)
        for _ in range(min(self.unnamed, len(heavy) - 1)):
            heavy.pop(0)
        rows = 1.0
        for weight, group in weighed:
            if weight == FEW:
                rows *= max(item.size.rows for item in group)
        if sum(heavy) > LARGE or rows > (beside if heavy else MOST_COUNTED):
            names = ", ".join(_name(group[0]) for _, group in weighed)
            at = next((item.node.location for item in self.items if kind(item.node) is ast.RangeVar), None)
            raise Refused("cross_join", at, name=names)

    def _tie_loosely(self) -> None:
        """One pair of tables may be tied by order alone: running totals, overlapping periods."""
        spent = False
        for pair in self.loose:
            roots = {self.root(index) for index in pair}
            weights = [
                max(item.size.weight for index, item in enumerate(self.items) if self.root(index) == root)
                for root in roots
            ]
            if len(roots) < 2 or (spent and min(weights) == LARGE) or not self._is_short(roots, weights):
                continue
            spent = spent or min(weights) == LARGE
            first, *rest = sorted(roots)
            for other in rest:
                self.parent[other] = first

    def _is_short(self, roots: set[int], weights: list[int]) -> bool:
        """Whether what is counted among these groups is few enough to be compared with every row of the rest."""
        if min(weights) > FEW:
            return True
        if max(weights) == FEW:
            return False  # counted as beside each other
        return all(
            item.size.rows <= MOST_ORDERED
            for index, item in enumerate(self.items)
            if self.root(index) in roots and item.size.weight == FEW
        )


def _is_series(node: Any) -> bool:
    return kind(node) is ast.RangeFunction and any(
        function_name(pair[0]) == "generate_series" for pair in node.functions
    )


def _item(node: Any, sizes: Sizes) -> _Item:
    names = {node.alias.aliasname} if node.alias is not None else set()
    if not names and kind(node) is ast.RangeVar:
        names = {node.relname}
    if not names and kind(node) is ast.RangeFunction:
        names = {pair[0].funcname[-1].sval for pair in node.functions if kind(pair[0]) is ast.FuncCall}
    columns = sizes.columns(node)
    if columns is None and kind(node) is ast.RangeFunction:
        columns = frozenset(names)
    return _Item(frozenset(names), columns, sizes.of_item(node), node)


def _name(item: _Item) -> str:
    return next(iter(sorted(item.names)), "(…)")


def _tie_join(node: Any, items: list[_Item], groups: _Groups) -> None:
    if kind(node) is not ast.JoinExpr:
        return
    _tie_join(node.larg, items, groups)
    _tie_join(node.rarg, items, groups)
    if node.isNatural or node.usingClause:
        left, right = (
            [index for index, item in enumerate(items) if any(item.node is leaf for leaf in leaves(side))]
            for side in (node.larg, node.rarg)
        )
        groups.tie(_Tie(frozenset({left[-1], right[0]})))
    elif node.quals is not None:
        groups.tie_all(_ties(node.quals, items))


def _ties(condition: Any, items: list[_Item]) -> Iterator[_Tie]:
    """What each part of a condition that must hold ties."""
    shape = type(condition)
    if shape is ast.BoolExpr and condition.boolop == enums.BoolExprType.AND_EXPR:
        for part in condition.args:
            yield from _ties(part, items)
    elif shape is ast.BoolExpr and condition.boolop == enums.BoolExprType.OR_EXPR:
        yield from _either(condition, items)
    elif shape is ast.A_Expr:
        yield from _comparison(condition, items)
    elif shape is ast.FuncCall:
        named, unnamed = _references(condition, items)
        if len(named) > 1 or unnamed:
            yield _Tie(named, unnamed=len(named) < 2)


def _either(condition: Any, items: list[_Item]) -> Iterator[_Tie]:
    """Parts of an OR tie only what every one of them ties."""
    arms = [list(_ties(part, items)) for part in condition.args]
    if not all(arms):
        return
    tied = [frozenset(index for tie in arm for index in tie.items) for arm in arms]
    common = frozenset.intersection(*tied)
    loose = any(all(tie.loose for tie in arm) for arm in arms)
    unnamed = len(common) < 2 and all(
        any(tie.unnamed for tie in arm) or len(one) > 1 for arm, one in zip(arms, tied, strict=True)
    )
    yield _Tie(common, loose, unnamed)


def _comparison(condition: Any, items: list[_Item]) -> Iterator[_Tie]:
    operator = condition.name[-1].sval
    between = condition.kind in _RANGES
    plain = condition.kind in ({_KINDS.AEXPR_OP, _KINDS.AEXPR_NOT_DISTINCT} | _SETS)
    if not between and not (plain and operator in _TYING | _COMPARING):
        return
    left, left_unnamed = _references(condition.lexpr, items)
    right, right_unnamed = _references(condition.rexpr, items)
    if not (left or left_unnamed) or not (right or right_unnamed):
        return
    if _scaled(condition.lexpr) or _scaled(condition.rexpr):
        return
    if len(left | right) > 1 and (left != right or len(left) == 1):
        yield _Tie(left | right, loose=operator in _COMPARING and not between)
    elif left_unnamed or right_unnamed:
        yield _Tie(frozenset(), unnamed=operator not in _COMPARING)


def _scaled(side: Any) -> bool:
    """Whether arithmetic folds many values of a column into few, as in ``id % 2`` or ``id - id``."""
    stack = list(side) if isinstance(side, tuple) else [side]
    while stack:
        node = stack.pop()
        if kind(node) is ast.A_Expr and node.name[-1].sval in _SCALING:
            return True
        if kind(node) is ast.A_Expr and node.name[-1].sval == "*" and (_is_zero(node.lexpr) or _is_zero(node.rexpr)):
            return True
        if (
            kind(node) is ast.A_Expr
            and node.name[-1].sval == "-"
            and kind(node.lexpr) is kind(node.rexpr) is ast.ColumnRef
        ):
            return True
        if node is not None:
            stack.extend(children(node))
    return False


def _is_zero(node: Any) -> bool:
    value = bounds(node)
    return value is not None and value.kind == "number" and value.low == value.high == 0


def _references(expression: Any, items: list[_Item]) -> tuple[frozenset[int], bool]:
    """The items whose columns an expression names, and whether it names a column whose item cannot be told."""
    named: set[int] = set()
    unnamed = False
    stack = list(expression) if isinstance(expression, tuple) else [expression]
    while stack:
        node = stack.pop()
        shape = type(node)
        if shape is ast.ColumnRef:
            owner = _owner(node, items)
            if owner is None:
                unnamed = True
            elif owner >= 0:
                named.add(owner)
        elif shape is ast.SubLink:
            stack += [node.testexpr] if node.testexpr is not None else []
        elif node is not None:
            stack.extend(children(node))
    return frozenset(named), unnamed


def _owner(column: Any, items: list[_Item]) -> int | None:
    """Index of the item that a column belongs to; -1 when it belongs to none here, None when that cannot be told."""
    parts = [part.sval for part in column.fields if kind(part) is ast.String]
    if len(column.fields) > 1:
        return next(
            (
                index
                for index, item in enumerate(items)
                if parts[-2 if len(parts) == len(column.fields) else -1] in item.names
            ),
            -1,
        )
    if not parts:
        return -1
    known = [index for index, item in enumerate(items) if item.columns is not None and parts[0] in item.columns]
    if known:
        return known[0]
    open_ones = [index for index, item in enumerate(items) if item.columns is None]
    return open_ones[0] if len(open_ones) == 1 else (None if open_ones else -1)


def _lateral(index: int, items: list[_Item], sizes: Sizes) -> frozenset[int]:
    """An item and those before it that it depends on: a function of their columns, or a LATERAL query whose conditions
    tie its own tables to them."""
    node = items[index].node
    before = items[:index]
    if kind(node) is ast.RangeSubselect:
        query = node.subquery
        if not node.lateral or not query.fromClause:
            return frozenset()
        inner = [_item(leaf, sizes) for part in query.fromClause for leaf in leaves(part)]
        shown = [_hidden(item, inner) for item in before]
        ties = [tie for part in query.fromClause for tie in _join_ties(part, shown + inner)]
        if query.whereClause is not None:
            ties += _ties(query.whereClause, shown + inner)
        tied = {one for tie in ties if max(tie.items, default=0) >= index for one in tie.items if one < index}
        return frozenset(tied | {index}) if tied else frozenset()
    if kind(node) is ast.RangeVar:
        return frozenset()
    rows = items[index].size.rows
    if _is_series(node) and MOST_BESIDE_TABLE < rows != SERIES_FROM_DATA:
        return frozenset()  # as long for each row as it would be beside them
    named, _ = _references(node, before)
    return named | {index} if named else frozenset()


def _hidden(item: _Item, inner: list[_Item]) -> _Item:
    """An outer item as an inner query sees it: its unqualified columns come last, names taken inside not at all."""
    taken = frozenset(name for one in inner for name in one.names)
    return _Item(item.names - taken, frozenset(), item.size, item.node)


def _join_ties(node: Any, items: list[_Item]) -> Iterator[_Tie]:
    if kind(node) is ast.JoinExpr:
        yield from _join_ties(node.larg, items)
        yield from _join_ties(node.rarg, items)
        if node.quals is not None:
            yield from _ties(node.quals, items)
