"""Everything in the tree is on a list: kinds of nodes, relations by scope, functions, types, operators, names.

One walk over every node. It changes the tree in one way: a reference to a view is spelled ``crm.view``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums

from chart_service.guard.functions import FUNCTIONS
from chart_service.guard.reading import statement_name
from chart_service.guard.refusal import Refused
from chart_service.guard.tree import children, function_name, kind
from chart_service.guard.vocabulary import (
    MOMENTS,
    NODES,
    OPERATORS,
    PREFIXES,
    SYSTEM_COLUMNS,
    TYPES,
    WRITES,
    is_collation,
)
from warehouse.views import VIEW_NAMES, VIEW_SCHEMA

DEEPEST_TREE = 150
"""Nodes above one another. Python's recursion in the printer is far from its limit here."""

DEEPEST_QUERY = 12
"""Queries within one another."""

MOST_SUBSCRIPTS = 6
"""``a[1][2]…``: PostgreSQL's arrays have no more dimensions, and sqlglot is slow on them."""

LONGEST_NUMBER = 60
"""Digits of a literal: arithmetic on longer ones is slow and cannot be interrupted."""

Schema = Mapping[str, Collection[str]]
"""Names of columns by view."""

Scope = Mapping[str, ast.CommonTableExpr]
"""The WITH names that can be seen from a place."""


@dataclass(slots=True)
class Structure:
    """What the walk found. ``sources``: the CTE behind each unqualified reference, by ``id`` of its node."""

    query: ast.SelectStmt
    views: list[ast.RangeVar] = field(default_factory=list)
    sources: dict[int, ast.CommonTableExpr] = field(default_factory=dict)
    queries: list[ast.SelectStmt] = field(default_factory=list)
    calls: list[ast.FuncCall] = field(default_factory=list)
    columns: list[ast.ColumnRef] = field(default_factory=list)
    recursive: list[ast.CommonTableExpr] = field(default_factory=list)
    powers: list[ast.A_Expr] = field(default_factory=list)
    unread: bool = False
    """Whether it holds what sqlglot is known not to read."""

    def cte(self, reference: ast.RangeVar) -> ast.CommonTableExpr | None:
        """The CTE that a reference means, None for a view."""
        return self.sources.get(id(reference))


def read_structure(query: ast.SelectStmt, schema: Schema | None = None) -> Structure:
    """Walk the whole tree. Raises ``Refused`` at the first thing that is not listed.

    With a ``schema`` only the views that exist now are known, else every view that there can be.
    """
    found = Structure(query)
    walk = _Walk(found, VIEW_NAMES if schema is None else VIEW_NAMES & set(schema))
    walk.run(query)
    return found


