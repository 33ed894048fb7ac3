"""What the model is told of a statement that failed: the rule or PostgreSQL's words, and never a value of a row."""

from __future__ import annotations

import re

from chart_service.guard import Refused
from chart_service.query import QueryFailed
from warehouse.schema_docs.catalog import Catalog

_QUOTED = re.compile(r'"([^"]*)"')
_QUOTE = re.compile("[\"'«“„`]")
_LONG_NUMBER = re.compile(r"\d{4,}")
_LONGEST = 500

_PASSING = frozenset({"timeout", "too_busy", "changing", "no_right", "failed", "out_of_space"})
"""Failures that another statement would not mend, or that took too long to try once more."""


def mendable(failure: QueryFailed) -> bool:
    """Whether the model may try again after this failure."""
    return failure.code not in _PASSING


def of_refusal(refusal: Refused) -> str:
    """The guard's rule in its own words."""
    return f"The statement was refused (rule {refusal.rule}): {refusal.message.en}"


def of_failure(failure: QueryFailed, sql: str, catalog: Catalog) -> str:
    """SQLSTATE, message and hint. ``sql`` is the statement as the model wrote it: what it spells may be repeated."""
    if not failure.message:
        return f"The statement failed ({failure.code}): {failure.text.en}"
    parts = [f"PostgreSQL error {failure.sqlstate}: {_without_values(failure.message, failure.sqlstate, sql, catalog)}"]
    if failure.hint:
        parts.append(f"Hint: {_without_values(failure.hint, failure.sqlstate, sql, catalog)}")
    return " ".join(parts)


def _without_values(text: str, sqlstate: str | None, sql: str, catalog: Catalog) -> str:
    """A message that may go to the model.

    Messages about the statement itself (class 42) quote names: those of the statement or of the schema stay. All others
    may quote a row, whose text may hold quotes itself: everything from the first quote on goes, unless the statement
    spells it.
    """
    if (sqlstate or "").startswith("42"):
        names = {table.name for table in catalog.tables}
        names |= {column.name for table in catalog.tables for column in table.columns}
        text = _QUOTED.sub(lambda found: found[0] if _known(found[1], sql, names) else '"…"', text)
    elif (first := _QUOTE.search(text)) and text[first.end() :].rstrip("\"'»”“`. ") not in sql:
        text = f"{text[: first.start()]}…"
    return _LONG_NUMBER.sub(lambda found: found[0] if found[0] in sql else "…", text)[:_LONGEST]


def _known(quoted: str, sql: str, names: set[str]) -> bool:
    return bool(quoted) and (quoted in sql or all(part in names for part in quoted.split(".")))
