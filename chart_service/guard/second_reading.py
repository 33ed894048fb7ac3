"""What runs is read once more by another parser: sqlglot and PostgreSQL's grammar must see the same query.

A mistake in one list, or a spelling that one of the two misreads, then refuses a statement instead of running it.
"""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from chart_service.guard.refusal import Refused
from warehouse.views import VIEW_SCHEMA

_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_NEVER = (
    *(exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Set, exp.Transaction, exp.Commit, exp.Rollback),
    *(exp.Placeholder, exp.Pragma, exp.Use, exp.Kill, exp.Drop),
)
"""What no query that may run holds. (``@ x`` is a parameter to sqlglot, and the absolute value to PostgreSQL.)"""


def agree(sql: str, relations: frozenset[str], *, may_fail: bool = False) -> None:
    """Raise ``Refused`` unless sqlglot reads one query that reads just these views and changes nothing.

    ``may_fail``: the statement holds what sqlglot is known not to read, and then that it fails tells nothing.
    """
    try:
        statements = sqlglot.parse(sql, dialect="postgres")
    except SqlglotError:
        if may_fail:
            return
        raise Refused("disagreement") from None
    except (RecursionError, ValueError):
        raise Refused("disagreement") from None
    if len(statements) != 1 or not isinstance(statements[0], _QUERIES):
        raise Refused("disagreement")
    read = set()
    for node in statements[0].walk():
        if isinstance(node, _NEVER):
            raise Refused("disagreement")
        if isinstance(node, exp.Table) and (node.db or node.catalog):
            if node.db != VIEW_SCHEMA or node.catalog:
                raise Refused("disagreement")
            read.add(node.name)
    if read != relations:
        raise Refused("disagreement")
