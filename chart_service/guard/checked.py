"""``check``: a statement that anybody wrote becomes one that may run, or is refused."""

from __future__ import annotations

from dataclasses import dataclass

from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from chart_service.guard.columns import check_columns
from chart_service.guard.last_look import look_again
from chart_service.guard.output import output_names
from chart_service.guard.reading import DEEPEST_BRACKETS, read_query
from chart_service.guard.refusal import Refused
from chart_service.guard.second_reading import agree
from chart_service.guard.shapes import check_shapes
from chart_service.guard.structure import Schema, read_structure
from warehouse.meanings import Text


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that passed: ``sql`` is what runs, printed from ``tree`` without comments.

    ``relations``: bare names of the views it reads. ``columns``: names of its output, empty where a ``*`` hides them.
    ``notes``: what a person should know, such as views that a filter left alone (``unfiltered``).
    """

    sql: str
    tree: ast.SelectStmt
    relations: frozenset[str]
    columns: tuple[str, ...] = ()
    notes: tuple[Text, ...] = ()
    unfiltered: tuple[str, ...] = ()

    def limited(self, rows: int) -> str:
        """The statement for at most ``rows`` rows and one more, which tells that there are more.

        Names that occur twice get a number, so that rows can be read by name.
        """
        names = ""
        if len(set(self.columns)) < len(self.columns):
            quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in _unique(self.columns))
            names = f"({quoted})"
        return f"SELECT * FROM ({self.sql}) AS q{names} LIMIT {int(rows) + 1}"  # noqa: S608 - printed from a tree


def check(sql: str, schema: Schema | None = None) -> Checked:
    """Let a statement through, or raise ``Refused``. Without a schema only the names of views are known."""
    try:
        query = read_query(sql)
        structure = read_structure(query, schema)
        if not structure.views:
            raise Refused("no_relation")
        if not query.targetList and not query.valuesLists and query.larg is None:
            raise Refused("no_columns")
        check_shapes(structure)
        names = output_names(query) if schema is None else check_columns(query, schema) or ()
        views = frozenset(str(view.relname) for view in structure.views)
        printed = print_query(query)
        agree(printed, views, may_fail=structure.unread)
        return Checked(printed, query, views, names)
    except Refused as refused:
        refused.locate(sql)
        raise
    except RecursionError:
        raise Refused("too_deep", limit=DEEPEST_BRACKETS) from None


def read_again(sql: str) -> ast.SelectStmt:
    """A tree of its own of a statement that passed, to be changed."""
    tree = parse_sql(sql)[0].stmt
    assert isinstance(tree, ast.SelectStmt)  # noqa: S101 - it was printed from one
    return tree


def print_query(query: ast.SelectStmt) -> str:
    """The tree as SQL. What is printed is read again and must give the same tree, or nothing runs."""
    text: str = RawStream()(query)
    try:
        again = parse_sql(text)
    except ParseError:
        raise Refused("disagreement") from None
    if len(again) != 1 or again[0].stmt != query:
        raise Refused("disagreement")
    look_again(text)
    return text


def _unique(names: tuple[str, ...]) -> list[str]:
    taken: set[str] = set(names)
    seen: set[str] = set()
    unique = []
    for name in names:
        chosen, number = name, 1
        while chosen in seen or (number > 1 and chosen in taken):
            number += 1
            chosen = f"{name}_{number}"
        seen.add(chosen)
        unique.append(chosen)
    return unique
