"""The schema as it is now: tables, columns, meanings, codes with their labels, and how tables join."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import orjson
from psycopg import Connection, sql

from bitrix.entities import ENTITIES, Entity
from warehouse.descriptions import OF_TABLE, Descriptions, read_descriptions
from warehouse.meanings import Text, has_title, standard_meaning, table_meaning
from warehouse.schema_docs.codes import Code, Dictionaries, read_dictionaries
from warehouse.schema_docs.privacy import may_show_range, without_contacts
from warehouse.view import Kind, StoredColumn, ViewColumn
from warehouse.view_labels import REFERENCES
from warehouse.views import VIEW_SCHEMA, build_view, stored_columns

Origin = Literal["portal", "model", "person"]


@dataclass(frozen=True, slots=True)
class Join:
    """A column that holds keys of another table. ``many``: an array of them."""

    column: str
    table: str
    key: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class ColumnDoc:
    """What is known of one column of a view. ``type`` is PostgreSQL's; ``title`` the portal's own, or empty.

    ``untitled``: neither the portal nor the product knows what it means. ``general``: the meaning tells the type only.
    ``origin``: who wrote the meaning.
    """

    name: str
    type: str
    kind: Kind
    title: str
    meaning: Text
    origin: Origin
    field: str = ""
    field_type: str = ""
    labels: str = ""
    codes: tuple[Code, ...] = ()
    ranged: bool = False
    untitled: bool = False
    general: bool = False
    vanished: bool = False


@dataclass(frozen=True, slots=True)
class TableDoc:
    """One view and its columns, in the view's order. ``key`` is the column that identifies a row."""

    name: str
    entity: str
    title: Text
    meaning: Text
    origin: Origin
    key: str
    columns: tuple[ColumnDoc, ...]
    joins: tuple[Join, ...]

    def column(self, name: str) -> ColumnDoc | None:
        """The column of this name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The whole schema ``crm``. ``hash`` is the same while nothing but rows has changed."""

    tables: tuple[TableDoc, ...]
    hash: str

    def table(self, name: str) -> TableDoc | None:
        """The table of this name, if there is one."""
        return next((table for table in self.tables if table.name == name), None)

    def only(self, names: Iterable[str]) -> Catalog:
        """The same, with these tables only."""
        wanted = set(names)
        return Catalog(tuple(table for table in self.tables if table.name in wanted), self.hash)


def read_catalog(conn: Connection) -> Catalog:
    """The schema as the database has it now; without tables before the first sync."""
    stored = stored_columns(conn)
    types = _view_types(conn)
    described = read_descriptions(conn)
    dictionaries = read_dictionaries(conn) if {"statuses", "field_options"} <= stored.keys() else Dictionaries()
    tables = tuple(
        _table(entity, stored, types[entity.table], described, dictionaries)
        for entity in ENTITIES
        if entity.table in stored and entity.table in types
    )
    content = orjson.dumps([asdict(table) for table in tables])
    return Catalog(tables, hashlib.sha256(content).hexdigest())


def _table(
    entity: Entity,
    stored: dict[str, list[StoredColumn]],
    types: dict[str, str],
    described: Descriptions,
    dictionaries: Dictionaries,
) -> TableDoc:
    by_name = {column.name: column for column in build_view(entity, stored).columns}
    columns = tuple(
        _column(entity, by_name[name], pg_type, described, dictionaries)
        for name, pg_type in types.items()
        if name in by_name
    )
    key = next(column.column_name for column in stored[entity.table] if column.field_code == entity.key)
    return TableDoc(
        name=entity.table,
        entity=entity.name,
        title=Text(entity.title_ru, entity.title),
        meaning=described.meaning(entity.table, OF_TABLE, table_meaning(entity)),
        origin=described.origin(entity.table, OF_TABLE),
        key=key,
        columns=columns,
        joins=tuple(_joins(entity, columns, stored.keys())),
    )


def _column(
    entity: Entity, column: ViewColumn, pg_type: str, described: Descriptions, dictionaries: Dictionaries
) -> ColumnDoc:
    source = column.source
    code, field_type = (source.field_code, source.field_type) if source else ("", "")
    title = without_contacts(" ".join(column.title.split()))
    codes = dictionaries.codes(entity, source) if source is not None and column.kind == "field" else ()
    general = column.kind == "field" and standard_meaning(entity.name, code) is None
    return ColumnDoc(
        name=column.name,
        type=pg_type,
        kind=column.kind,
        title=title if has_title(code, title) else "",
        meaning=described.meaning(entity.table, column.name, column.meaning),
        origin=described.origin(entity.table, column.name),
        field=code,
        field_type=field_type,
        labels=source.column_name if source is not None and column.kind == "label" else "",
        codes=codes,
        ranged=may_show_range(
            entity.name, column.kind, _internal(pg_type), code=code, field_type=field_type, title=column.title
        ),
        untitled=general and not has_title(code, column.title),
        general=general,
        vanished=source.vanished if source else False,
    )


def _joins(entity: Entity, columns: Sequence[ColumnDoc], tables: Iterable[str]) -> Iterable[Join]:
    there = set(tables)
    for column in columns:
        if column.kind != "field" or column.vanished:
            continue
        target = _OTHER_KEYS.get((entity.name, column.field)) or _target(column.field_type)
        if target and target[0] in there and column.name not in ("id", target[1] if target[0] == entity.table else ""):
            yield Join(column.name, *target, many=column.type.endswith("[]"))


_OTHER_KEYS = {
    ("user", "UF_DEPARTMENT"): ("departments", "id"),
    ("department", "PARENT"): ("departments", "id"),
}


def _target(field_type: str) -> tuple[str, str] | None:
    if field_type == "crm_category":
        return "pipelines", "id"
    if field_type not in REFERENCES:
        return None
    table = REFERENCES[field_type][0]
    return table, "currency" if table == "currencies" else "id"


def _internal(pg_type: str) -> str:
    names = {"bigint": "int8", "timestamp with time zone": "timestamptz", "boolean": "bool"}
    return names.get(pg_type, pg_type)


def _view_types(conn: Connection) -> dict[str, dict[str, str]]:
    """Column types by view and column, in the order of the views' columns."""
    rows = conn.execute(
        sql.SQL(
            """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
               FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE c.relnamespace = to_regnamespace({}) AND c.relkind = 'v' AND a.attnum > 0 AND NOT a.attisdropped
               ORDER BY c.relname, a.attnum"""
        ).format(sql.Literal(VIEW_SCHEMA))
    )
    types: dict[str, dict[str, str]] = {}
    for table, column, pg_type in rows:
        types.setdefault(table, {})[column] = pg_type
    return types
