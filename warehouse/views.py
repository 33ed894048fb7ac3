"""The ``crm`` views that people, BI tools and the language model read: live rows, labels beside codes, comments.

A view is computed from ``app.table_columns`` alone, so it follows the field list by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from psycopg import Connection
from psycopg.rows import class_row

from bitrix.entities import ENTITIES, Entity
from warehouse.definition_locks import DefinitionLocked, patiently
from warehouse.descriptions import Descriptions, read_descriptions
from warehouse.meanings import Text, column_meaning, comment, table_meaning
from warehouse.schema_changes import SchemaChange
from warehouse.tables import SCHEMA, lock
from warehouse.tables import VIEW_SCHEMA as VIEW_SCHEMA
from warehouse.view import StoredColumn, View, own
from warehouse.view_derived import add_derived, ensure_history_indexes
from warehouse.view_labels import add_labels
from warehouse.view_replace import replace_view, write_comments

VIEW_NAMES = frozenset(entity.table for entity in ENTITIES)
"""Every view that there can be."""
VIEW_TITLES: Mapping[str, Text] = {entity.table: Text(entity.title_ru, entity.title) for entity in ENTITIES}
"""What people call each view, in the registry's order."""

EXTRA = "_extra"


@dataclass(frozen=True, slots=True)
class Refresh:
    """The names of the views that changed, and what could not be done."""

    changed: tuple[str, ...] = ()
    notes: tuple[SchemaChange, ...] = ()


@dataclass(frozen=True, slots=True)
class _Version:
    """What a view is made from, as two hashes: a view whose words alone changed is not replaced."""

    definition: str
    words: str

    def __str__(self) -> str:
        return f"{self.definition} {self.words}"


