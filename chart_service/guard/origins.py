"""Which column of which view a column of a result is: so that a click on a mark can become a filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pglast import ast

from chart_service.guard.output import output_names
from chart_service.guard.structure import Schema
from chart_service.guard.tree import column_name, function_name, kind, leaves
from warehouse.views import VIEW_SCHEMA

_DEEPEST = 12


def origins(query: ast.SelectStmt, schema: Schema) -> dict[str, str]:
    """Output column -> ``view.column`` for those that are a view's column as it is, or the start of its day, month….

    Columns that are computed, and those of unions, have none. ``query`` passed the guard.
    """
    names = output_names(query)
    found = ((name, _output(query, name, _Scope(schema))) for name in dict.fromkeys(names) if names.count(name) == 1)
    return {name: origin for name, origin in found if origin is not None}


class _Scope:
    """The views there are, and the WITH queries that can be seen from where a name stands."""

    def __init__(self, schema: Schema, ctes: Mapping[str, Any] | None = None, depth: int = 0) -> None:
        self.schema = schema
        self.ctes = ctes or {}
        self.depth = depth

    def within(self, query: Any) -> _Scope:
        """What can be seen inside a query."""
        ctes = {cte.ctename: cte.ctequery for cte in query.withClause.ctes} if query.withClause else {}
        return _Scope(self.schema, {**self.ctes, **ctes}, self.depth + 1)

    def without(self, name: str) -> _Scope:
        """What a WITH query itself can see: not itself, as far as origins go."""
        return _Scope(self.schema, {key: cte for key, cte in self.ctes.items() if key != name}, self.depth + 1)


def _output(query: Any, name: str, outer: _Scope) -> str | None:
    """Where a query's output column comes from."""
    if outer.depth > _DEEPEST or kind(query) is not ast.SelectStmt or query.larg is not None:
        return None
    scope = outer.within(query)
    names = output_names(query)
    if names:
        target = query.targetList[names.index(name)] if name in names else None
        return _expression(target.val, query, scope) if target else None
    items = _items(query)
    if query.targetList and len(query.targetList) == 1 and len(items) == 1:  # SELECT * FROM one thing
        return _of_item(items[0], name, scope)
    return None


def _expression(node: Any, query: Any, scope: _Scope) -> str | None:
    if kind(node) is ast.TypeCast:
        return _expression(node.arg, query, scope)
    if function_name(node) == "date_trunc" and len(node.args) > 1:
        return _expression(node.args[1], query, scope)
    name = column_name(node)
    if name is None:
        return None
    qualifier = node.fields[-2].sval if len(node.fields) > 1 else None
    items = [item for item in _items(query) if qualifier is None or _called(item) == qualifier]
    found = [origin for item in items if (origin := _of_item(item, name, scope)) is not None]
    return found[0] if len(found) == 1 else None


def _items(query: Any) -> list[Any]:
    return [item for top in query.fromClause or () for item in leaves(top)]


def _called(item: Any) -> str | None:
    if item.alias is not None:
        return str(item.alias.aliasname)
    return str(item.relname) if kind(item) is ast.RangeVar else None


def _of_item(item: Any, name: str, scope: _Scope) -> str | None:
    """Where a column of something in FROM comes from."""
    if item.alias is not None and item.alias.colnames:
        return None
    if kind(item) is ast.RangeSubselect:
        return _output(item.subquery, name, scope)
    if kind(item) is not ast.RangeVar:
        return None
    if item.schemaname == VIEW_SCHEMA:
        return f"{item.relname}.{name}" if name in scope.schema.get(item.relname, ()) else None
    cte = scope.ctes.get(item.relname)
    return None if cte is None else _output(cte, name, scope.without(item.relname))
