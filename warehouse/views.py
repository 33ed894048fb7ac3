"""The ``crm`` views that people, BI tools and the language model read: live rows, labels beside codes, comments.

A view is computed from ``app.table_columns`` alone, so it follows the field list by itself. Labels that most questions
need are joined; PostgreSQL leaves a join out when its columns are not selected, because each joined side is unique. The
many labels of user fields are scalar sub-selects, which cost nothing until they are selected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from psycopg import Connection, errors, sql
from psycopg.rows import class_row

from bitrix.entities import ENTITIES, Entity
from warehouse.columns import clip_name
from warehouse.tables import identifier, lock

VIEW_SCHEMA = "crm"


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of a mirror table as ``app.table_columns`` knows it."""

    table_name: str
    column_name: str
    field_code: str
    part: str
    pg_type: str
    field_type: str
    title: str
    status_type: str | None
    vanished: bool


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column of a view: its name, the expression behind it, and the comment that explains it."""

    name: str
    expression: sql.Composable
    comment: str


@dataclass(slots=True)
class View:
    """A view in the making. ``joins`` are the clauses after ``FROM … t``."""

    entity: Entity
    columns: list[ViewColumn] = field(default_factory=list)
    joins: list[sql.Composable] = field(default_factory=list)

    def add(self, name: str, expression: sql.Composable, comment: str) -> None:
        """Add a column unless the name is taken: the portal's own column keeps it."""
        name = clip_name(name)
        if all(column.name != name for column in self.columns):
            self.columns.append(ViewColumn(name, expression, comment))


def refresh_views(conn: Connection) -> list[str]:
    """Bring every view up to date with the mirror tables; answers the names of those that changed.

    One transaction: a reader sees the old view or the new one, never none.
    """
    changed = []
    with conn.transaction():
        lock(conn, "views")
        tables = _stored_columns(conn)
        hashes: dict[str, str] = dict(conn.execute("SELECT name, definition_hash FROM app.views").fetchall())
        for entity in ENTITIES:
            if entity.table not in tables:
                continue
            view = build_view(entity, tables)
            digest = _digest(conn, view)
            if hashes.get(entity.table) != digest:
                _replace(conn, view)
                conn.execute(
                    """INSERT INTO app.views (name, definition_hash) VALUES (%s, %s) ON CONFLICT (name)
                       DO UPDATE SET definition_hash = excluded.definition_hash, updated_at = now()""",
                    (entity.table, digest),
                )
                changed.append(entity.table)
    return changed


def build_view(entity: Entity, tables: dict[str, list[StoredColumn]]) -> View:
    """The view of one entity, given the columns of all mirror tables by table name."""
    view = View(entity)
    stored = tables[entity.table]
    for column in stored:
        note = " (no longer in the portal)" if column.vanished else ""
        unit = ": currency" if column.part == "currency" else ""
        view.add(column.column_name, _own(column.column_name), f"{column.title}{unit}{note}")
    for column in stored:
        if column.part == "value":
            _add_labels(view, column, tables)
    _add_derived(view, {column.column_name for column in stored})
    view.add("_synced_at", _own("_synced_at"), "When this row was last written here")
    return view


def _own(name: str) -> sql.Composed:
    return sql.SQL("t.{}").format(sql.Identifier(name))


def _add_labels(view: View, column: StoredColumn, tables: dict[str, list[StoredColumn]]) -> None:
    base = column.column_name.removesuffix("_id")
    if column.field_type == "enumeration" and "field_options" in tables:
        view.add(f"{column.column_name}_label", _option_label(column), f"{column.title}: text")
    elif column.field_type == "crm_status" and "statuses" in tables:
        _add_status(view, column, base)
    elif column.field_type == "crm_category" and "pipelines" in tables:
        _join(view, "pipelines", column, "id")
        view.add("pipeline_name", _joined("pipelines", column, "name"), f"{column.title}: name")
    elif column.field_type in _REFERENCES:
        table, suffix, expression = _REFERENCES[column.field_type]
        if table in tables and _has(tables[table], expression):
            _add_reference(view, column, table, base + suffix, expression)


_FULL_NAME = ("name", "last_name")
_REFERENCES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "user": ("users", "_name", _FULL_NAME),
    "employee": ("users", "_name", _FULL_NAME),
    "crm_company": ("companies", "_title", ("title",)),
    "crm_contact": ("contacts", "_name", _FULL_NAME),
    "crm_lead": ("leads", "_title", ("title",)),
    "crm_deal": ("deals", "_title", ("title",)),
    "crm_currency": ("currencies", "_name", ("full_name",)),
}
"""Type of a reference: the table it points to, what its label is called, the columns that make the label."""


