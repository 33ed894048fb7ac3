"""A look at the text that will run, by another road: libpg_query's own JSON of it, without our tree and our walk.

It knows less (nothing of scopes and shapes) and trusts nothing: should the walk or the printer ever let something slip,
this finds it.
"""

from __future__ import annotations

from typing import Any

import orjson
from pglast.parser import parse_sql_json

from chart_service.guard.functions import FUNCTIONS
from chart_service.guard.refusal import Refused
from chart_service.guard.vocabulary import MOMENTS, NODES, TYPES
from warehouse.views import VIEW_NAMES, VIEW_SCHEMA

_NODES = frozenset(node.__name__ for node in NODES)
_MOMENTS = frozenset(moment.name for moment in MOMENTS)
_NEVER = frozenset({"intoClause", "lockingClause"})


def look_again(sql: str) -> None:
    """Raises ``Refused`` when anything in the text is not on the lists."""
    statements = orjson.loads(parse_sql_json(sql))["stmts"]
    if len(statements) != 1 or set(statements[0]["stmt"]) != {"SelectStmt"}:
        raise Refused("disagreement")
    names = {""}
    references: list[dict[str, Any]] = []
    stack: list[Any] = [statements[0]["stmt"]]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            for key, part in value.items():
                if not _is_listed(key, part):
                    raise Refused("disagreement")
                if key == "CommonTableExpr":
                    names.add(part["ctename"])
                elif key == "RangeVar":
                    references.append(part)
            stack.extend(value.values())
    if not all(_is_readable(reference, names) for reference in references):
        raise Refused("disagreement")


def _is_listed(key: str, part: Any) -> bool:
    """Whether a node or field may be in a statement. Names of nodes begin with a capital, those of fields do not."""
    if key in _NEVER:
        return False
    if key == "typeName" or key == "TypeName":
        return _name(part.get("names", ())) in TYPES
    if key == "FuncCall":
        return _name(part["funcname"]) in FUNCTIONS
    if key == "SQLValueFunction":
        return part["op"] in _MOMENTS
    return key in _NODES or key == "List" or not key[:1].isupper()


def _name(parts: Any) -> str | None:
    """The name without ``pg_catalog.``; None where it has another schema."""
    *schema, name = (str(part["String"]["sval"]) for part in parts)
    return name if schema in ([], ["pg_catalog"]) else None


def _is_readable(reference: dict[str, Any], names: set[str]) -> bool:
    if reference.get("catalogname"):
        return False
    if reference.get("schemaname"):
        return reference["schemaname"] == VIEW_SCHEMA and reference["relname"] in VIEW_NAMES
    return reference["relname"] in names
