"""How much a statement may ask for: how deep, how many tables, how long a series or a text."""

from __future__ import annotations

import re
from math import prod
from typing import Any

from pglast import ast, enums

from chart_service.guard.bounds import bounds
from chart_service.guard.functions import AGGREGATES, SETS
from chart_service.guard.joins import check_joins
from chart_service.guard.recursion import check_recursion, is_recursive
from chart_service.guard.refusal import Refused
from chart_service.guard.sizes import FEW, LONGEST_SERIES, Sizes, series_rows
from chart_service.guard.structure import Structure
from chart_service.guard.tree import children, function_name, kind, leaves

MOST_TABLES_TOGETHER = 8
"""Views and WITH names joined in one FROM clause."""

MOST_READS = 64
"""Reads of views in a whole statement, those of a WITH counted each time that it is used."""

MOST_SETS = 64
LONGEST_TEXT = 1_000
LONGEST_TEXT_INSIDE = 100
"""Of a text that is repeated, collected or split by what is around it."""

LARGEST_EXPONENT = 1_000

_PADS = {"repeat", "lpad", "rpad"}
"""Functions that make a text as long as their second argument says."""

_MULTIPLY = {*_PADS, "replace", "regexp_replace", "format", "translate"} | AGGREGATES | SETS
"""Functions that multiply a text that is put into them."""

_WIDTH = re.compile(r"%(?:\d+\$)?-?(\*|\d{4,})")


def check_shapes(structure: Structure) -> None:
    """Raises ``Refused`` for a statement that asks for too much."""
    for cte in structure.recursive:
        check_recursion(cte, structure)
    sizes = Sizes(structure)
    _check_reads(structure)
    recursive: list[Any] = [cte for cte in structure.recursive if is_recursive(cte, structure)]
    arms = {id(cte.ctequery.rarg) for cte in recursive}
    for query in structure.queries:
        _check_tables(query)
        _check_sets(query)
        _check_series_outside_from(query, sizes)
        # Each step of a recursion would pair its rows anew.
        check_joins(query, sizes, 1 if id(query) in arms else None)
    for call in structure.calls:
        _check_call(call)
    for power in structure.powers:
        _check_exponent(power.rexpr)


def _check_reads(structure: Structure) -> None:
    """Count what is read with every WITH written out: ten that each read the one before twice are a thousand reads."""
    known: dict[int, int] = {}

    def reads(node: Any) -> int:
        total, stack = 0, [node]
        while stack:
            one = stack.pop()
            if kind(one) is ast.RangeVar:
                cte: Any = structure.cte(one)
                if cte is not None and id(cte) not in known:
                    known[id(cte)] = 1  # its own reference, where it is recursive
                    known[id(cte)] = max(1, reads(cte.ctequery))
                total += 1 if cte is None else known[id(cte)]
            stack.extend(children(one))
        return total

    if reads(structure.query) > MOST_READS:
        raise Refused("too_many_tables", limit=MOST_READS)


def _check_tables(query: Any) -> None:
    items = [leaf for item in query.fromClause or () for leaf in leaves(item)]
    tables = [item for item in items if kind(item) in (ast.RangeVar, ast.RangeSubselect)]
    if len(tables) > MOST_TABLES_TOGETHER:
        raise Refused("too_many_tables", getattr(tables[-1], "location", None), limit=MOST_TABLES_TOGETHER)


def _check_sets(query: Any) -> None:
    sets = prod(_sets(item) for item in query.groupClause or ())
    if sets > MOST_SETS:
        raise Refused("too_many_sets", limit=MOST_SETS)


def _sets(item: Any) -> int:
    """How many grouping sets an item of GROUP BY makes."""
    if kind(item) is not ast.GroupingSet:
        return 1
    content = item.content or ()
    kinds = enums.GroupingSetKind
    if item.kind == kinds.GROUPING_SET_CUBE:
        return int(2 ** min(len(content), 20))
    if item.kind == kinds.GROUPING_SET_ROLLUP:
        return len(content) + 1
    return sum(_sets(part) for part in content) if item.kind == kinds.GROUPING_SET_SETS else 1


def _check_series_outside_from(query: Any, sizes: Sizes) -> None:
    """In the list of results a series repeats each row of FROM."""
    for target in query.targetList or ():
        if kind(target.val) is ast.FuncCall and target.val.funcname[-1].sval == "generate_series":
            rows = series_rows(target.val)
            size = sizes.before_results(query)
            if rows is None or size.weight != FEW or size.rows * rows > LONGEST_SERIES:
                raise Refused("series", target.val.location, limit=LONGEST_SERIES)


def _check_call(call: Any) -> None:
    name = call.funcname[-1].sval
    arguments: tuple[Any, ...] = call.args or ()
    if name == "generate_series":
        rows = series_rows(call)
        if rows is None or rows > LONGEST_SERIES:
            raise Refused("series", call.location, limit=LONGEST_SERIES)
    if name == "power" and len(arguments) == 2:
        _check_exponent(arguments[1])
    if name in _PADS:
        length = bounds(arguments[1]) if len(arguments) > 1 else None
        if length is None or length.kind != "number" or length.high > LONGEST_TEXT:
            raise Refused("long_text", call.location, name=name, limit=LONGEST_TEXT)
    if name == "format" and not _plain_format(arguments):
        raise Refused("long_text", call.location, name=name, limit=LONGEST_TEXT)
    if name in _MULTIPLY and any(_length_inside(argument) > LONGEST_TEXT_INSIDE for argument in arguments):
        raise Refused("long_text", call.location, name=name, limit=LONGEST_TEXT)


def _check_exponent(node: Any) -> None:
    value = bounds(node)
    if value is not None and value.kind == "number" and value.high > LARGEST_EXPONENT:
        raise Refused("big_number", getattr(node, "location", None), name=f"{value.high:g}")


def _plain_format(arguments: Any) -> bool:
    template: Any = arguments[0] if arguments else None
    text = template.val.sval if kind(template) is ast.A_Const and kind(template.val) is ast.String else None
    return text is not None and _WIDTH.search(text) is None


def _length_inside(node: Any) -> float:
    """How many times longer the texts made inside an expression can be than what they are made of."""
    length, stack = 1.0, [node]
    while stack:
        one = stack.pop()
        if function_name(one) in _PADS:
            known = bounds(one.args[1]) if len(one.args or ()) > 1 else None
            length *= max(known.high, 1.0) if known is not None and known.kind == "number" else LONGEST_TEXT
        stack.extend(children(one))
    return length