def _add_reference(view: View, column: StoredColumn, table: str, name: str, parts: tuple[str, ...]) -> None:
    key = "currency" if table == "currencies" else "id"
    comment = f"{column.title}: name"
    if column.pg_type.endswith("[]"):
        target = sql.SQL(
            """CASE WHEN t.{c} IS NOT NULL THEN ARRAY(SELECT {label} FROM unnest(t.{c}) WITH ORDINALITY i(id, n)
               LEFT JOIN {table} r ON r.{key} = i.id ORDER BY i.n) END"""
        )
    elif column.field_code.startswith("UF_"):
        target = sql.SQL("(SELECT {label} FROM {table} r WHERE r.{key} = t.{c})")
    else:
        _join(view, table, column, key)
        view.add(name, _text(parts, sql.SQL("{}.").format(_alias(table, column))), comment)
        return
    label = _text(parts, sql.SQL("r."))
    expression = target.format(
        c=sql.Identifier(column.column_name), table=identifier(table), key=sql.Identifier(key), label=label
    )
    view.add(name, expression, comment)


def _add_status(view: View, column: StoredColumn, base: str) -> None:
    dictionary = _dictionary(view.entity, column)
    if column.pg_type.endswith("[]") or column.field_code.startswith("UF_"):
        view.add(f"{base}_name", _status_label(column, dictionary), f"{column.title}: name")
        return
    alias = _alias("statuses", column)
    view.joins.append(_status_join(column, dictionary, alias))
    view.add(f"{base}_name", sql.SQL("{}.name").format(alias), f"{column.title}: name")
    if column.field_code in ("STAGE_ID", "STATUS_ID"):
        view.add(f"{base}_sort", sql.SQL("{}.sort").format(alias), f"{column.title}: order in the funnel")


def _status_join(column: StoredColumn, dictionary: sql.Composable, alias: sql.Identifier) -> sql.Composed:
    """Join a dictionary. DISTINCT ON keeps one row of a code that was deleted and made again, and proves to the planner
    that the side is unique; for that, a constant dictionary must be chosen inside the sub-select."""
    inside = isinstance(dictionary, sql.Literal)
    text = """LEFT JOIN (SELECT DISTINCT ON ({distinct}) entity_id, status_id, name, sort FROM {statuses} {where}
              ORDER BY {distinct}, _deleted_at DESC NULLS FIRST, id DESC) {alias} ON {alias}.status_id = t.{c} {also}"""
    return sql.SQL(text).format(
        distinct=sql.SQL("status_id" if inside else "entity_id, status_id"),
        statuses=identifier("statuses"),
        where=sql.SQL("WHERE entity_id = {}").format(dictionary) if inside else sql.SQL(""),
        alias=alias,
        c=sql.Identifier(column.column_name),
        also=sql.SQL("") if inside else sql.SQL("AND {}.entity_id = {}").format(alias, dictionary),
    )


def _dictionary(entity: Entity, column: StoredColumn) -> sql.Composable:
    """The ``ENTITY_ID`` of a coded column. A deal's stages are in one dictionary for each pipeline."""
    if column.field_code == "STAGE_ID":
        return sql.SQL(
            "CASE WHEN coalesce(t.category_id, 0) = 0 THEN 'DEAL_STAGE' ELSE 'DEAL_STAGE_' || t.category_id END"
        )
    if entity.name == "lead_stage_history":
        return sql.Literal("STATUS")
    return sql.Literal(column.status_type or "")


def _status_label(column: StoredColumn, dictionary: sql.Composable) -> sql.Composed:
    lookup = sql.SQL(
        """(SELECT s.name FROM {statuses} s WHERE s.status_id = {value} AND s.entity_id = {dictionary}
           ORDER BY s._deleted_at DESC NULLS FIRST, s.id DESC LIMIT 1)"""
    )
    own = _own(column.column_name)
    statuses = identifier("statuses")
    if not column.pg_type.endswith("[]"):
        return lookup.format(statuses=statuses, value=own, dictionary=dictionary)
    one = lookup.format(statuses=statuses, value=sql.SQL("i.code"), dictionary=dictionary)
    return sql.SQL(
        """CASE WHEN {c} IS NOT NULL
           THEN ARRAY(SELECT {one} FROM unnest({c}) WITH ORDINALITY i(code, n) ORDER BY i.n) END"""
    ).format(c=own, one=one)


