"""The schema over HTTP: the document, its data, history, and words that people put in."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bitrix.entities import ENTITIES, entity_named
from bitrix.fields import Field
from warehouse.database import Database
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.documents import save_document
from warehouse.schema_docs.statistics import read_statistics
from warehouse.tables import ensure_table
from warehouse.views import refresh_views

DEAL = [Field("ID", "integer"), Field("TITLE", "string", title="Название"), Field("UF_CRM_1", "double", title="A|B\nC")]
EDIT = "/api/v1/schema/descriptions/deals/uf_crm_1"


@pytest.fixture
def documented(database: Database) -> Database:
    document(database, DEAL)
    return database


def document(database: Database, deal: list[Field]) -> None:
    with database.connect("test", autocommit=True) as conn, conn.transaction():
        for entity in ENTITIES:
            if entity.fields:
                ensure_table(conn, entity, entity.fields)
        ensure_table(conn, entity_named("deal"), deal)
        refresh_views(conn)
        catalog = read_catalog(conn)
        save_document(conn, catalog, read_statistics(conn, catalog), "a-run")


def test_before_the_first_sync_there_is_nothing_and_no_error(api: httpx.Client) -> None:
    answer = api.get("/api/v1/schema/description", params={"lang": "en"})
    assert "there was no sync" in answer.text
    assert api.get("/api/v1/schema/tables").json() == {"tables": [], "created_at": None}
    assert api.get("/api/v1/schema/history").json() == {"items": []}


def test_the_document_as_markdown_and_as_json(documented: Database, api: httpx.Client) -> None:
    answer = api.get("/api/v1/schema/description")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.text.startswith("# Схема данных CRM")
    assert "| `uf_crm_1` | `numeric` | A\\|B C |" in answer.text
    body = api.get(
        "/api/v1/schema/description", params={"lang": "en", "table": "deals"}, headers={"Accept": "application/json"}
    ).json()
    assert [table["name"] for table in body["tables"]] == ["deals"]
    assert body["created_at"]
    assert body["markdown"].startswith("# The CRM data")
    assert "## deals" in body["markdown"]
    assert "## users" not in body["markdown"]
    missing = api.get("/api/v1/schema/tables", params={"table": "nothing"})
    assert (missing.status_code, missing.json()["code"]) == (404, "no_table")
    assert api.get("/api/v1/schema/description", params={"lang": "fr"}).status_code == 422


def test_an_edit_wins_and_may_be_taken_back(documented: Database, api: httpx.Client) -> None:
    edited = api.patch(EDIT, json={"ru": " Скидка \n клиенту "}).json()
    assert edited == {
        "table": "deals",
        "column": "uf_crm_1",
        "ru": "Скидка клиенту",
        "en": "Custom field: number",
        "origin": "person",
    }
    assert api.patch(EDIT, json={"en": "Discount"}).json()["ru"] == "Скидка клиенту"
    assert "Discount _(described by hand)_" in api.get("/api/v1/schema/description", params={"lang": "en"}).text
    with documented.connect("test") as conn:
        comment = conn.execute(
            """SELECT col_description(attrelid, attnum) FROM pg_attribute
               WHERE attrelid = 'crm.deals'::regclass AND attname = 'uf_crm_1'"""
        ).fetchone()
    assert comment == ("A|B\nC — Скидка клиенту / Discount",)
    document(documented, [*DEAL, Field("UF_CRM_2", "string", title="Новое")])
    assert column(api, "uf_crm_1")["en"] == "Discount"
    assert api.patch(EDIT, json={"ru": None, "en": None}).json()["origin"] == "portal"
    table = api.patch("/api/v1/schema/descriptions/deals", json={"en": "Everything we sell"}).json()
    assert (table["column"], table["en"]) == ("", "Everything we sell")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (EDIT, {}, 422),
        (EDIT, {"ru": ""}, 422),
        (EDIT, {"ru": "x" * 1001}, 422),
        (EDIT, {"de": "Rabatt"}, 422),
        ("/api/v1/schema/descriptions/deals/nothing", {"ru": "x"}, 404),
        ("/api/v1/schema/descriptions/nothing/id", {"ru": "x"}, 404),
    ],
)
def test_edits_that_make_no_sense_are_refused(
    documented: Database, api: httpx.Client, path: str, body: dict[str, Any], status: int
) -> None:
    assert api.patch(path, json=body).status_code == status


def test_the_history_tells_what_changed(documented: Database, api: httpx.Client) -> None:
    document(documented, DEAL)
    document(documented, [*DEAL, Field("UF_CRM_2", "string", title="Новое")])
    newest, first = api.get("/api/v1/schema/history").json()["items"]
    assert first["changes"] == []
    assert newest["changes"] == [{"kind": "added", "table": "deals", "column": "uf_crm_2", "what": ""}]
    assert newest["run_url"].endswith("/runs/a-run")
    [older] = api.get("/api/v1/schema/history", params={"before": newest["id"]}).json()["items"]
    assert older["id"] == first["id"]
    text = api.get(f"/api/v1/schema/history/{first['id']}", params={"lang": "en"}).text
    assert "uf_crm_1" in text
    assert "uf_crm_2" not in text
    assert api.get("/api/v1/schema/history/999999").status_code == 404


def test_refresh_says_when_dagster_is_away(api: httpx.Client) -> None:
    answer = api.post("/api/v1/schema/refresh")
    assert (answer.status_code, answer.json()["code"]) == (503, "dagster_unavailable")


def column(api: httpx.Client, name: str) -> dict[str, Any]:
    [table] = api.get("/api/v1/schema/tables", params={"table": "deals"}).json()["tables"]
    found: dict[str, Any] = next(entry for entry in table["columns"] if entry["name"] == name)
    return found
