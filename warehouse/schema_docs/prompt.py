"""The short form of the document, for a language model: complete, dense, the same bytes while the schema is the same.

No counts and no clock: what changes with every sync would throw the model's prompt cache away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc
from warehouse.schema_docs.codes import Code
from warehouse.schema_docs.glossary import terms

TOKEN_BUDGET = 24_000
"""A model's window has 128,000. A deal with 200 user fields, a quarter of them lists of 20 options, takes 22,700."""

_CODES_SHOWN = (40, 15, 6, 0)
"""How many codes of a column are listed, from generous to none: the first that keeps the budget is taken."""

_SHORT_TYPES = {
    "bigint": "int",
    "timestamp with time zone": "timestamptz",
    "boolean": "bool",
    "bigint[]": "int[]",
    "timestamp with time zone[]": "timestamptz[]",
    "boolean[]": "bool[]",
}

_HEAD = """PostgreSQL schema crm, read only: a live copy of the company's Bitrix24 CRM. One line a column:
name type | the portal's title | meaning | codes. "-> table.key" is a join path. Names in quotes need the quotes in SQL.
"""


def prompt_text(catalog: Catalog, *, budget: int = TOKEN_BUDGET) -> str:
    """The short form, within ``budget`` estimated tokens as far as leaving out codes can bring it there."""
    text = ""
    for codes_shown in _CODES_SHOWN:
        text = "\n".join(_lines(catalog, codes_shown)) + "\n"
        if estimated_tokens(text) <= budget:
            break
    return text


def estimated_tokens(text: str) -> int:
    """An upper estimate: English takes a token for about four letters, Russian for about two and a half."""
    ascii_letters = sum(character.isascii() for character in text)
    return round(ascii_letters / 3.5 + (len(text) - ascii_letters) / 2.2)


def _lines(catalog: Catalog, codes_shown: int) -> Iterator[str]:
    yield _HEAD
    seen: dict[tuple[Code, ...], str] = {}
    for table in catalog.tables:
        yield from _table(table, codes_shown, seen)
        yield ""
    yield "Glossary"
    for term in terms(catalog):
        yield f"- {term.word.ru} / {term.word.en}: {term.meaning.en.replace('`', '')}"


def _table(table: TableDoc, codes_shown: int, seen: dict[tuple[Code, ...], str]) -> Iterator[str]:
    yield f"## {table.name}: {table.title.ru} / {_one_line(table.meaning.en)} Key: {table.key}."
    joins = {join.column: join for join in table.joins}
    for column in table.columns:
        if column.kind == "service":
            continue
        name = column.name if column.name.isidentifier() and column.name not in _RESERVED else f'"{column.name}"'
        parts = [f"{name} {_SHORT_TYPES.get(column.type, column.type)}"]
        if column.kind == "field" and column.title:
            parts.append(_one_line(column.title))
        if column.origin == "person":
            parts.append(_one_line(f"{column.meaning.ru} / {column.meaning.en}"))
        elif column.origin == "model" or not _said_already(column):
            parts.append(_one_line(column.meaning.en))
        if join := joins.get(column.name):
            parts.append(f"-> {'ANY ' if join.many else ''}{join.table}.{join.key}")
        if column.labels:
            parts.append(
                f"text of {column.labels}" if not column.name.endswith("_sort") else f"order of {column.labels}"
            )
        if column.codes:
            parts.append(_codes(column, f"{table.name}.{column.name}", codes_shown, seen))
        yield " | ".join(parts)


def _said_already(column: ColumnDoc) -> bool:
    """Whether type, title, codes and label columns tell everything that the meaning would repeat."""
    if column.kind == "label":
        return True
    return column.general and bool(column.title) and not column.vanished and column.field_type not in ("crm", "money")


_RESERVED = frozenset({"order", "group", "user", "end", "desc", "asc", "table", "column", "limit", "offset", "default"})


def _codes(column: ColumnDoc, where: str, codes_shown: int, seen: dict[tuple[Code, ...], str]) -> str:
    if len(column.codes) > 3 and column.codes in seen:
        return f"codes as in {seen[column.codes]}"
    seen[column.codes] = where
    shown = column.codes[:codes_shown]
    text = "; ".join(
        (f"[{group}] " if group else "") + ", ".join(_code(code) for code in codes) for group, codes in _grouped(shown)
    )
    left = len(column.codes) - len(shown)
    return text + (f" … {left} more" if shown and left else f"{left} codes" if left else "")


def _grouped(codes: Sequence[Code]) -> Iterator[tuple[str, list[Code]]]:
    for group, members in groupby(codes, key=lambda code: code.group):
        yield _one_line(group), list(members)


def _code(code: Code) -> str:
    return f"{code.code}={_one_line(code.label)}" if code.label else code.code


def _one_line(text: str) -> str:
    """Portal texts are data: line breaks and the separator would let them pose as the document's own lines."""
    return " ".join(text.split()).replace("|", "/")[:200]
