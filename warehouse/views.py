"""The ``crm`` views that people, BI tools and the language model read: live rows, labels beside codes, comments.

A view is computed from ``app.table_columns`` alone, so it follows the field list by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from psycopg import Connection, errors, sql
from psycopg.rows import class_row

from bitrix.entities import ENTITIES, Entity
from warehouse.descriptions import Descriptions, read_descriptions
from warehouse.meanings import TABLES, Text, column_meaning, comment
from warehouse.tables import lock
from warehouse.view import StoredColumn, View, own
from warehouse.view_derived import add_derived, ensure_history_indexes
from warehouse.view_labels import add_labels

VIEW_SCHEMA = "crm"
VIEW_NAMES = frozenset(entity.table for entity in ENTITIES)
"""Every view that there can be."""
VIEW_TITLES: Mapping[str, Text] = {entity.table: Text(entity.title_ru, entity.title) for entity in ENTITIES}
"""What people call each view, in the registry's order."""


def refresh_views(conn: Connection) -> list[str]:
    """Bring every view up to date with the mirror tables; answers the names of those that changed.

    One transaction: a reader sees the old view or the new one, never none.
    """
    changed = []
    with conn.transaction():
        lock(conn, "views")
        tables = stored_columns(conn)
        ensure_history_indexes(conn, set(tables))
        described = read_descriptions(conn)
        hashes: dict[str, str] = dict(conn.execute("SELECT name, definition_hash FROM app.views").fetchall())
        for entity in ENTITIES:
            if entity.table not in tables:
                continue
            view = build_view(entity, tables)
            digest = _digest(conn, view, described)
            if hashes.get(entity.table) != digest:
                _replace(conn, view, described)
                conn.execute(
                    """INSERT INTO app.views (name, definition_hash) VALUES (%s, %s) ON CONFLICT (name)
                       DO UPDATE SET definition_hash = excluded.definition_hash, updated_at = now()""",
                    (entity.table, digest),
                )
                changed.append(entity.table)
    return changed


def build_view(entity: Entity, tables: Mapping[str, Sequence[StoredColumn]]) -> View:
    """The view of one entity, given the columns of all mirror tables by table name."""
    view = View(entity)
    stored = tables[entity.table]
    for column in stored:
        view.add(
            column.column_name, own(column.column_name), "field", _meaning(column), title=column.title, source=column
        )
    for column in stored:
        if column.part == "value":
            add_labels(view, column, tables)
    add_derived(view, {column.column_name for column in stored}, set(tables))
    synced = Text("Когда строка записана в эту базу", "When this row was last written here")
    view.add("_synced_at", own("_synced_at"), "service", synced)
    return view


def stored_columns(conn: Connection) -> dict[str, list[StoredColumn]]:
    """The columns of all mirror tables by table name, in the portal's order, those that vanished last."""
    with conn.cursor(row_factory=class_row(StoredColumn)) as cursor:
        cursor.execute(
            """SELECT table_name, column_name, entity, field_code, part, pg_type, field_type, multiple, title,
                   status_type, vanished_at IS NOT NULL AS vanished
               FROM app.table_columns ORDER BY table_name, vanished_at IS NOT NULL, position, column_name"""
        )
        tables: dict[str, list[StoredColumn]] = {}
        for column in cursor:
            tables.setdefault(column.table_name, []).append(column)
    return tables


def _meaning(column: StoredColumn) -> Text:
    return column_meaning(
        column.entity,
        column.field_code,
        column.field_type,
        part=column.part,
        multiple=column.multiple,
        title=column.title,
        vanished=column.vanished,
    )


def _comments(view: View, described: Descriptions) -> dict[str, str]:
    """The ``COMMENT`` of each column."""
    table = view.entity.table
    return {
        column.name: comment(column.title, described.meaning(table, column.name, column.meaning))
        for column in view.columns
    }


def _view_comment(view: View, described: Descriptions) -> str:
    entity = view.entity
    meaning = described.meaning(entity.table, "", TABLES[entity.table])
    return comment(f"{entity.title_ru} / {entity.title}", meaning)


def _digest(conn: Connection, view: View, described: Descriptions) -> str:
    comments = "\0".join([*_comments(view, described).values(), _view_comment(view, described)])
    return hashlib.sha256((view.select(view.columns).as_string(conn) + comments).encode()).hexdigest()


def _replace(conn: Connection, view: View, described: Descriptions) -> None:
    """Replace the view, keeping the order of columns it has: only appending needs no drop, so whatever was built on the
    view stays. A column that changed its type forces a drop, which PostgreSQL refuses while something depends on it.
    """
    name = sql.Identifier(VIEW_SCHEMA, view.entity.table)
    have = [
        row[0]
        for row in conn.execute(
            """SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
               ORDER BY attnum""",
            (f"{VIEW_SCHEMA}.{view.entity.table}",),
        )
    ]
    rank = {column: position for position, column in enumerate(have)}
    columns = sorted(view.columns, key=lambda column: rank.get(column.name, len(rank)))
    select = view.select(columns)
    try:
        with conn.transaction():
            conn.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(name, select))
    except errors.InvalidTableDefinition:  # a column is gone or changed its type
        conn.execute(sql.SQL("DROP VIEW {}").format(name))
        conn.execute(sql.SQL("CREATE VIEW {} AS {}").format(name, select))
    of_view = sql.Literal(_view_comment(view, described))
    conn.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(name, of_view))
    for column, text in _comments(view, described).items():
        conn.execute(sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(name, sql.Identifier(column), sql.Literal(text)))
