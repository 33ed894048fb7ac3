"""The table of options: made from field lists rather than read from a list of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection, sql

from bitrix.fields import Field
from warehouse.columns import Table, storable
from warehouse.schema_changes import Kind, SchemaChange
from warehouse.tables import identifier

Options = Mapping[str, tuple[str, str]]
"""Of each option, by its id: its field, as ``deal.UF_CRM_COLOUR``, and its text."""

SHOWN, TEXT_CAP = 20, 100


def option_rows(fields: Mapping[str, Sequence[Field]]) -> list[dict[str, Any]]:
    """The options of all enumeration fields, one row each, as ``field_options`` keeps them."""
    return [
        {
            "ID": option.id,
            "ENTITY": entity,
            "FIELD": item.code,
            "VALUE": option.value,
            "SORT": option.sort,
            "XML_ID": option.xml_id,
            "IS_DEFAULT": option.is_default,
        }
        for entity, described in fields.items()
        for item in described
        for option in item.options
    ]


def live_options(conn: Connection, table: Table) -> Options:
    """The options that the mirror has."""
    rows = conn.execute(
        sql.SQL("SELECT id, entity || '.' || field, coalesce(value, '') FROM {} WHERE _deleted_at IS NULL").format(
            identifier(table)
        )
    )
    return {str(number): (field, value) for number, field, value in rows}


def option_changes(before: Options, rows: Iterable[Mapping[str, Any]]) -> list[SchemaChange]:
    """What differs from the options that the mirror has, a change for each field; nothing the first time."""
    if not before:
        return []
    now = {str(row["ID"]): (f"{row['ENTITY']}.{row['FIELD']}", storable(row["VALUE"])) for row in rows}
    found: dict[tuple[Kind, str], list[str]] = defaultdict(list)
    for number, (field, value) in now.items():
        if number not in before:
            found["option added", field].append(_quoted(value))
        elif before[number][1] != value:
            found["option renamed", field].append(f"{_quoted(before[number][1])} to {_quoted(value)}")
    for number, (field, value) in before.items():
        if number not in now:
            found["option removed", field].append(_quoted(value))
    return [SchemaChange(kind, field, _sentence(kind, field, texts)) for (kind, field), texts in found.items()]


def _sentence(kind: Kind, field: str, texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN:,} more" if len(texts) > SHOWN else ""
    what = kind.removeprefix("option ")
    after = ". Rows that hold them keep them, with their text" if what == "removed" else ""
    return f"Options of {field} {what}: {', '.join(texts[:SHOWN])}{more}{after}."


def _quoted(text: str) -> str:
    return f"“{text[:TEXT_CAP]}”"
