"""Ways around a tree of pglast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast


def kind(node: Any) -> type[Any]:
    """The class of a node, without narrowing its type: in pglast's stubs every field may be None."""
    return type(node)


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes directly below a node, those in lists of lists too; the WITH clause of a query is not among them."""
    for name in node:
        if name == "withClause":
            continue
        value = getattr(node, name)
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            yield from _of_list(value)


def leaves(item: Any) -> list[Any]:
    """The items that a join tree joins, from left to right."""
    found, rest = [], [item]
    while rest:
        node = rest.pop()
        if type(node) is ast.JoinExpr:
            rest += [node.rarg, node.larg]
        else:
            found.append(node)
    return found


def _of_list(values: tuple[object, ...]) -> Iterator[ast.Node]:
    for value in values:
        if isinstance(value, ast.Node):
            yield value
        elif isinstance(value, tuple):
            yield from _of_list(value)


def column_name(node: Any) -> str | None:
    """The column in a reference to one, None for anything else."""
    last: Any = node.fields[-1] if kind(node) is ast.ColumnRef else None
    return str(last.sval) if kind(last) is ast.String else None


def function_name(node: Any) -> str:
    """The function in a call, empty for anything else."""
    return str(node.funcname[-1].sval) if kind(node) is ast.FuncCall else ""
