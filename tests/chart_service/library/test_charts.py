"""The library over HTTP: charts are kept, changed by one person at a time, drawn, and guarded whenever used."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

CHART = {
    "title": "Проба: сделки по воронкам",
    "question": "Сколько сделок в воронках?",
    "lang": "ru",
    "sql": "SELECT pipeline_name, count(*) AS n FROM deals GROUP BY 1 ORDER BY 2 DESC",
    "template": {"format": "bar", "traces": [{"type": "bar", "x": "pipeline_name", "y": "n"}]},
    "assumptions": ["Все сделки, открытые и закрытые"],
}


def saved(api: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/charts", json={**CHART, **changes})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_chart_is_kept_listed_changed_pinned_and_deleted(charts_api: httpx.Client) -> None:
    chart = saved(charts_api)
    assert chart["version"] == 1
    listed = charts_api.get("/api/v1/charts", params={"q": "ПРОБА: СДЕЛКИ"}).json()
    assert [item["id"] for item in listed["items"]] == [chart["id"]]
    assert listed["items"][0]["format"] == "bar"
    url = f"/api/v1/charts/{chart['id']}"
    changed = charts_api.put(url, json={**CHART, "title": "Другое", "version": 1}).json()
    assert (changed["title"], changed["version"]) == ("Другое", 2)
    late = charts_api.put(url, json={**CHART, "version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    assert charts_api.post(f"{url}/pin", json={"pinned": True}).json()["pinned"]
    assert charts_api.get("/api/v1/charts").json()["items"][0]["id"] == chart["id"]
    assert charts_api.delete(url).status_code == 204
    assert charts_api.get(url).json()["code"] == "no_such_chart"
    assert charts_api.get(f"{url}/data").status_code == 404


def test_pages_of_the_library(charts_api: httpx.Client) -> None:
    for number in range(5):
        saved(charts_api, title=f"Мой график {number}")
    page = charts_api.get("/api/v1/charts", params={"q": "мой график", "limit": 2, "offset": 2}).json()
    assert page["total"] == 5
    assert [item["title"] for item in page["items"]] == ["Мой график 2", "Мой график 1"]
    beyond = charts_api.get("/api/v1/charts", params={"q": "мой график", "offset": 50}).json()
    assert beyond == {"items": [], "total": 5}


def test_data_of_a_saved_chart(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    chart = saved(charts_api)
    first = charts_api.get(f"/api/v1/charts/{chart['id']}/data", params={"lang": "ru"}).json()
    assert [column["name"] for column in first["columns"]] == ["pipeline_name", "n"]
    expected = owner.execute("SELECT pipeline_name, count(*) FROM crm.deals GROUP BY 1 ORDER BY 2 DESC").fetchall()
    assert [tuple(row) for row in first["rows"]] == expected
    assert first["format"] == "bar"
    assert {"light", "dark"} <= first["figure"].keys()
    assert first["figure"]["light"]["data"][0]["type"] == "bar"
    assert first["as_of"]
    assert not first["cached"]
    again = charts_api.get(f"/api/v1/charts/{chart['id']}/data", params={"lang": "ru"}).json()
    assert again["cached"]
    assert again["rows"] == first["rows"]


def test_filters_narrow_a_saved_chart(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    chart = saved(charts_api)
    pipeline = owner.execute("SELECT category_id, count(*) FROM crm.deals GROUP BY 1 ORDER BY 2 LIMIT 1").fetchone()
    assert pipeline is not None
    filters = {"columns": [{"column": "category_id", "op": "in", "values": [pipeline[0]]}]}
    body = charts_api.post(f"/api/v1/charts/{chart['id']}/data", json={"filters": filters, "lang": "en"}).json()
    assert [row[1] for row in body["rows"]] == [pipeline[1]]


def test_new_data_is_seen_when_its_sync_is_committed(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    chart = saved(charts_api, sql="SELECT count(*) AS n FROM deals", template=INDICATOR)
    url = f"/api/v1/charts/{chart['id']}/data"
    before = charts_api.get(url).json()
    owner.execute("DELETE FROM bitrix.deals WHERE id = (SELECT min(id) FROM bitrix.deals)")
    owner.execute("UPDATE app.sync_state SET data_version = data_version + 1 WHERE entity = 'deal'")
    after = charts_api.get(url, params={"refresh": True}).json()
    assert after["rows"][0][0] == before["rows"][0][0] - 1
    assert after["data_version"] != before["data_version"]
    assert charts_api.get(url).json()["cached"]


INDICATOR = {"format": "indicator", "traces": [{"type": "indicator", "values": "n"}]}


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_every_statement_passes_the_guard_when_it_is_kept(charts_api: httpx.Client, method: str) -> None:
    chart = saved(charts_api)
    url = "/api/v1/charts" if method == "POST" else f"/api/v1/charts/{chart['id']}"
    hostile = {**CHART, "sql": "SELECT pg_sleep(5) FROM deals", **({"version": 1} if method == "PUT" else {})}
    answer = charts_api.request(method, url, json=hostile)
    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert answer.json()["rule"] == "function"
    assert answer.json()["at"] == [1, 8]
    assert charts_api.get(f"/api/v1/charts/{chart['id']}").json()["version"] == 1


@pytest.mark.parametrize("path", ["data", "export.csv", "export.xlsx", "export.sql"])
def test_every_statement_passes_the_guard_when_it_is_used(
    charts_api: httpx.Client, owner: psycopg.Connection[Any], path: str
) -> None:
    chart = saved(charts_api)
    owner.execute("UPDATE app.charts SET sql = 'SELECT * FROM app.secrets' WHERE id = %s", (chart["id"],))
    answer = charts_api.get(f"/api/v1/charts/{chart['id']}/{path}")
    assert answer.status_code in (409, 422)
    assert "secret" not in answer.text.replace("app.secrets", "")


@pytest.mark.parametrize("path", ["data", "export.csv"])
def test_a_chart_of_an_earlier_schema_says_what_is_missing(
    charts_api: httpx.Client, owner: psycopg.Connection[Any], path: str
) -> None:
    chart = saved(charts_api)
    owner.execute(
        "UPDATE app.charts SET sql = replace(sql, 'pipeline_name', 'uf_crm_gone') WHERE id = %s", (chart["id"],)
    )
    answer = charts_api.get(f"/api/v1/charts/{chart['id']}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (409, "schema_changed")
    assert "uf_crm_gone" in answer.json()["detail"]


def test_a_template_of_another_version_is_told(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    chart = saved(charts_api)
    owner.execute("""UPDATE app.charts SET template = '{"format": "hologram"}' WHERE id = %s""", (chart["id"],))
    answer = charts_api.get(f"/api/v1/charts/{chart['id']}/data")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_template")


@pytest.mark.parametrize("number", ["0", "-1", str(2**63), str(10**30), "abc"])
def test_ids_that_cannot_be(shared_api: httpx.Client, number: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/data"), ("GET", "/export.csv")):
        assert shared_api.request(method, f"/api/v1/charts/{number}{path}").status_code in (404, 422)
    assert shared_api.get(f"/api/v1/charts/{2**63 - 1}").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"title": "\ud800"}, "title"),
        ({"sql": ""}, "sql"),
        ({"sql": "SELECT 1" + " " * 20_001}, "sql"),
        ({"lang": "de"}, "lang"),
        ({"template": {"format": "hologram", "traces": []}}, "template"),
        ({"template": {"format": "bar", "traces": []}}, "template"),
        ({"template": {"format": "bar", "traces": [{"type": "bar", "marker": {}}]}}, "template"),
        ({"template": None}, "template"),
        ({"template": {"format": "bar", "traces": [{"type": "bar", "x": "a\x00"}]}}, "template"),
        ({"template": {"format": "bar", "traces": [{"type": "bar", "name": "\ud800"}]}}, "template"),
        ({"unknown": 1}, "unknown"),
        ({"assumptions": ["x"] * 21}, "assumptions"),
    ],
)
def test_values_that_cannot_be(shared_api: httpx.Client, change: dict[str, Any], field: str) -> None:
    # Lone surrogates go as escapes, as a client may send them.
    body = json.dumps({**CHART, **change})
    answer = shared_api.post("/api/v1/charts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["detail"]
