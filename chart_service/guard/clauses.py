"""Row rules: conditions that somebody else wrote, such as the ``rls`` of a guest token, guarded like any SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.stream import RawStream

from chart_service.guard.functions import AGGREGATES, SETS, WINDOWS
from chart_service.guard.reading import read_query
from chart_service.guard.refusal import Refused
from chart_service.guard.shapes import check_shapes
from chart_service.guard.structure import Schema, read_structure
from chart_service.guard.tree import children, kind
from warehouse.views import VIEW_NAMES, VIEW_SCHEMA

_PREFIX = "SELECT "
_LONGEST = 5_000


@dataclass(frozen=True, slots=True)
class RowRule:
    """Rows that a viewer may see: those for which ``clause`` is true, in the view ``dataset`` or in all."""

    clause: str
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition that passed: its tree, the same as SQL, and the columns that it names."""

    condition: ast.Node
    sql: str
    columns: frozenset[str]


def check_clause(clause: str, schema: Schema | None = None, view: str | None = None) -> Clause:
    """Let a condition over one view's own columns through, or raise ``Refused``.

    ``view`` is the one that it is for, by its bare name. With a ``schema``, that view, or some view, must have all
    the columns.
    """
    if len(clause) > _LONGEST:
        raise Refused("too_long", limit=_LONGEST)
    try:
        # A line of its own, so that a comment at the end takes nothing along.
        query: Any = read_query(f"{_PREFIX}{clause}\n")
        condition = _only_condition(query)
        structure = read_structure(query)
        columns = frozenset(_column(reference, view) for reference in structure.columns)
        for call in structure.calls:
            name = call.funcname[-1].sval  # type: ignore[index]
            if name in AGGREGATES | WINDOWS | SETS or call.over is not None:
                raise Refused("clause_function", call.location, name=name)
        check_shapes(structure)
    except Refused as refused:
        if refused.location is not None:
            refused.location -= len(_PREFIX)
            refused.locate(clause)
        raise
    except RecursionError:
        raise Refused("too_deep", limit=50) from None
    if schema is not None:
        _check_columns(columns, schema, view)
    return Clause(condition, RawStream()(condition), columns)


def view_of_rule(rule: RowRule) -> str | None:
    """The bare name of the view that a rule is for, None for all. Raises ``Refused`` where there is no such view."""
    if rule.dataset is None:
        return None
    name = rule.dataset.removeprefix(f"{VIEW_SCHEMA}.")
    if name not in VIEW_NAMES:
        raise Refused("clause_view", name=rule.dataset)
    return name


def _only_condition(query: Any) -> ast.Node:
    """The one expression of ``SELECT expression``: anything more would end the condition early."""
    targets: tuple[Any, ...] = query.targetList or ()
    parts = [getattr(query, name) for name in query if name not in ("targetList", "limitOption", "op", "all")]
    if len(targets) != 1 or targets[0].name is not None or any(parts) or query.larg is not None:
        raise Refused("clause")
    condition: ast.Node = targets[0].val
    stack: list[Any] = [condition]
    while stack:
        node = stack.pop()
        if kind(node) in (ast.SelectStmt, ast.SubLink, ast.GroupingFunc, ast.JsonArrayAgg, ast.JsonObjectAgg):
            raise Refused("clause_query", getattr(node, "location", None))
        stack.extend(children(node))
    return condition


def _column(reference: Any, view: str | None) -> str:
    """The name of a column; written with a table, only the rule's own will do, and it is left out."""
    names = [part.sval for part in reference.fields if kind(part) is ast.String]
    if len(names) != len(reference.fields):
        raise Refused("clause", reference.location)
    if len(names) > 1:
        table = names[-2].removeprefix(f"{VIEW_SCHEMA}_")
        if table not in VIEW_NAMES or (view is not None and table != view):
            raise Refused("clause_view", reference.location, name=".".join(names[:-1]))
        if view is None:
            raise Refused("clause_view", reference.location, name=".".join(names[:-1]))
        reference.fields = reference.fields[-1:]
    return str(names[-1])


def _check_columns(columns: Collection[str], schema: Schema, view: str | None) -> None:
    views = [view] if view is not None else list(schema)
    missing = [sorted(set(columns) - set(schema.get(name, ()))) for name in views]
    if missing and all(missing):
        raise Refused("unknown_column", name=min(missing, key=len)[0], close="")
