"""What a field list changed since the last sync, in words for a person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bitrix.fields import Field
from warehouse.columns import Column, KnownColumn, Table, storable

Kind = Literal[
    "field added",
    "field returned",
    "field retyped",
    "field renamed",
    "field vanished",
    "field without column",
    "option added",
    "option renamed",
    "option removed",
    "view incomplete",
    "view waits",
]

TITLE_CAP = 200
"""Characters of a title that a sentence shows."""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One thing that changed: of which kind, the field's code (or the view's name), and a sentence about it."""

    kind: Kind
    field: str
    text: str


def field_changes(
    known: Iterable[KnownColumn], aside: Iterable[str], fields: Sequence[Field], table: Table
) -> list[SchemaChange]:
    """What differs between the columns and fields that were known and the field list as it is now.

    ``aside`` are the codes of fields that were known and had no column.
    """
    before = defaultdict(list)
    for column in known:
        before[column.field_code].append(column)
    now = defaultdict(list)
    for made in table.columns:
        now[storable(made.field.code)].append(made)
    without = {storable(item.code) for item in table.left_out}
    aside = set(aside)
    found = []
    for item in fields:
        code = storable(item.code)
        if code in without:
            continue
        if code not in before:
            found.append(SchemaChange("field added", code, _added(item, now[code])))
        else:
            found += _changed(now[code][0].field, before[code], now[code], was_aside=code in aside)
    there = {storable(item.code) for item in fields}
    for code, columns in before.items():
        live = [column for column in columns if not column.vanished]
        if live and code not in there:
            text = f"{named(code, live[0].title)} is no longer in the portal. {_names(live)} keeps what it held."
            found.append(SchemaChange("field vanished", code, text))
    found += [
        SchemaChange("field vanished", code, f"{code} is no longer in the portal. It had no column.")
        for code in sorted(aside - there - before.keys())
    ]
    return found


def _added(field: Field, columns: Sequence[Column]) -> str:
    kind = kind_of(field.type, field.multiple)
    return f"{named(field.code, field.title)} is new, of type {kind}: column {_names(columns)}."


def _changed(
    field: Field, before: Sequence[KnownColumn], now: Sequence[Column], *, was_aside: bool
) -> Iterable[SchemaChange]:
    code = storable(field.code)
    live = [column for column in before if not column.vanished]
    last = live[0] if live else before[-1]
    shown = named(field.code, field.title)
    was, became = kind_of(last.field_type, last.multiple), kind_of(field.type, field.multiple)
    if was_aside:
        yield SchemaChange("field added", code, f"{shown} has a column now: {_names(now)}.")
    elif was != became:
        kept = {column.name for column in live} - {column.name for column in now}
        text = f"{shown} was of type {was} and is of type {became} now: column {_names(now)}."
        if kept:
            text += f" {', '.join(sorted(kept))} keeps what it held."
        yield SchemaChange("field retyped", code, text)
    elif not live:
        yield SchemaChange("field returned", code, f"{shown} is in the portal again: column {_names(now)}.")
    elif is_another(last.field_id, field.id):
        text = f"{shown} was deleted in the portal and made again: column {_names(now)}."
        yield SchemaChange("field returned", code, text)
    title = storable(field.title)
    if live and last.title != title:
        text = f"{code} is called “{title[:TITLE_CAP]}” now, it was “{last.title[:TITLE_CAP]}”."
        yield SchemaChange("field renamed", code, text)


def is_another(before: str | None, now: str | None) -> bool:
    """Whether two ids of fields tell that they are not the same field."""
    return before is not None and now is not None and before != now


def named(code: str, title: str) -> str:
    """A field for a person: its code and, where the portal gives it one, its title."""
    code, title = storable(code), storable(title)[:TITLE_CAP]
    return f"{code} “{title}”" if title and title != code else code


def kind_of(field_type: str, multiple: bool) -> str:
    """A field's type for a person."""
    return f"{field_type}, several values" if multiple else field_type


def _names(columns: Iterable[Column | KnownColumn]) -> str:
    return ", ".join(column.name for column in columns)