class _Walk:
    def __init__(self, found: Structure, views: frozenset[str]) -> None:
        self.views = views
        self.found = found
        self.stack: list[tuple[ast.Node, Scope, int, int]] = []
        self.location: int | None = None
        self.checks: Mapping[type[ast.Node], Callable[[Any, Scope], None]] = {
            ast.RangeVar: self._relation,
            ast.FuncCall: self._call,
            ast.SQLValueFunction: self._moment,
            ast.TypeName: self._type,
            ast.A_Expr: self._operator,
            ast.SubLink: self._operator,
            ast.SortBy: self._operator,
            ast.CollateClause: self._collation,
            ast.ColumnRef: self._column,
            ast.A_Indirection: self._indirection,
            ast.Float: self._number,
            ast.ColumnDef: self._column_definition,
        }

    def run(self, query: ast.SelectStmt) -> None:
        self.stack.append((query, {}, 1, 0))
        while self.stack:
            node, scope, depth, level = self.stack.pop()
            shape = type(node)
            self.location = getattr(node, "location", None) or self.location
            if shape not in NODES:
                raise self._unlisted(node)
            self.found.unread = self.found.unread or _is_unread(node)
            if depth > DEEPEST_TREE:
                raise self._refused("too_deep", limit=DEEPEST_TREE)
            if isinstance(node, ast.SelectStmt):
                if level > DEEPEST_QUERY:
                    raise self._refused("too_deep", limit=DEEPEST_QUERY)
                scope = self._enter(node, scope, depth, level)
                self.found.queries.append(node)
                # The arms of a union are beside each other, though the parser nests them.
                arms = [arm for arm in (node.larg, node.rarg) if arm is not None]
                self.stack.extend((arm, scope, depth + 1, level) for arm in arms)
                self.stack.extend(
                    (part, scope, depth + 1, level + 1) for part in children(node) if kind(part) is not ast.SelectStmt
                )
                continue
            if check := self.checks.get(shape):
                check(node, scope)
            self.stack.extend((child, scope, depth + 1, level) for child in children(node))

    def _enter(self, query: Any, scope: Scope, depth: int, level: int) -> Scope:
        """Checks on the query itself, and the scope of its parts: PostgreSQL lets a CTE see those before it, and with
        RECURSIVE all of its clause."""
        if query.intoClause is not None:
            raise self._refused("select_into")
        if query.lockingClause:
            raise self._refused("row_lock")
        clause = query.withClause
        if clause is None:
            return scope
        inner: dict[str, ast.CommonTableExpr] = dict(scope)
        if clause.recursive:
            inner.update((cte.ctename, cte) for cte in clause.ctes)
        for cte in clause.ctes:
            self._cte(cte)
            if clause.recursive:
                self.found.recursive.append(cte)
            self.stack.append((cte, dict(inner), depth + 1, level + 1))
            inner[cte.ctename] = cte
        return inner

    def _cte(self, cte: Any) -> None:
        if kind(cte.ctequery) in WRITES:
            raise self._refused("writes", cte.ctequery, name=statement_name(cte.ctequery))
        if cte.ctename.startswith(f"{VIEW_SCHEMA}_") and _view_name(cte.ctename) is not None:
            raise self._refused("cte_name", cte, name=cte.ctename)

    def _relation(self, node: Any, scope: Scope) -> None:
        if node.schemaname is None and node.catalogname is None and node.relname in scope:
            self.found.sources[id(node)] = scope[node.relname]
            return
        name = "" if node.catalogname is not None else _resolve(node.schemaname, node.relname) or ""
        if name not in self.views:
            full = ".".join(part for part in (node.catalogname, node.schemaname, node.relname) if part)
            raise self._refused("relation", node, name=full, close=_close(node.relname, self.views))
        if node.alias is None and node.relname != name:
            node.alias = ast.Alias(aliasname=node.relname)
        node.schemaname, node.relname, node.inh = VIEW_SCHEMA, name, True
        self.found.views.append(node)

    def _call(self, node: Any, scope: Scope) -> None:
        *schema, name = (part.sval for part in node.funcname)
        if schema and schema != ["pg_catalog"]:
            raise self._refused("function_schema", node, name=".".join((*schema, name)))
        if name not in FUNCTIONS:
            raise self._refused("function", node, name=name)
        self.found.calls.append(node)

    def _moment(self, node: Any, scope: Scope) -> None:
        if node.op not in MOMENTS:
            raise self._refused("session_value", node, name=node.op.name.removeprefix("SVFOP_"))

    def _type(self, node: Any, scope: Scope) -> None:
        *schema, name = (part.sval for part in node.names)
        if (schema and schema != ["pg_catalog"]) or name not in TYPES or node.setof or node.pct_type:
            raise self._refused("type", node, name=".".join((*schema, name)))

    def _operator(self, node: Any, scope: Scope) -> None:
        if kind(node) is ast.A_Expr and node.lexpr is None and node.name[-1].sval not in PREFIXES:
            raise self._refused("operator", node, name=node.name[-1].sval)
        names = (
            node.name
            if isinstance(node, ast.A_Expr)
            else (node.operName if isinstance(node, ast.SubLink) else node.useOp)
        )
        if not names:
            return
        *schema, name = (part.sval for part in names)
        words = isinstance(node, ast.A_Expr) and node.kind in _WORD_OPERATORS
        if (schema and schema != ["pg_catalog"]) or not (words or name in OPERATORS):
            raise self._refused("operator", node, name=".".join((*schema, name)))
        if name == "^" and kind(node) is ast.A_Expr:
            self.found.powers.append(node)

    def _collation(self, node: Any, scope: Scope) -> None:
        *schema, name = (part.sval for part in node.collname)
        if (schema and schema != ["pg_catalog"]) or not is_collation(name):
            raise self._refused("collation", node, name=name)

    def _column(self, node: Any, scope: Scope) -> None:
        names = [str(part.sval) for part in node.fields if isinstance(part, ast.String)]
        if len(names) > 3 or (len(names) == 3 and names[0] != VIEW_SCHEMA):
            raise self._refused("column", node, name=".".join(names))
        if names and names[-1] in SYSTEM_COLUMNS:
            raise self._refused("system_column", node, name=names[-1])
        if len(names) > 1 and _is_call(names[-1]):
            raise self._refused("field_call", node, name=names[-1])
        self.found.columns.append(node)

    def _indirection(self, node: Any, scope: Scope) -> None:
        """``(x).name``: a field of a composite value, or a call of name(x)."""
        if len(node.indirection) > MOST_SUBSCRIPTS:
            raise self._refused("too_deep", node, limit=MOST_SUBSCRIPTS)
        for part in node.indirection:
            if isinstance(part, ast.A_Indices):
                continue
            name = part.sval if isinstance(part, ast.String) else "*"
            call = function_name(node.arg)
            if not (call in _PAIRS and name in ("key", "value", "*")):
                raise self._refused("field_call", node, name=name)

    def _number(self, node: Any, scope: Scope) -> None:
        if len(node.fval) > LONGEST_NUMBER or _exponent(node.fval) > LONGEST_NUMBER:
            raise self._refused("big_number", name=node.fval)

    def _column_definition(self, node: Any, scope: Scope) -> None:
        if node.constraints or node.raw_default or node.fdwoptions:
            raise self._refused("construct", node, name=node.colname)

    def _unlisted(self, node: Any) -> Refused:
        if kind(node) in WRITES:
            return self._refused("writes", name=statement_name(node))
        if isinstance(node, ast.ParamRef):
            return self._refused("parameter", name=f"${node.number}")
        return self._refused("construct", name=statement_name(node))

    def _refused(self, rule: str, node: ast.Node | None = None, **parts: object) -> Refused:
        return Refused(rule, getattr(node, "location", None) or self.location, **parts)


