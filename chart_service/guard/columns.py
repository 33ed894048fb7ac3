"""Columns that do not exist, found where the text tells it for certain; everything else is PostgreSQL's to say."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast

from chart_service.guard.output import output_names, target_name
from chart_service.guard.refusal import Refused
from chart_service.guard.structure import Schema
from chart_service.guard.tree import children, kind
from warehouse.views import VIEW_SCHEMA

Names = tuple[str, ...] | None
"""Columns in order; None where they cannot be told."""


@dataclass(slots=True)
class _Frame:
    """What the expressions of one query see: items of FROM by alias, and names given to results."""

    items: dict[str, Names] = field(default_factory=dict)
    open: bool = False
    results: frozenset[str] = frozenset()


def check_columns(query: Any, schema: Schema) -> Names:
    """Names of the output columns, stars written out where that can be told.

    Raises ``Refused`` for a column that is in none of the tables it could be in.
    """
    return _Reader(schema).query(query, {}, ())


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def query(self, query: Any, ctes: Mapping[str, Names], outer: tuple[_Frame, ...]) -> Names:
        ctes = self._ctes(query.withClause, ctes, outer) if query.withClause is not None else ctes
        if query.larg is not None:
            names = self.query(query.larg, ctes, outer)
            self.query(query.rarg, ctes, outer)
            return names
        frame = _Frame()
        frames = (*outer, frame)
        conditions: list[Any] = []
        for item in query.fromClause or ():
            self._item(item, ctes, frames, frame, conditions)
        for part in (*conditions, query.targetList, query.whereClause, query.valuesLists, query.limitCount):
            self._expression(part, ctes, frames)
        frame.results = frozenset(target_name(target) for target in query.targetList or ())
        for part in (query.groupClause, query.havingClause, query.sortClause, query.distinctClause, query.windowClause):
            self._expression(part, ctes, frames)
        return self._output(query, frame)

    def _ctes(self, clause: Any, ctes: Mapping[str, Names], outer: tuple[_Frame, ...]) -> Mapping[str, Names]:
        known = dict(ctes)
        if clause.recursive:
            for cte in clause.ctes:
                known[cte.ctename] = _renamed(output_names(cte.ctequery) or None, cte.aliascolnames)
        for cte in clause.ctes:
            names = self.query(cte.ctequery, known, outer)
            known[cte.ctename] = _renamed(names, cte.aliascolnames)
            if cte.search_clause is not None or cte.cycle_clause is not None:
                known[cte.ctename] = None  # they add columns
        return known

    def _item(
        self, item: Any, ctes: Mapping[str, Names], frames: tuple[_Frame, ...], frame: _Frame, conditions: list[Any]
    ) -> None:
        shape = kind(item)
        if shape is ast.JoinExpr:
            self._item(item.larg, ctes, frames, frame, conditions)
            self._item(item.rarg, ctes, frames, frame, conditions)
            conditions.append(item.quals)
            frame.open = frame.open or item.alias is not None or item.join_using_alias is not None
            return
        alias = item.alias.aliasname if item.alias is not None else None
        renamed = item.alias.colnames if item.alias is not None else None
        if shape is ast.RangeVar:
            names = ctes.get(item.relname) if item.schemaname is None else self._view(item.relname)
            frame.items[alias or item.relname] = _renamed(names, renamed)
        elif shape is ast.RangeSubselect:
            names = self.query(item.subquery, ctes, frames if item.lateral else frames[:-1])
            frame.items[alias or f" {len(frame.items)}"] = _renamed(names, renamed)
        else:
            conditions.append(getattr(item, "functions", None) or getattr(item, "context_item", None))
            frame.items[alias or f" {len(frame.items)}"] = None

    def _view(self, name: str) -> Names:
        columns = self.schema.get(name)
        return tuple(columns) if columns is not None else None

    def _expression(self, part: Any, ctes: Mapping[str, Names], frames: tuple[_Frame, ...]) -> None:
        stack = list(part) if isinstance(part, tuple) else [part]
        while stack:
            node = stack.pop()
            if isinstance(node, tuple):
                stack.extend(node)
            elif kind(node) is ast.SubLink:
                self.query(node.subselect, ctes, frames)
                stack.append(node.testexpr)
            elif kind(node) is ast.ColumnRef:
                _resolve(node, frames)
            elif node is not None:
                stack.extend(children(node))

    def _output(self, query: Any, frame: _Frame) -> Names:
        if query.valuesLists:
            return tuple(f"column{number}" for number in range(1, len(query.valuesLists[0]) + 1))
        names: list[str] = []
        for target in query.targetList or ():
            value = target.val
            if kind(value) is ast.ColumnRef and kind(value.fields[-1]) is ast.A_Star:
                shown = _starred(value, query, frame)
                if shown is None:
                    return None
                names.extend(shown)
            else:
                names.append(target_name(target))
        return tuple(names)


def _starred(reference: Any, query: Any, frame: _Frame) -> Names:
    if len(reference.fields) > 1:
        return frame.items.get(reference.fields[-2].sval)
    merged = any(_merges(item) for item in query.fromClause or ())
    columns = list(frame.items.values())
    if merged or frame.open or any(names is None for names in columns):
        return None
    return tuple(name for names in columns for name in names or ())


def _merges(item: Any) -> bool:
    """Whether a join shows two columns as one."""
    if kind(item) is not ast.JoinExpr:
        return False
    return item.isNatural or bool(item.usingClause) or _merges(item.larg) or _merges(item.rarg)


def _resolve(reference: Any, frames: tuple[_Frame, ...]) -> None:
    parts = [part.sval for part in reference.fields if kind(part) is ast.String]
    if len(parts) != len(reference.fields):
        return
    if len(parts) > 1:
        table = parts[-2]
        frame = next((one for one in reversed(frames) if table in one.items), None)
        names = frame.items[table] if frame is not None else None
        if names is not None and parts[-1] not in names:
            raise _unknown(reference, ".".join(part for part in parts if part != VIEW_SCHEMA), names)
        return
    seen: list[str] = []
    for frame in reversed(frames):
        if frame.open or parts[0] in frame.items or parts[0] in frame.results:
            return
        for names in frame.items.values():
            if names is None or parts[0] in names:
                return
            seen.extend(names)
    raise _unknown(reference, parts[0], seen)


def _unknown(reference: Any, name: str, names: Iterable[str]) -> Refused:
    close = difflib.get_close_matches(name.rpartition(".")[2], sorted(set(names)), n=3, cutoff=0.55)
    words = f" ({', '.join(close)}?)" if close else ""
    return Refused("unknown_column", reference.location, name=name, close=words)


def _renamed(names: Names, aliases: Any) -> Names:
    """Columns under the names of ``AS t(a, b)``, which may be fewer."""
    if not aliases or names is None:
        return names
    given = tuple(name.sval for name in aliases)
    return (*given, *names[len(given) :])
