"""The catalogue, its hash, the document's history and the short form."""

from __future__ import annotations

import pytest

from bitrix.entities import entity_named
from bitrix.fields import Field
from tests.warehouse.schema_docs.conftest import DEAL, Connection, dictionaries, fill
from warehouse.descriptions import Description, write_description
from warehouse.schema_docs.catalog import Code, Join, read_catalog
from warehouse.schema_docs.documents import save_document
from warehouse.schema_docs.glossary import FUNNEL
from warehouse.schema_docs.prompt import TOKEN_BUDGET, estimated_tokens, prompt_text
from warehouse.schema_docs.statistics import ColumnStatistics, read_statistics
from warehouse.tables import ensure_table
from warehouse.views import refresh_views


def test_every_column_has_a_meaning_in_both_languages(filled: Connection) -> None:
    for table in read_catalog(filled).tables:
        assert table.meaning.ru != table.meaning.en
        for column in table.columns:
            assert column.meaning.ru, f"{table.name}.{column.name}"
            assert column.meaning.en, f"{table.name}.{column.name}"
            assert not any("а" <= letter.lower() <= "я" for letter in column.meaning.en), column


def test_codes_come_with_labels_and_joins_with_keys(filled: Connection) -> None:
    deals = read_catalog(filled).table("deals")
    assert deals is not None
    stage, many = deals.column("stage_id"), deals.column("uf_crm_2")
    assert stage is not None
    assert many is not None
    assert stage.codes[0] == Code("NEW", "Новая", "Общая")
    assert stage.codes[-1] == Code("C1:NEW", "Заявка", "Партнёры")
    assert len(many.codes) == 1000
    assert deals.joins == (Join("category_id", "pipelines", "id"),)
    untitled = [column.name for column in deals.columns if column.untitled]
    assert untitled == ["uf_crm_1700000001"]


def test_the_hash_moves_with_the_schema_and_not_with_rows(filled: Connection) -> None:
    before = read_catalog(filled)
    fill(filled, "deal", DEAL, [{"ID": 99, "TITLE": "Ещё одна"}])
    refresh_views(filled)
    assert read_catalog(filled).hash == before.hash
    assert prompt_text(read_catalog(filled)) == prompt_text(before)
    filled.execute("UPDATE bitrix.statuses SET name = 'Свежая' WHERE status_id = 'NEW'")
    renamed = read_catalog(filled)
    assert renamed.hash != before.hash
    assert "NEW=Свежая" in prompt_text(renamed)
    ensure_table(filled, entity_named("deal"), [*DEAL, Field("UF_CRM_3", "date", title="Отгрузка")])
    refresh_views(filled)
    assert "uf_crm_3 date | Отгрузка\n" in prompt_text(read_catalog(filled))


def test_a_document_is_kept_for_each_state_of_the_schema(filled: Connection) -> None:
    def save() -> list[tuple[str, str, str, str]]:
        catalog = read_catalog(filled)
        with filled.transaction():
            changes = save_document(filled, catalog, read_statistics(filled, catalog), None)
        return [(change.kind, change.table, change.column, change.what) for change in changes]

    assert save() == save() == []
    ensure_table(filled, entity_named("deal"), [*DEAL, Field("UF_CRM_3", "date", title="Отгрузка")])
    write_description(filled, Description("deals", "order", "person", "Порядок показа", None, None, "anna"))
    refresh_views(filled)
    assert sorted(save()) == [("added", "deals", "uf_crm_3", ""), ("changed", "deals", "order", "meaning")]
    assert filled.execute("SELECT count(*) FROM app.schema_docs").fetchone() == (2,)


def test_counts_are_exact_and_ranges_are_rounded(filled: Connection) -> None:
    counted = read_statistics(filled, read_catalog(filled))["deals"]
    assert counted.rows == 20
    assert counted.columns["id"] == ColumnStatistics(1.0, 20)
    assert counted.columns["opportunity"] == ColumnStatistics(1.0, 20, low="1200", high="25000")
    assert counted.columns["date_create"] == ColumnStatistics(1.0, 9, low="2024-01", high="2024-09")
    assert counted.columns["uf_crm_2"] == ColumnStatistics(0.5, 10)
    assert counted.columns["comments"] == ColumnStatistics(0.0, 0)
    assert counted.columns["is_won"].filled == 1.0


def test_large_tables_are_estimated(filled: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.schema_docs.statistics.EXACT_ROWS", 10)
    counted = read_statistics(filled, read_catalog(filled))["deals"]
    assert counted.columns["id"] == ColumnStatistics(1.0, 20, estimated=True)
    assert counted.columns["stage_id"].distinct == 1


def test_two_hundred_user_fields_fit_the_budget(conn: Connection) -> None:
    dictionaries(conn)
    kinds = ("string", "double", "enumeration", "money", "date", "employee", "boolean", "enumeration")
    custom = [
        Field(f"UF_CRM_{1_690_000_000 + n}", kinds[n % 8], title=f"Какое-то поле сделки с длинным названием {n}")
        for n in range(200)
    ]
    options = [
        {"ID": n * 20 + k, "ENTITY": "deal", "FIELD": item.code, "VALUE": f"Вариант ответа номер {k}", "SORT": k}
        for n, item in enumerate(custom)
        if item.type == "enumeration"
        for k in range(20)
    ]
    ensure_table(conn, entity_named("deal"), [*DEAL, *custom])
    fill(conn, "field_option", None, options)
    refresh_views(conn)
    text = prompt_text(read_catalog(conn))
    assert estimated_tokens(text) <= TOKEN_BUDGET
    for item in custom:
        assert f"\n{item.code.lower()} " in text
        assert item.title in text
    assert estimated_tokens(text) > estimated_tokens(prompt_text(read_catalog(conn), budget=1))


HISTORY = [
    (1, 1, "NEW", "P"),
    (2, 1, "WORK", "P"),
    (3, 1, "LOSE", "F"),  # reached work, then lost
    (4, 2, "NEW", "P"),
    (5, 2, "WON", "S"),  # skipped a stage
    (6, 3, "NEW", "P"),
    (7, 4, "WORK", "P"),
    (8, 4, "NEW", "P"),  # went back
]


def test_the_funnel_of_the_glossary_is_honest(filled: Connection) -> None:
    fill(
        filled,
        "deal_stage_history",
        None,
        [
            {
                "ID": n,
                "OWNER_ID": owner,
                "STAGE_ID": stage,
                "STAGE_SEMANTIC_ID": outcome,
                "CATEGORY_ID": 0,
                "CREATED_TIME": f"2024-01-{n:02d}T00:00:00+00:00",
            }
            for n, owner, stage, outcome in HISTORY
        ],
    )
    refresh_views(filled)
    assert filled.execute(FUNNEL.encode()).fetchall() == [("Новая", 4), ("В работе", 3), ("Успех", 1)]
    assert FUNNEL in prompt_text(read_catalog(filled))