def _option_label(column: StoredColumn) -> sql.Composed:
    if column.pg_type.endswith("[]"):
        text = """CASE WHEN {c} IS NOT NULL THEN ARRAY(SELECT o.value FROM unnest({c}) WITH ORDINALITY i(id, n)
                  LEFT JOIN {options} o ON o.id = i.id ORDER BY i.n) END"""
    else:
        text = "(SELECT o.value FROM {options} o WHERE o.id = {c})"
    return sql.SQL(text).format(c=_own(column.column_name), options=identifier("field_options"))


def _add_derived(view: View, names: set[str]) -> None:
    if view.entity.name in ("user", "contact") and {"name", "last_name"} <= names:
        view.add("full_name", _text(_FULL_NAME, sql.SQL("t.")), "First and last name")
    if view.entity.name == "department":
        parent = sql.SQL("(SELECT p.name FROM {} p WHERE p.id = t.parent)").format(identifier("departments"))
        view.add("parent_name", parent, "Parent department: name")


def _join(view: View, table: str, column: StoredColumn, key: str) -> None:
    view.joins.append(
        sql.SQL("LEFT JOIN {table} {alias} ON {alias}.{key} = t.{c}").format(
            table=identifier(table),
            alias=_alias(table, column),
            key=sql.Identifier(key),
            c=sql.Identifier(column.column_name),
        )
    )


def _alias(table: str, column: StoredColumn) -> sql.Identifier:
    return sql.Identifier(clip_name(f"{table} of {column.column_name}"))


def _joined(table: str, column: StoredColumn, name: str) -> sql.Composed:
    return sql.SQL("{}.{}").format(_alias(table, column), sql.Identifier(name))


def _text(parts: tuple[str, ...], prefix: sql.Composable) -> sql.Composable:
    columns = [prefix + sql.Identifier(part) for part in parts]
    if len(columns) == 1:
        return columns[0]
    return sql.SQL("nullif(concat_ws(' ', {}), '')").format(sql.SQL(", ").join(columns))


def _has(columns: Iterable[StoredColumn], names: tuple[str, ...]) -> bool:
    return set(names) <= {column.column_name for column in columns}


def _stored_columns(conn: Connection) -> dict[str, list[StoredColumn]]:
    with conn.cursor(row_factory=class_row(StoredColumn)) as cursor:
        cursor.execute(
            """SELECT table_name, column_name, field_code, part, pg_type, field_type, title, status_type,
                   vanished_at IS NOT NULL AS vanished
               FROM app.table_columns ORDER BY table_name, vanished_at IS NOT NULL, position, column_name"""
        )
        tables: dict[str, list[StoredColumn]] = {}
        for column in cursor:
            tables.setdefault(column.table_name, []).append(column)
    return tables


def _select(view: View, columns: Iterable[ViewColumn]) -> sql.Composed:
    return sql.SQL("SELECT {columns} FROM {table} t {joins} WHERE t._deleted_at IS NULL").format(
        columns=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(column.expression, sql.Identifier(column.name)) for column in columns
        ),
        table=identifier(view.entity.table),
        joins=sql.SQL(" ").join(view.joins),
    )


def _digest(conn: Connection, view: View) -> str:
    comments = "\0".join(column.comment for column in view.columns)
    text = _select(view, view.columns).as_string(conn) + comments + view.entity.title
    return hashlib.sha256(text.encode()).hexdigest()


def _replace(conn: Connection, view: View) -> None:
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
    select = _select(view, columns)
    try:
        with conn.transaction():
            conn.execute(sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(name, select))
    except errors.InvalidTableDefinition:  # a column is gone or changed its type
        conn.execute(sql.SQL("DROP VIEW {}").format(name))
        conn.execute(sql.SQL("CREATE VIEW {} AS {}").format(name, select))
    title = f"{view.entity.title_ru} / {view.entity.title}"
    conn.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(name, sql.Literal(title)))
    for column in columns:
        conn.execute(
            sql.SQL("COMMENT ON COLUMN {}.{} IS {}").format(
                name, sql.Identifier(column.name), sql.Literal(column.comment)
            )
        )