def refresh_views(conn: Connection, *, patient: bool = True) -> Refresh:
    """Bring every view up to date with the mirror tables.

    Each view in a transaction of its own: a reader sees the old one or the new one, never none, and is held up for an
    instant at most. A view that somebody reads all the time, for one try unless ``patient``, stays as it is until the
    next call, which is noted.
    """
    with conn.transaction():
        sources = _Sources.read(conn)
        made = [entity for entity in ENTITIES if entity.table in sources.tables]
        outdated = [entity for entity in made if not sources.is_current(conn, entity)]
    changed, notes = [], []
    for entity in outdated:
        name = f"{VIEW_SCHEMA}.{entity.table}"
        try:
            found = patiently(conn, partial(_refresh, conn, entity), [name], patient=patient)
        except DefinitionLocked as error:
            patient = False  # whoever is in the way of one view is so of others
            text = f"{error} It stays as it was; the next sync tries again."
            notes.append(SchemaChange("view waits", name, text))
            continue
        if found is not None:
            changed.append(entity.table)
            notes += found
    return Refresh(tuple(changed), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Sources:
    """What views are made from: columns by table, people's words, the versions that they were last made from, which
    views there are, and which show ``_extra``."""

    tables: Mapping[str, Sequence[StoredColumn]]
    described: Descriptions
    versions: Mapping[str, str]
    there: frozenset[str]
    with_extra: frozenset[str]

    @classmethod
    def read(cls, conn: Connection) -> _Sources:
        existing = conn.execute(
            """SELECT c.relname, bool_or(a.attname = %s) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'v' GROUP BY 1""",
            (EXTRA, VIEW_SCHEMA),
        ).fetchall()
        aside = conn.execute("SELECT DISTINCT entity FROM app.fields_without_column").fetchall()
        needed = {entity.table for entity in ENTITIES if (entity.name,) in aside}
        return cls(
            stored_columns(conn),
            read_descriptions(conn),
            dict(conn.execute("SELECT name, definition_hash FROM app.views").fetchall()),
            frozenset(name for name, _ in existing),
            frozenset(needed.union(name for name, has_extra in existing if has_extra)),
        )

    def view(self, entity: Entity) -> View:
        return build_view(entity, self.tables, with_extra=entity.table in self.with_extra)

    def version(self, conn: Connection, view: View) -> _Version:
        ordered = sorted(view.columns, key=lambda column: column.name)
        words = [_view_comment(view, self.described), *sorted(_comments(view, self.described).items())]
        return _Version(_digest(view.select(ordered).as_string(conn)), _digest(repr(words)))

    def is_current(self, conn: Connection, entity: Entity) -> bool:
        version = str(self.version(conn, self.view(entity)))
        return entity.table in self.there and self.versions.get(entity.table) == version


def _refresh(conn: Connection, entity: Entity) -> list[SchemaChange] | None:
    """Bring one view up to date; None when somebody else has done it meanwhile."""
    lock(conn, "views")
    sources = _Sources.read(conn)
    ensure_history_indexes(conn, {entity.table} & set(sources.tables))
    view = sources.view(entity)
    version, table = sources.version(conn, view), entity.table
    known = sources.versions.get(table, "")
    if known == str(version) and table in sources.there:
        return None
    notes = []
    if known.split(" ")[0] != version.definition or table not in sources.there:
        notes = replace_view(conn, view)
    write_comments(conn, table, _view_comment(view, sources.described), _comments(view, sources.described))
    conn.execute(
        """INSERT INTO app.views (name, definition_hash) VALUES (%s, %s) ON CONFLICT (name)
           DO UPDATE SET definition_hash = excluded.definition_hash, updated_at = now()""",
        (table, str(version)),
    )
    return notes


def build_view(entity: Entity, tables: Mapping[str, Sequence[StoredColumn]], *, with_extra: bool = False) -> View:
    """The view of one entity, given the columns of all mirror tables by table name."""
    view = View(entity)
    stored = tables[entity.table]
    now = {(column.field_code, column.part): column.column_name for column in stored if not column.vanished}
    for column in stored:
        meaning = _meaning(column, now.get((column.field_code, column.part)))
        view.add(column.column_name, own(column.column_name), "field", meaning, title=column.title, source=column)
    # In the order in which the columns came: a label that was there first keeps its name.
    for column in sorted(stored, key=lambda column: column.created_at or datetime.max.replace(tzinfo=UTC)):
        if column.part == "value":
            add_labels(view, column, tables)
    add_derived(view, {column.column_name for column in stored}, set(tables))
    synced = Text("Когда строка записана в эту базу", "When this row was last written here")
    view.add("_synced_at", own("_synced_at"), "service", synced)
    if with_extra:
        extra = Text(
            "Значения полей, для которых нет столбца, по кодам полей",
            "Values of fields without a column, by field code",
        )
        view.add(EXTRA, own(EXTRA), "service", extra)
    return view


def stored_columns(conn: Connection) -> dict[str, list[StoredColumn]]:
    """The columns of all mirror tables by table name, in the portal's order, those that vanished last.

    What somebody dropped by hand is not among them, until a sync of its table makes it again."""
    with conn.cursor(row_factory=class_row(StoredColumn)) as cursor:
        cursor.execute(
            """SELECT table_name, column_name, entity, field_code, part, pg_type, field_type, multiple, title,
                   status_type, vanished_at IS NOT NULL AS vanished, created_at
               FROM app.table_columns
                   JOIN pg_class c ON c.relname = table_name AND c.relnamespace = to_regnamespace(%s)
                   JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = column_name AND NOT a.attisdropped
               ORDER BY table_name, vanished_at IS NOT NULL, position, column_name""",
            (SCHEMA,),
        )
        tables: dict[str, list[StoredColumn]] = {}
        for column in cursor:
            tables.setdefault(column.table_name, []).append(column)
    return tables


def _meaning(column: StoredColumn, now: str | None) -> Text:
    """``now``: the column that holds the field today, if there is one."""
    text = column_meaning(
        column.entity,
        column.field_code,
        column.field_type,
        part=column.part,
        multiple=column.multiple,
        title=column.title,
        vanished=column.vanished and now is None,
    )
    if column.vanished and now is not None:
        return Text(
            f"{text.ru}. Поле теперь другого типа и хранится в {now}, прежние значения остались здесь",
            f"{text.en}. The field is of another type now and is in {now}; what this column held is kept",
        )
    return text


def _comments(view: View, described: Descriptions) -> dict[str, str]:
    """The ``COMMENT`` of each column."""
    table = view.entity.table
    return {
        column.name: comment(column.title, described.meaning(table, column.name, column.meaning))
        for column in view.columns
    }


def _view_comment(view: View, described: Descriptions) -> str:
    entity = view.entity
    meaning = described.meaning(entity.table, "", table_meaning(entity))
    return comment(f"{entity.title_ru} / {entity.title}", meaning)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
