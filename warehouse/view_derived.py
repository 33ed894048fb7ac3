"""Columns that analysts always need and the portal does not have: outcome, time in a stage, first stage.

What looks into another table is a scalar sub-select: it costs nothing until it is selected.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import Connection, sql

from warehouse.meanings import Text
from warehouse.tables import SCHEMA, identifier
from warehouse.view import View, own, text_of
from warehouse.view_labels import FULL_NAME

HISTORIES = ("deal_stage_history", "lead_stage_history")

AGEING_COLUMNS = frozenset({"days_in_stage"})
"""Columns that change as time goes by, without any row being written."""

_OUTCOMES: dict[str, tuple[str, Text, Text]] = {
    "is_open": (
        "P",
        Text("Сделка в работе: не выиграна и не проиграна", "The deal is in progress: neither won nor lost"),
        Text("Лид в работе", "The lead is in progress"),
    ),
    "is_won": (
        "S",
        Text("Сделка выиграна (успешна)", "The deal is won"),
        Text("Лид сконвертирован", "The lead was converted"),
    ),
    "is_lost": (
        "F",
        Text("Сделка проиграна (провалена)", "The deal is lost"),
        Text("Лид некачественный", "The lead is junk"),
    ),
}


def add_derived(view: View, names: set[str], tables: set[str]) -> None:
    """Add what can be computed from these columns of the mirror table and from these other tables."""
    entity = view.entity.name
    semantic = "stage_semantic_id" if entity in ("deal", "deal_stage_history") else "status_semantic_id"
    if semantic in names:
        for name, (letter, deal, lead) in _OUTCOMES.items():
            expression = sql.SQL("({} = {})").format(own(semantic), sql.Literal(letter))
            view.add(name, expression, "derived", deal if entity.startswith("deal") else lead)
    if entity in ("deal", "lead") and {semantic, "date_create", "moved_time"} <= names:
        _add_times(view, own(semantic))
    if entity in ("deal", "lead") and f"{entity}_stage_history" in tables:
        _add_first_stage(view, f"{entity}_stage_history")
    if view.entity.table in HISTORIES:
        _add_stay(view, own(semantic))
    if entity in ("user", "contact") and {"name", "last_name"} <= names:
        full = Text("Имя и фамилия", "First and last name")
        view.add("full_name", text_of(FULL_NAME, sql.SQL("t.")), "derived", full)
    if entity == "department":
        parent = sql.SQL("(SELECT p.name FROM {} p WHERE p.id = t.parent)").format(identifier("departments"))
        view.add(
            "parent_name", parent, "label", Text("Название вышестоящего подразделения", "Name of the parent department")
        )


def ensure_history_indexes(conn: Connection, tables: set[str]) -> None:
    """Index the histories by their owner, in the caller's transaction: the views look up neighbours by it."""
    for table in HISTORIES:
        index = f"{table}_owner"
        exists = conn.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{SCHEMA}.{index}",)).fetchone()
        if table in tables and not (exists and exists[0]):
            conn.execute(
                sql.SQL("CREATE INDEX {} ON {} (owner_id, created_time, id) WHERE _deleted_at IS NULL").format(
                    sql.Identifier(index), identifier(table)
                )
            )


def _days(until: sql.Composable, since: sql.Composable) -> sql.Composed:
    text: LiteralString = "round(extract(epoch FROM {until} - {since}) / 86400, 1)"
    return sql.SQL(text).format(until=until, since=since)


def _add_times(view: View, semantic: sql.Composable) -> None:
    moved, created = own("moved_time"), own("date_create")
    closed_at = sql.SQL("CASE WHEN {} IN ('S', 'F') THEN {} END").format(semantic, moved)
    now = sql.SQL("CASE WHEN {} = 'P' THEN now() END").format(semantic)
    view.add(
        "closed_at",
        closed_at,
        "derived",
        Text(
            "Когда закончилась: вход в финальную стадию; пусто, пока в работе",
            "When it ended: its final stage was entered; null while in progress",
        ),
    )
    view.add(
        "days_to_close",
        _days(closed_at, created),
        "derived",
        Text(
            "Дней от создания до закрытия; пусто, пока в работе",
            "Days from creation to the end; null while in progress",
        ),
    )
    view.add(
        "days_in_stage",
        _days(now, moved),
        "derived",
        Text("Сколько дней стоит в нынешней стадии; пусто у закрытых", "Days in the present stage; null once closed"),
    )


def _add_first_stage(view: View, history: str) -> None:
    nth = sql.SQL(
        """(SELECT h.created_time FROM {history} h WHERE h.owner_id = t.id AND h._deleted_at IS NULL
            ORDER BY h.created_time, h.id LIMIT 1 {offset})"""
    )
    first = nth.format(history=identifier(history), offset=sql.SQL(""))
    second = nth.format(history=identifier(history), offset=sql.SQL("OFFSET 1"))
    view.add(
        "first_stage_at",
        first,
        "derived",
        Text(
            "Когда вошла в первую стадию, по истории стадий", "When the first stage was entered, by the stage history"
        ),
    )
    view.add(
        "days_in_first_stage",
        _days(second, first),
        "derived",
        Text("Дней в первой стадии; пусто, пока в ней", "Days in the first stage; null while still there"),
    )


def _add_stay(view: View, semantic: sql.Composable) -> None:
    left = sql.SQL(
        """(SELECT n.created_time FROM {history} n WHERE n.owner_id = t.owner_id AND n._deleted_at IS NULL
            AND (n.created_time, n.id) > (t.created_time, t.id) ORDER BY n.created_time, n.id LIMIT 1)"""
    ).format(history=identifier(view.entity.table))
    until = sql.SQL("CASE WHEN {} = 'P' THEN coalesce({}, now()) ELSE {} END").format(semantic, left, left)
    view.add(
        "left_at",
        left,
        "derived",
        Text("Когда вышла из этой стадии; пусто, если ещё в ней", "When this stage was left; null while still in it"),
    )
    view.add(
        "is_current",
        sql.SQL("({} IS NULL)").format(left),
        "derived",
        Text("Это нынешняя стадия", "This is the present stage"),
    )
    view.add(
        "days_in_stage",
        _days(until, own("created_time")),
        "derived",
        Text(
            "Сколько дней пробыла в стадии, у нынешней — до сего дня; пусто у финальной",
            "Days spent in the stage, until now for the present one; null for a final one",
        ),
    )
