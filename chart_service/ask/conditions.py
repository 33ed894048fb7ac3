"""Which texts a statement compares columns with, and which values those columns really have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast
from pglast.enums import A_Expr_Kind
from pglast.visitors import Visitor

from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc
from warehouse.schema_docs.codes import Code

_PATTERNS = (A_Expr_Kind.AEXPR_LIKE, A_Expr_Kind.AEXPR_ILIKE)
LABELS_TOLD = 60


@dataclass(frozen=True, slots=True)
class Condition:
    """A column of a view that is compared with texts. ``exact``: by ``=`` or ``IN``, not by a pattern."""

    view: str
    column: str
    texts: tuple[str, ...]
    exact: bool


def text_conditions(tree: ast.Node, catalog: Catalog) -> list[Condition]:
    """The comparisons of columns with texts in a statement, in its order."""
    found = _Comparisons()
    found(tree)
    tables = [table for table in catalog.tables if table.name in found.views]
    return [
        Condition(table.name, name, texts, exact)
        for qualifier, name, texts, exact in found.comparisons
        if (table := _table_of(qualifier, name, found.aliases, tables)) is not None
    ]


def dictionary_of(catalog: Catalog, condition: Condition) -> list[str] | None:
    """All values that the column can have, from the portal's settings; None for a column of free values."""
    table = catalog.table(condition.view)
    column = table.column(condition.column) if table else None
    if table is None or column is None:
        return None
    if column.codes:
        return [code.code for code in column.codes]
    codes = _labelled(table, column)
    return list(dict.fromkeys(code.label for code in codes)) if codes else None


def wrong_texts(catalog: Catalog, condition: Condition) -> str | None:
    """What to tell the model of texts that a coded column cannot be equal to; None when there is nothing to tell.

    Only labels and codes of the portal's settings are named, never a value of a row.
    """
    known = dictionary_of(catalog, condition) if condition.exact else None
    if known is None:
        return None
    wrong = [text for text in condition.texts if text not in known]
    if not wrong:
        return None
    values = ", ".join(repr(value) for value in known[:LABELS_TOLD])
    return f"{condition.view}.{condition.column} is never {' or '.join(map(repr, wrong))}; its values are {values}."


def _labelled(table: TableDoc, column: ColumnDoc) -> tuple[Code, ...]:
    source = table.column(column.labels) if column.labels and not column.name.endswith("_sort") else None
    return source.codes if source else ()


def _table_of(qualifier: str | None, name: str, aliases: dict[str, str], tables: list[TableDoc]) -> TableDoc | None:
    if qualifier is not None:
        view = aliases.get(qualifier)
        tables = [table for table in tables if table.name == view]
    return next((table for table in tables if table.column(name) is not None), None)


class _Comparisons(Visitor):
    """Collects tables with their aliases, and comparisons of columns with texts."""

    def __init__(self) -> None:
        self.views: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.comparisons: list[tuple[str | None, str, tuple[str, ...], bool]] = []

    def visit_RangeVar(self, _: Any, node: ast.RangeVar) -> None:
        view = str(node.relname)
        self.views.add(view)
        self.aliases[str(node.alias.aliasname) if node.alias else view] = view

    def visit_A_Expr(self, _: Any, node: ast.A_Expr) -> None:
        operator = node.name[-1].sval if node.name else ""
        exact = node.kind in (A_Expr_Kind.AEXPR_OP, A_Expr_Kind.AEXPR_IN) and operator == "="
        if not exact and node.kind not in _PATTERNS:
            return
        for one, other in ((node.lexpr, node.rexpr), (node.rexpr, node.lexpr)):
            place, texts = _column(one), tuple(_texts(other))
            if place and texts:
                self.comparisons.append((*place, texts, exact))


def _column(node: Any) -> tuple[str | None, str] | None:
    if isinstance(node, ast.FuncCall) and node.args and len(node.args) == 1:
        node = node.args[0]  # lower(name) and the like
    if not isinstance(node, ast.ColumnRef):
        return None
    fields = node.fields or ()
    names = [str(part.sval) for part in fields if isinstance(part, ast.String)]
    if not names or len(names) != len(fields):
        return None
    return (names[-2] if len(names) > 1 else None), names[-1]


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, ast.TypeCast):
        node = node.arg
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.String):
        yield str(node.val.sval)
    elif isinstance(node, tuple | list):
        for item in node:
            yield from _texts(item)
