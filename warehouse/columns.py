"""Tables designed from fields: which columns a field needs, of which PostgreSQL type, under which name."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from bitrix.fields import Field

MAX_NAME_BYTES = 63
MAX_COLUMNS = 1600
"""PostgreSQL's limit for a table or a view. Columns that were dropped count, too."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that PostgreSQL cannot store: NUL and lone surrogates."""
SERVICE_COLUMNS = ("_synced_at", "_deleted_at", "_extra")
# PostgreSQL refuses these as column names whatever the quoting.
SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})

BIGINT = "int8"
NUMERIC = "numeric"
TEXT = "text"
BOOLEAN = "bool"
DATE = "date"
TIMESTAMP = "timestamptz"
JSONB = "jsonb"

PG_TYPES: Mapping[str, str] = {
    "integer": BIGINT,
    "int": BIGINT,
    "user": BIGINT,
    "employee": BIGINT,
    "enumeration": BIGINT,
    "crm_category": BIGINT,
    "crm_company": BIGINT,
    "crm_contact": BIGINT,
    "crm_deal": BIGINT,
    "crm_entity": BIGINT,
    "crm_lead": BIGINT,
    "crm_quote": BIGINT,
    "iblock_element": BIGINT,
    "iblock_section": BIGINT,
    "resourcebooking": BIGINT,
    "file": BIGINT,
    "double": NUMERIC,
    "money": NUMERIC,
    "char": BOOLEAN,
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": TIMESTAMP,
    "string": TEXT,
    "text": TEXT,
    "url": TEXT,
    "address": TEXT,
    "crm": TEXT,
    "crm_currency": TEXT,
    "crm_status": TEXT,
}
"""Bitrix24 type to PostgreSQL type. The portal's list of types is open: whatever is not here is kept as jsonb."""

ALWAYS_MULTIPLE = frozenset({"resourcebooking"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a mirror table. ``part`` is ``value``, or ``currency`` for the second half of a money field."""

    name: str
    pg_type: str
    field: Field
    part: str = "value"

    @property
    def is_array(self) -> bool:
        """Whether the column holds a PostgreSQL array."""
        return self.pg_type.endswith("[]")


@dataclass(frozen=True, slots=True)
class KnownColumn:
    """A column that the table already has, and its field as the last sync saw it. ``vanished``: the field went away, or
    its values are in another column now."""

    name: str
    field_code: str
    part: str
    pg_type: str
    field_type: str = ""
    multiple: bool = False
    title: str = ""
    vanished: bool = False
    status_type: str | None = None
    position: int | None = None
    field_id: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A mirror table: its columns in the portal's order, without the service columns.

    ``left_out`` are the fields that have no column: what they hold goes to ``_extra``, like keys that no field list
    names. ``idle`` are the bytes that rows hold in columns which no field fills any more, by key, where they count: in
    very wide rows.
    """

    entity: str
    name: str
    key: str
    columns: tuple[Column, ...]
    modified: str | None = None
    left_out: tuple[Field, ...] = ()
    idle: Mapping[Any, int] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def codes(self) -> frozenset[str]:
        """The field codes that have a column."""
        return frozenset(column.field.code for column in self.columns)


def wanted_parts(field: Field) -> list[tuple[str, str]]:
    """``(part, PostgreSQL type)`` for each column that a field needs; money needs two."""
    pg_type = PG_TYPES.get(field.type, JSONB)
    multiple = field.multiple or field.type in ALWAYS_MULTIPLE
    suffix = "[]" if multiple and pg_type != JSONB else ""
    parts = [("value", pg_type + suffix)]
    if field.type == "money":
        parts.append(("currency", TEXT + suffix))
    return parts


def design(
    entity: str,
    table: str,
    fields: Iterable[Field],
    *,
    key: str,
    modified: str | None = None,
    known: Iterable[KnownColumn] = (),
    taken: Iterable[str] = (),
    room: int = MAX_COLUMNS - len(SERVICE_COLUMNS),
) -> Table:
    """Give every field its columns.

    A column that is known with the same type is used again. A field whose type or multiplicity changed gets a new
    column beside the old one, so nothing that was stored is lost. ``key`` and ``modified`` are field codes. At most
    ``room`` columns are new, and none of them gets a name that is ``taken``; a field for which there is no room is left
    out as a whole.

    Raises ``ValueError`` when the key field is missing.
    """
    known = list(known)
    reusable = defaultdict(list)
    for have in known:
        reusable[have.field_code, have.part, have.pg_type].append(have.name)
    names = {*taken, *(have.name for have in known), *SERVICE_COLUMNS, *SYSTEM_COLUMNS}
    columns: list[Column] = []
    left_out = []
    for field in fields:
        if field.code == key:
            field = _as_it_was(field, known)
        parts = [(*wanted, reusable[storable(field.code), *wanted]) for wanted in wanted_parts(field)]
        room -= sum(not have for _, _, have in parts)
        if room < 0:
            room += sum(not have for _, _, have in parts)
            left_out.append(field)
            continue
        for part, pg_type, free in parts:
            name = free.pop(0) if free else free_name(_base_name(field, part), pg_type, names)
            names.add(name)
            columns.append(Column(name, pg_type, field, part))
    by_code = {column.field.code: column.name for column in columns if column.part == "value"}
    if key not in by_code:
        raise ValueError(f"the field list of {entity} lacks its key {key}")
    return Table(entity, table, by_code[key], tuple(columns), by_code.get(modified or ""), tuple(left_out))


def _as_it_was(field: Field, known: Iterable[KnownColumn]) -> Field:
    """The key of a table keeps its type: rows are known by it."""
    was = next((have for have in known if have.field_code == field.code and have.field_type), None)
    return dataclasses.replace(field, type=was.field_type, multiple=was.multiple) if was else field


def storable(text: str) -> str:
    """A text of the portal without the characters that PostgreSQL cannot store."""
    return UNSTORABLE.sub("", text)


def free_name(base: str, pg_type: str, taken: Set[str]) -> str:
    """A column name of at most 63 bytes that is not taken: the base, then with its type, then with a number."""
    base = clip_name(base)
    if base not in taken:
        return base
    typed = f"{base}_{pg_type.replace('[]', '_list')}"
    candidates = [typed, *(f"{base}_{number}" for number in range(2, 1700))]
    return next(name for name in map(clip_name, candidates) if name not in taken)


def clip_name(name: str) -> str:
    """The name itself when it fits PostgreSQL's 63 bytes, else its beginning and a digest of the whole."""
    encoded = name.encode()
    if len(encoded) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[: MAX_NAME_BYTES - 9].decode(errors='ignore')}_{digest}"


def _base_name(field: Field, part: str) -> str:
    base = storable(field.code.lower()) or "field"
    return base if part == "value" else f"{base}_{part}"
