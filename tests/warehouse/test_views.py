"""The crm views: labels, live rows, comments, and how they follow the field list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bitrix.entities import ENTITIES, entity_named
from bitrix.fields import Field, Option
from warehouse.convert import RowConverter, Unit
from warehouse.database import Database
from warehouse.descriptions import Description, write_description
from warehouse.load import merge
from warehouse.tables import ensure_table
from warehouse.views import Refresh, refresh_views

FIELDS = [
    Field("ID", "integer", title="ID"),
    Field("TITLE", "string", title="Название"),
    Field("STAGE_ID", "crm_status", title="Стадия сделки", status_type="DEAL_STAGE"),
    Field("CATEGORY_ID", "crm_category", title="Воронка"),
    Field("SOURCE_ID", "crm_status", title="Источник", status_type="SOURCE"),
    Field("ASSIGNED_BY_ID", "user", title="Ответственный"),
    Field("COMPANY_ID", "crm_company", title="Компания"),
    Field("CURRENCY_ID", "crm_currency", title="Валюта"),
    Field("UF_REASON", "enumeration", title="Причина", options=(Option("1", "Дорого"),)),
    Field("UF_TAGS", "enumeration", multiple=True, title="Теги"),
    Field("UF_TEAM", "employee", multiple=True, title="Команда"),
    Field("UF_BRANCH", "crm_status", title="Отрасль", status_type="INDUSTRY"),
    Field("UF_SUM", "money", title="Сумма"),
    Field("DATE_MODIFY", "datetime", title="Дата изменения"),
]
COMPANY = [Field("ID", "integer"), Field("TITLE", "string", title="Название")]


@pytest.fixture
def conn(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect("test") as connection:
        yield connection


def fill(conn: psycopg.Connection[Any], name: str, fields: list[Field], *rows: dict[str, Any]) -> None:
    table = ensure_table(conn, entity_named(name), fields).table
    unit = Unit()
    RowConverter(table).convert(rows, unit)
    with conn.transaction():
        merge(conn, table, unit)


@pytest.fixture
def filled(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    for entity in ENTITIES:
        if entity.fields:
            ensure_table(conn, entity, entity.fields)

    def own(name: str) -> list[Field]:
        return list(entity_named(name).fields)

    def status(number: int, dictionary: str, code: str, name: str) -> dict[str, Any]:
        return {"ID": number, "ENTITY_ID": dictionary, "STATUS_ID": code, "NAME": name, "SORT": "10"}

    fill(
        conn,
        "status",
        own("status"),
        status(1, "DEAL_STAGE", "NEW", "Новая"),
        status(2, "DEAL_STAGE_1", "C1:NEW", "Новая партнёрская"),
        status(3, "STATUS", "NEW", "Не обработан"),
        status(4, "SOURCE", "WEB", "Сайт"),
        status(5, "SOURCE", "WEB", "Сайт (новый)"),
        status(6, "INDUSTRY", "IT", "ИТ"),
    )
    fill(conn, "pipeline", own("pipeline"), {"id": 0, "name": "Общая"}, {"id": 1, "name": "Партнёры"})
    fill(
        conn,
        "user",
        own("user"),
        {"ID": "1", "NAME": "Анна", "LAST_NAME": "Ким"},
        {"ID": "2", "NAME": "Bob", "LAST_NAME": ""},
    )
    fill(conn, "currency", own("currency"), {"CURRENCY": "RUB", "FULL_NAME": "Рубль"})
    fill(
        conn,
        "field_option",
        own("field_option"),
        {"ID": "1", "ENTITY": "deal", "FIELD": "UF_REASON", "VALUE": "Дорого"},
        {"ID": "2", "ENTITY": "deal", "FIELD": "UF_TAGS", "VALUE": "B2B"},
    )
    fill(conn, "company", COMPANY, {"ID": "9", "TITLE": "ООО Ромашка"})
    fill(
        conn,
        "deal",
        FIELDS,
        {
            "ID": "1",
            "STAGE_ID": "NEW",
            "CATEGORY_ID": "0",
            "SOURCE_ID": "WEB",
            "ASSIGNED_BY_ID": "1",
            "COMPANY_ID": "9",
            "CURRENCY_ID": "RUB",
            "UF_REASON": "1",
            "UF_TAGS": [2, 99],
            "UF_TEAM": ["2", "1"],
            "UF_BRANCH": "IT",
        },
        {"ID": "2", "STAGE_ID": "C1:NEW", "CATEGORY_ID": "1", "SOURCE_ID": "14|WZ", "ASSIGNED_BY_ID": "777"},
        {"ID": "3"},
    )
    refresh_views(conn)
    conn.commit()
    return conn


def test_labels_beside_codes(filled: psycopg.Connection[Any]) -> None:
    labels = (
        "stage_name, stage_sort, pipeline_name, source_name, assigned_by_name, company_title, currency_name,"
        " uf_reason_label, uf_tags_label, uf_team_name, uf_branch_name"
    )
    rows = filled.execute(f"SELECT {labels} FROM crm.deals ORDER BY id").fetchall()
    first = ("Новая", 10, "Общая", "Сайт (новый)", "Анна Ким", "ООО Ромашка", "Рубль", "Дорого")
    assert rows[0] == (*first, ["B2B", None], ["Bob", "Анна Ким"], "ИТ")
    assert rows[1][:5] == ("Новая партнёрская", 10, "Партнёры", None, None)
    assert rows[2] == (None,) * 11


def test_only_live_rows_are_shown_and_deleted_dictionary_rows_still_label(filled: psycopg.Connection[Any]) -> None:
    filled.execute("UPDATE bitrix.deals SET _deleted_at = now() WHERE id = 3")
    filled.execute("UPDATE bitrix.pipelines SET _deleted_at = now()")
    assert filled.execute("SELECT id, pipeline_name FROM crm.deals ORDER BY id").fetchall() == [
        (1, "Общая"),
        (2, "Партнёры"),
    ]
    assert filled.execute("SELECT count(*) FROM crm.pipelines").fetchone() == (0,)


def test_every_column_has_the_portal_title_as_its_comment(filled: psycopg.Connection[Any]) -> None:
    comments = dict(
        filled.execute(
            """SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
               WHERE attrelid = 'crm.deals'::regclass AND attnum > 0"""
        ).fetchall()
    )
    assert comments["stage_id"] == (
        "Стадия сделки — Код нынешней стадии; у каждой воронки свои стадии / "
        "Code of the present stage; each pipeline has stages of its own"
    )
    assert comments["stage_name"].startswith("Стадия сделки — Название вместо кода из stage_id / ")
    assert comments["uf_sum_currency"].startswith("Сумма — Валюта")
    assert comments["uf_tags"].endswith(
        "Custom field: option of a list, its text is in the _label column, several values"
    )
    assert all(comments.values())


def test_a_written_description_takes_the_place_of_the_meaning(filled: psycopg.Connection[Any]) -> None:
    write_description(filled, Description("deals", "uf_reason", "model", "Модель", "By a model", "hash", "a-model"))
    write_description(filled, Description("deals", "uf_reason", "person", "Почему отказались", None, None, "anna"))
    assert refresh_views(filled).changed == ("deals",)
    row = filled.execute(
        """SELECT col_description(attrelid, attnum) FROM pg_attribute
           WHERE attrelid = 'crm.deals'::regclass AND attname = 'uf_reason'"""
    ).fetchone()
    assert row == ("Причина — Почему отказались / By a model",)
    assert refresh_views(filled) == Refresh()


def test_labels_that_are_not_selected_cost_no_join(filled: psycopg.Connection[Any]) -> None:
    plan = filled.execute("EXPLAIN SELECT assigned_by_id, count(*) FROM crm.deals GROUP BY 1").fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "deals" in text
    assert "Join" not in text
    assert "users" not in text
    assert "statuses" not in text


def test_views_follow_the_field_list_without_being_dropped(filled: psycopg.Connection[Any]) -> None:
    filled.execute("CREATE VIEW public.report AS SELECT id, title FROM crm.deals")
    assert refresh_views(filled) == Refresh()
    ensure_table(filled, entity_named("deal"), [FIELDS[0], Field("UF_FIRST", "string", title="Первое"), *FIELDS[2:]])
    assert refresh_views(filled).changed == ("deals",)
    names = [row.name for row in filled.execute("SELECT * FROM crm.deals LIMIT 0").description or ()]
    assert names[1] == "title"
    assert "uf_first" in names
    comment = filled.execute("SELECT col_description('crm.deals'::regclass, 2)").fetchone()
    assert comment is not None
    assert comment[0].endswith("Title of the deal. No longer in the portal; what it held is kept")


def test_a_column_that_would_change_its_type_stays_for_what_was_built_on_it(filled: psycopg.Connection[Any]) -> None:
    filled.execute("DROP VIEW crm.deals")
    filled.execute("CREATE VIEW crm.deals AS SELECT id, title, 7::numeric(9, 2) AS stage_name FROM bitrix.deals")
    filled.execute("CREATE VIEW public.report AS SELECT id, stage_name FROM crm.deals")
    filled.execute("UPDATE app.views SET definition_hash = '' WHERE name = 'deals'")
    [note] = refresh_views(filled).notes
    assert (note.kind, note.field) == ("view incomplete", "crm.deals")
    assert "columns of another type under the names stage_name. They stay" in note.text
    assert filled.execute("SELECT count(*), count(stage_name) FROM public.report").fetchone() == (3, 0)
    assert filled.execute("SELECT pipeline_name FROM crm.deals WHERE id = 1").fetchone() == ("Общая",)
    comment = filled.execute("SELECT col_description('crm.deals'::regclass, 3)").fetchone()
    assert comment is not None
    filled.execute("DROP VIEW crm.deals CASCADE")  # what the note says
    assert refresh_views(filled) == Refresh(("deals",))
    assert filled.execute("SELECT stage_name FROM crm.deals WHERE id = 1").fetchone() == ("Новая",)


def test_titles_from_the_portal_are_data(filled: psycopg.Connection[Any]) -> None:
    hostile = "'; DROP TABLE bitrix.deals; -- {x} %s \"\\ \n😀"
    ensure_table(filled, entity_named("deal"), [*FIELDS, Field("UF_EVIL", "string", title=hostile)])
    refresh_views(filled)
    row = filled.execute(
        """SELECT col_description(attrelid, attnum) FROM pg_attribute
           WHERE attrelid = 'crm.deals'::regclass AND attname = 'uf_evil'"""
    ).fetchone()
    assert row == (f"{hostile} — Своё поле компании: текст / Custom field: text",)


HISTORY = (
    (1, 1, "2024-01-01", "NEW", "P"),
    (2, 1, "2024-01-05", "EXECUTING", "P"),
    (3, 1, "2024-01-11", "WON", "S"),
    (4, 2, "2024-02-01", "NEW", "P"),
)


def test_outcome_and_time_are_derived(filled: psycopg.Connection[Any]) -> None:
    fields = [
        *FIELDS,
        Field("STAGE_SEMANTIC_ID", "string"),
        Field("DATE_CREATE", "datetime"),
        Field("MOVED_TIME", "datetime"),
    ]
    at = "2024-01-{}T12:00:00+00:00".format
    times = {"DATE_CREATE": at("01"), "MOVED_TIME": at("11")}
    fill(
        filled,
        "deal",
        fields,
        {"ID": "1", "STAGE_SEMANTIC_ID": "S", **times, "DATE_MODIFY": at("20")},
        {"ID": "2", "STAGE_SEMANTIC_ID": "P", **times, "DATE_MODIFY": at("20")},
        {"ID": "3", "STAGE_SEMANTIC_ID": "F", **times, "DATE_MODIFY": at("20")},
    )
    events = [
        {"ID": n, "OWNER_ID": owner, "CREATED_TIME": f"{day}T12:00:00+00:00", "STAGE_ID": s, "STAGE_SEMANTIC_ID": o}
        for n, owner, day, s, o in HISTORY
    ]
    fill(filled, "deal_stage_history", list(entity_named("deal_stage_history").fields), *events)
    refresh_views(filled)
    assert filled.execute(
        """SELECT is_won, is_lost, is_open, closed_at::date::text, days_to_close, days_in_stage > 300,
               first_stage_at::date::text, days_in_first_stage FROM crm.deals ORDER BY id"""
    ).fetchall() == [
        (True, False, False, "2024-01-11", 10, None, "2024-01-01", 4),
        (False, False, True, None, None, True, "2024-02-01", None),
        (False, True, False, "2024-01-11", 10, None, None, None),
    ]
    assert filled.execute(
        """SELECT id, is_won, left_at::date::text, is_current, days_in_stage > 100, least(days_in_stage, 100)
           FROM crm.deal_stage_history ORDER BY id"""
    ).fetchall() == [
        (1, False, "2024-01-05", False, False, 4),
        (2, False, "2024-01-11", False, False, 6),
        (3, True, None, True, None, 100),
        (4, False, None, True, True, 100),
    ]
