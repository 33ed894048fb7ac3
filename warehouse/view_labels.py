"""Labels of coded columns: the name behind a stage, an employee, a company, an option.

Labels that most questions need are joined; PostgreSQL leaves a join out when its columns are not selected, because
each joined side is unique. The many labels of user fields are scalar sub-selects, which cost nothing until they are
selected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from bitrix.entities import Entity
from warehouse.columns import clip_name
from warehouse.meanings import Text
from warehouse.tables import identifier
from warehouse.view import StoredColumn, View, has, own, text_of

FULL_NAME = ("name", "last_name")

REFERENCES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "user": ("users", "_name", FULL_NAME),
    "employee": ("users", "_name", FULL_NAME),
    "crm_company": ("companies", "_title", ("title",)),
    "crm_contact": ("contacts", "_name", FULL_NAME),
    "crm_lead": ("leads", "_title", ("title",)),
    "crm_deal": ("deals", "_title", ("title",)),
    "crm_currency": ("currencies", "_name", ("full_name",)),
}
"""Type of a reference: the table it points to, what its label is called, the columns that make the label."""

_WORDS: Mapping[str, Text] = {
    "users": Text("Имя и фамилия сотрудника", "First and last name of the employee"),
    "companies": Text("Название компании", "Name of the company"),
    "contacts": Text("Имя и фамилия контакта", "First and last name of the contact"),
    "leads": Text("Название лида", "Title of the lead"),
    "deals": Text("Название сделки", "Title of the deal"),
    "currencies": Text("Название валюты", "Name of the currency"),
    "statuses": Text("Название вместо кода", "Name instead of the code"),
    "pipelines": Text("Название воронки", "Name of the pipeline"),
    "field_options": Text("Текст варианта", "Text of the option"),
    "departments": Text("Названия подразделений", "Names of the departments"),
}


def add_labels(view: View, column: StoredColumn, tables: Mapping[str, Sequence[StoredColumn]]) -> None:
    """Add the label of one column to the view, if it is coded and the table that explains the code exists."""
    base = column.column_name.removesuffix("_id")
    if column.field_type == "enumeration" and "field_options" in tables:
        _add(view, f"{column.column_name}_label", _option_label(column), column, "field_options")
    elif column.field_type == "crm_status" and "statuses" in tables:
        _add_status(view, column, base)
    elif column.field_type == "crm_category" and "pipelines" in tables:
        _join(view, "pipelines", column, "id")
        _add(view, "pipeline_name", _joined("pipelines", column, "name"), column, "pipelines")
    elif column.field_type in REFERENCES:
        table, suffix, parts = REFERENCES[column.field_type]
        if table in tables and has(tables[table], parts):
            _add_reference(view, column, table, base + suffix, parts)
    elif (view.entity.name, column.field_code) == ("user", "UF_DEPARTMENT") and "departments" in tables:
        _add(view, "department_names", _names_of_many(column, "departments", "id", ("name",)), column, "departments")


def _add(view: View, name: str, expression: sql.Composable, column: StoredColumn, table: str) -> None:
    words = _WORDS[table]
    meaning = Text(f"{words.ru} из {column.column_name}", f"{words.en} in {column.column_name}")
    view.add(name, expression, "label", meaning, title=column.title, source=column)


def _add_reference(view: View, column: StoredColumn, table: str, name: str, parts: tuple[str, ...]) -> None:
    key = "currency" if table == "currencies" else "id"
    if column.pg_type.endswith("[]"):
        expression: sql.Composable = _names_of_many(column, table, key, parts)
    elif column.field_code.startswith("UF_"):
        expression = sql.SQL("(SELECT {label} FROM {table} r WHERE r.{key} = t.{c})").format(
            label=text_of(parts, sql.SQL("r.")),
            table=identifier(table),
            key=sql.Identifier(key),
            c=sql.Identifier(column.column_name),
        )
    else:
        _join(view, table, column, key)
        expression = text_of(parts, sql.SQL("{}.").format(_alias(table, column)))
    _add(view, name, expression, column, table)


def _names_of_many(column: StoredColumn, table: str, key: str, parts: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(
        """CASE WHEN t.{c} IS NOT NULL THEN ARRAY(SELECT {label} FROM unnest(t.{c}) WITH ORDINALITY i(id, n)
           LEFT JOIN {table} r ON r.{key} = i.id ORDER BY i.n) END"""
    ).format(
        c=sql.Identifier(column.column_name),
        label=text_of(parts, sql.SQL("r.")),
        table=identifier(table),
        key=sql.Identifier(key),
    )


def _add_status(view: View, column: StoredColumn, base: str) -> None:
    dictionary = _dictionary(view.entity, column)
    if column.pg_type.endswith("[]") or column.field_code.startswith("UF_"):
        _add(view, f"{base}_name", _status_label(column, dictionary), column, "statuses")
        return
    alias = _alias("statuses", column)
    view.joins.append(_status_join(column, dictionary, alias))
    _add(view, f"{base}_name", sql.SQL("{}.name").format(alias), column, "statuses")
    if column.field_code in ("STAGE_ID", "STATUS_ID"):
        place = Text("Порядок стадии в воронке, по возрастанию", "Place of the stage in the funnel, ascending")
        view.add(f"{base}_sort", sql.SQL("{}.sort").format(alias), "label", place, title=column.title, source=column)


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
    value = own(column.column_name)
    statuses = identifier("statuses")
    if not column.pg_type.endswith("[]"):
        return lookup.format(statuses=statuses, value=value, dictionary=dictionary)
    one = lookup.format(statuses=statuses, value=sql.SQL("i.code"), dictionary=dictionary)
    return sql.SQL(
        """CASE WHEN {c} IS NOT NULL
           THEN ARRAY(SELECT {one} FROM unnest({c}) WITH ORDINALITY i(code, n) ORDER BY i.n) END"""
    ).format(c=value, one=one)


def _option_label(column: StoredColumn) -> sql.Composed:
    if column.pg_type.endswith("[]"):
        text = """CASE WHEN {c} IS NOT NULL THEN ARRAY(SELECT o.value FROM unnest({c}) WITH ORDINALITY i(id, n)
                  LEFT JOIN {options} o ON o.id = i.id ORDER BY i.n) END"""
    else:
        text = "(SELECT o.value FROM {options} o WHERE o.id = {c})"
    return sql.SQL(text).format(c=own(column.column_name), options=identifier("field_options"))


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