_KINDS = enums.A_Expr_Kind
_WORD_OPERATORS = {
    *(_KINDS.AEXPR_BETWEEN, _KINDS.AEXPR_NOT_BETWEEN, _KINDS.AEXPR_BETWEEN_SYM, _KINDS.AEXPR_NOT_BETWEEN_SYM),
    _KINDS.AEXPR_NULLIF,
}
"""Kinds of expression whose "operator" is a word."""

_PAIRS = {"json_each", "json_each_text", "jsonb_each", "jsonb_each_text"}
"""Functions that give (key, value)."""


_EXCLUDE = 0x8000 | 0x10000 | 0x20000
"""PostgreSQL's bits for EXCLUDE in the frame of a window."""


def _is_unread(node: Any) -> bool:
    """Constructs of PostgreSQL that sqlglot 30.30 takes for mistakes."""
    shape = kind(node)
    if shape is ast.A_Expr:
        return node.lexpr is None and node.name[-1].sval == "@"
    if shape is ast.WindowDef:
        return bool((node.frameOptions or 0) & _EXCLUDE)
    if shape is ast.JoinExpr:
        return node.join_using_alias is not None
    if shape is ast.SortBy:
        return bool(node.useOp)
    return shape in (ast.JsonFuncExpr, ast.JsonArrayConstructor, ast.JsonTable)


def _resolve(schema: str | None, name: str) -> str | None:
    """The view that a name means: ``crm.deals``, ``deals``, ``crm_deals``, ``public.crm_deals``, ``"crm.deals"``."""
    if schema == VIEW_SCHEMA:
        return name if name in VIEW_NAMES else None
    if schema == "public":
        return _view_name(name) if name.startswith(f"{VIEW_SCHEMA}_") else None
    return _view_name(name) if schema is None else None


def _view_name(name: str) -> str | None:
    for prefix in ("", f"{VIEW_SCHEMA}_", f"{VIEW_SCHEMA}."):
        bare = name.removeprefix(prefix)
        if name.startswith(prefix) and bare in VIEW_NAMES:
            return None if bare in _AMBIGUOUS and prefix != f"{VIEW_SCHEMA}." else bare
    return None


_AMBIGUOUS = frozenset({"users"})
"""Many an application has a table of this name that holds passwords: it is meant only when written ``crm.users``."""


def _close(name: str, names: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" ({close[0]}?)" if close else ""


def _exponent(number: str) -> int:
    _, _, exponent = number.lower().partition("e")
    return abs(int(exponent)) if exponent else 0


def _is_call(name: str) -> bool:
    """Whether ``x.name`` could be a call of a function that takes any row, where x has no such column."""
    return name.startswith(("pg_", "record_", "hash_record", "row_to_json", "lo_", "txid_")) or name.endswith("_to_xml")
