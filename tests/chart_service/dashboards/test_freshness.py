"""What pages say of how fresh the data is."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg


def test_entities_and_the_version_of_the_data(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    before = charts_api.get("/api/v1/freshness", params={"lang": "en"}).json()
    assert [entity["view"] for entity in before["entities"]][:3] == ["deals", "contacts", "leads"]
    deals = before["entities"][0]
    assert (deals["entity"], deals["title"], deals["rows"]) == ("deal", "Deals", 500)
    assert deals["last_sync_at"] <= before["last_sync_at"]
    assert before["running"] == []
    owner.execute("UPDATE app.sync_state SET data_version = data_version + 1 WHERE entity = 'lead'")
    after = charts_api.get("/api/v1/freshness", params={"lang": "ru"}).json()
    assert after["data_version"] != before["data_version"]
    assert after["entities"][0]["title"] == "Сделки"


def test_a_sync_is_running_while_somebody_holds_its_lock(
    charts_api: httpx.Client, owner: psycopg.Connection[Any]
) -> None:
    owner.execute(
        "INSERT INTO app.sync_logs (entity, sync_type, status, fetched, expected)"
        " VALUES ('deal', 'full', 'running', 7, 9)"
    )
    assert charts_api.get("/api/v1/freshness").json()["running"] == []
    owner.execute("SELECT pg_advisory_lock(hashtextextended('b24 sync deal', 0))")
    [running] = charts_api.get("/api/v1/freshness", params={"lang": "en"}).json()["running"]
    assert {key: running[key] for key in running if key != "started_at"} == {
        "entity": "deal",
        "title": "Deals",
        "fetched": 7,
        "expected": 9,
    }
