"""A warehouse with a hostile portal's titles, planted personal data, and nothing from the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from bitrix.entities import ENTITIES, entity_named
from bitrix.fields import Field, Option
from warehouse.convert import RowConverter, Unit
from warehouse.database import Database
from warehouse.load import merge
from warehouse.tables import ensure_table
from warehouse.views import refresh_views

Connection = psycopg.Connection[Any]


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    with database.connect("test", autocommit=True) as connection:
        yield connection


def fill(conn: Connection, name: str, fields: list[Field] | None, rows: list[dict[str, Any]]) -> None:
    """Make an entity's table and put rows into it; without ``fields`` those of the registry."""
    entity = entity_named(name)
    table = ensure_table(conn, entity, fields or list(entity.fields)).table
    unit = Unit()
    RowConverter(table).convert(rows, unit)
    with conn.transaction():
        merge(conn, table, unit)


def dictionaries(conn: Connection) -> None:
    """All tables whose fields the registry knows, with two pipelines and their stages."""
    for entity in ENTITIES:
        if entity.fields:
            ensure_table(conn, entity, entity.fields)
    fill(conn, "pipeline", None, [{"id": 0, "name": "Общая", "sort": 1}, {"id": 1, "name": "Партнёры", "sort": 2}])
    stages = [
        ("DEAL_STAGE", "NEW", "Новая", 10, ""),
        ("DEAL_STAGE", "WORK", "В работе", 20, ""),
        ("DEAL_STAGE", "WON", "Успех", 30, "S"),
        ("DEAL_STAGE", "LOSE", "Провал", 40, "F"),
        ("DEAL_STAGE_1", "C1:NEW", "Заявка", 10, ""),
    ]
    fill(
        conn,
        "status",
        None,
        [
            {"ID": n, "ENTITY_ID": d, "STATUS_ID": c, "NAME": name, "SORT": s, "SEMANTICS": o}
            for n, (d, c, name, s, o) in enumerate(stages, 1)
        ],
    )


HOSTILE = "| a | `b` \n## <script>alert(1)</script> {{ env_var('X') }} {% raw %} \\ [x](y) ***😀👩‍👩‍👧 #"

DEAL = [
    Field("ID", "integer"),
    Field("TITLE", "string", title="Название"),
    Field("STAGE_ID", "crm_status", title="Стадия", status_type="DEAL_STAGE"),
    Field("STAGE_SEMANTIC_ID", "string"),
    Field("CATEGORY_ID", "crm_category", title="Воронка"),
    Field("OPPORTUNITY", "double", title="Сумма"),
    Field("DATE_CREATE", "datetime", title="Создана"),
    Field("COMMENTS", "string", title="Комментарий"),
    Field("ORDER", "string", title="Порядок"),
    Field("UF_CRM_1", "string", title=HOSTILE),
    Field("UF_CRM_2", "enumeration", title="Много", options=tuple(Option(str(n), f"В {n}") for n in range(1000, 2000))),
    Field("UF_CRM_1700000001", "double", title="UF_CRM_1700000001"),
]


@pytest.fixture
def filled(conn: Connection) -> Connection:
    """Deals of a hostile portal: titles that break tables and templates, an enumeration of 1,000 options."""
    dictionaries(conn)
    options = [
        {"ID": option.id, "ENTITY": "deal", "FIELD": "UF_CRM_2", "VALUE": option.value, "SORT": n}
        for n, option in enumerate(DEAL[10].options)
    ]
    fill(conn, "field_option", None, options)
    rows = [
        {
            "ID": n,
            "TITLE": f"Сделка {n}",
            "STAGE_ID": "NEW",
            "CATEGORY_ID": 0,
            "STAGE_SEMANTIC_ID": "P",
            "OPPORTUNITY": 1234.56 * n,
            "DATE_CREATE": f"2024-0{n % 9 + 1}-05T10:00:00+00:00",
            "UF_CRM_2": 1000 + n if n % 2 else None,
        }
        for n in range(1, 21)
    ]
    fill(conn, "deal", DEAL, rows)
    refresh_views(conn)
    return conn
