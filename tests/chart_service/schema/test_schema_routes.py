"""The schema in the chart service: the same tables, meanings and edits as in the control API."""

from __future__ import annotations

import time

import httpx
import psycopg

from chart_service.app import create_app
from chart_service.query.versions import FRESH_SECONDS
from tests.chart_service.ask.model_server import KEY, answer, model_server
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

EDIT = "/api/v1/schema/descriptions/deals/opportunity"


def test_tables_with_meanings_codes_and_joins(charts_api: httpx.Client) -> None:
    body = charts_api.get("/api/v1/schema/tables").json()
    deals = next(table for table in body["tables"] if table["name"] == "deals")
    stage = next(column for column in deals["columns"] if column["name"] == "stage_id")
    assert {"NEW", "WON"} <= {code["code"] for code in stage["codes"]}
    assert {"column": "assigned_by_id", "table": "users", "key": "id", "many": False} in deals["joins"]
    assert body["created_at"] is None  # nothing was documented yet, so nothing was counted
    assert stage["filled"] is None


def test_the_document_is_a_file(charts_api: httpx.Client) -> None:
    answered = charts_api.get("/api/v1/schema/description", params={"lang": "en"})
    assert answered.headers["content-type"].startswith("text/markdown")
    assert 'filename="crm-schema-en.md"' in answered.headers["content-disposition"]
    assert answered.text.startswith("# The CRM data")
    assert charts_api.get("/api/v1/schema/description", params={"lang": "fr"}).status_code == 422


def test_words_put_in_by_hand_win_and_can_be_taken_back(
    charts_api: httpx.Client, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    before = charts_api.patch(EDIT, json={"en": "Amount of the deal"}).json()
    assert (before["en"], before["origin"]) == ("Amount of the deal", "person")
    comment = owner.execute(
        """SELECT col_description(attrelid, attnum) FROM pg_attribute
           WHERE attrelid = 'crm.deals'::regclass AND attname = 'opportunity'"""
    ).fetchone()
    assert comment is not None
    taken_back = charts_api.patch(EDIT, json={"ru": None, "en": None}).json()
    assert taken_back["origin"] == "portal"
    assert taken_back["en"] != "Amount of the deal"
    of_table = charts_api.patch("/api/v1/schema/descriptions/deals", json={"ru": "Наши сделки"}).json()
    assert (of_table["ru"], of_table["column"]) == ("Наши сделки", "")


def test_what_is_not_there_cannot_be_described(charts_api: httpx.Client) -> None:
    for path, code in (("deals/nothing", "no_column"), ("nothing/id", "no_table"), ("nothing", "no_table")):
        refused = charts_api.patch(f"/api/v1/schema/descriptions/{path}", json={"ru": "x"})
        assert (refused.status_code, refused.json()["code"]) == (404, code)
    for body in ({}, {"ru": ""}, {"ru": "x" * 1001}, {"fr": "x"}):
        assert charts_api.patch(EDIT, json=body).status_code == 422


def test_the_model_reads_words_that_were_put_in(warehouse: Database) -> None:
    """Also those put in after it was first asked."""
    with model_server({"Сколько?": answer("SELECT count(*) AS n FROM crm.deals")}) as model:
        settings = settings_with(warehouse, openai_base_url=model.url, openai_api_key=KEY)
        with (
            serving(create_app(settings, warehouse)) as url,
            httpx.Client(base_url=url, timeout=30, trust_env=False) as api,
        ):
            assert api.post("/api/v1/ask", json={"question": "Сколько?"}).status_code == 200
            api.patch(EDIT, json={"ru": "Выручка с НДС"}).raise_for_status()
            time.sleep(FRESH_SECONDS)
            assert api.post("/api/v1/ask", json={"question": "Сколько?"}).status_code == 200
    assert "Выручка с НДС" not in str(model.heard[0])
    assert "Выручка с НДС" in str(model.heard[-1])
