"""Dashboards over HTTP: made, changed by one person at a time, deleted; nothing wrong is kept."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest

TEMPLATE = {"format": "bar", "traces": [{"type": "bar", "x": "stage_name", "y": "deals"}], "layout": {}}
SQL = "SELECT stage_name, count(*) AS deals FROM crm.deals GROUP BY 1"


@pytest.fixture
def charts(owner: psycopg.Connection[Any]) -> list[int]:
    """Two saved charts."""
    query = "INSERT INTO app.charts (title, lang, sql, template) VALUES (%s, 'en', %s, %s) RETURNING id"
    made = [owner.execute(query, (title, SQL, psycopg.types.json.Jsonb(TEMPLATE))) for title in ("One", "Two")]
    return [row[0] for cursor in made for row in cursor.fetchall()]


def placed(chart: int, item: str = "a", **values: Any) -> dict[str, Any]:
    return {"id": item, "kind": "chart", "chart_id": chart, "x": 0, "y": 0, "w": 6, "h": 8, **values}


def made(api: httpx.Client, **values: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/dashboards", json={"title": "Mine", **values})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def document(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    names = ("title", "description", "slug", "tabs", "items", "filters", "version")
    return {**{name: body[name] for name in names}, **changes}


def test_a_dashboard_is_kept_as_it_was_sent(charts_api: httpx.Client, charts: list[int]) -> None:
    tabs = [{"id": "t1", "title": "First"}, {"id": "t2", "title": "Second"}]
    heading = {"id": "h", "kind": "heading", "text": "<b>Head</b>", "tab": "t2", "x": 0, "y": 0, "w": 12, "h": 1}
    items = [placed(charts[0], tab="t1"), heading, placed(charts[0], "c", tab="t2", y=1)]
    filters = {"period": None, "columns": [{"column": "category_id", "op": "in", "values": [0]}]}
    sent = {
        "title": "Mine",
        "description": "What for",
        "slug": "mine",
        "tabs": tabs,
        "items": items,
        "filters": filters,
    }
    body = made(charts_api, **sent)
    for name in (str(body["id"]), body["uuid"], "mine"):
        found = charts_api.get(f"/api/v1/dashboards/{name}").json()
        assert found == body
    assert {name: found[name] for name in sent if name != "items"} == {key: sent[key] for key in sent if key != "items"}
    assert [
        {key: value for key, value in item.items() if key in given}
        for item, given in zip(found["items"], items, strict=True)
    ] == items
    assert list(found["charts"]) == [str(charts[0])]
    assert found["charts"][str(charts[0])]["sql"] == SQL
    assert not found["starter"]
    [listed] = charts_api.get("/api/v1/dashboards", params={"q": "WHAT f"}).json()["items"]
    assert (listed["title"], listed["chart_count"], listed["version"]) == ("Mine", 1, 1)


def test_two_people_do_not_overwrite_each_other(charts_api: httpx.Client, charts: list[int]) -> None:
    body = made(charts_api, items=[placed(charts[0])])
    url = f"/api/v1/dashboards/{body['id']}"
    first = charts_api.put(url, json=document(body, items=[placed(charts[1])]))
    assert first.status_code == 200, first.text
    assert (first.json()["version"], list(first.json()["charts"])) == (2, [str(charts[1])])
    second = charts_api.put(url, json=document(body, title="Other"))
    assert (second.status_code, second.json()["code"]) == (409, "changed_meanwhile")
    assert charts_api.get(url).json()["title"] == "Mine"


def test_a_deleted_chart_is_off_every_dashboard(
    charts_api: httpx.Client, charts: list[int], owner: psycopg.Connection[Any]
) -> None:
    body = made(charts_api, items=[placed(charts[0]), placed(charts[1], "b", x=6)])
    owner.execute("DELETE FROM app.charts WHERE id = %s", (charts[0],))
    found = charts_api.get(f"/api/v1/dashboards/{body['id']}").json()
    assert [item["id"] for item in found["items"]] == ["b"]
    saved = charts_api.put(f"/api/v1/dashboards/{body['id']}", json=document(found))
    assert saved.status_code == 200


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": " "}, "title"),
    ({"title": "a\0b"}, "title"),
    ({"title": "x" * 201}, "title"),
    ({"slug": "Not a slug"}, "slug"),
    ({"slug": "7"}, "slug"),
    ({"items": [placed(1, x=8)]}, "items.0"),
    ({"items": [placed(1, w=0)]}, "items.0.w"),
    ({"items": [placed(1), placed(1)]}, "body"),
    ({"items": [placed(1, tab="gone")]}, "body"),
    ({"items": [{**placed(1), "chart_id": None}]}, "items.0"),
    ({"items": [placed(1, text="x")]}, "items.0"),
    ({"items": [placed(1, str(number)) for number in range(201)]}, "items"),
    ({"filters": {"period": "\0"}}, "filters"),
    ({"colour": "red"}, "colour"),
]


def test_what_is_no_dashboard_is_refused(charts_api: httpx.Client) -> None:
    for change, problem in WRONG:
        answer = charts_api.post("/api/v1/dashboards", json={"title": "Mine", **change})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), change
        assert any(problem in error["field"] for error in answer.json()["errors"]), change
    assert not [item for item in charts_api.get("/api/v1/dashboards").json()["items"] if not item["starter"]]


def test_a_chart_that_does_not_exist_is_named(charts_api: httpx.Client) -> None:
    answer = charts_api.post("/api/v1/dashboards", json={"title": "Mine", "items": [placed(987654)]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_chart")
    assert "987654" in answer.json()["detail"]
    assert charts_api.get("/api/v1/dashboards", params={"q": "Mine"}).json()["items"] == []


def test_a_slug_belongs_to_one(charts_api: httpx.Client) -> None:
    made(charts_api, slug="mine")
    other = made(charts_api)
    for answer in (
        charts_api.post("/api/v1/dashboards", json={"title": "Other", "slug": "mine"}),
        charts_api.put(f"/api/v1/dashboards/{other['id']}", json=document(other, slug="mine")),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "slug_taken")


def test_a_dashboard_that_is_not_there(charts_api: httpx.Client) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    for name in ("0", "9" * 30, "gone", "ab%00c", unknown, "%F0%9F%98%80"):
        assert charts_api.get(f"/api/v1/dashboards/{name}").status_code == 404


def test_changing_or_deleting_what_is_not_there(charts_api: httpx.Client) -> None:
    body = made(charts_api)
    url = f"/api/v1/dashboards/{body['id']}"
    assert charts_api.delete(url).status_code == 204
    assert charts_api.delete(url).status_code == 404
    assert charts_api.put(url, json=document(body)).status_code == 404
