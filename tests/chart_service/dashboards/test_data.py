"""Data of a dashboard's charts: drawn as they are meant, narrowed by filters, as files, and the rows behind them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from typing import Any

import httpx
import openpyxl
import psycopg
import pytest

from chart_service.app import create_app
from chart_service.dashboards.starters import LANGS, starters
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database


@pytest.fixture(scope="module")
def data_warehouse(postgres: PostgresServer, loaded_template: str) -> Iterator[Database]:
    """One warehouse for all tests here: they only read."""
    name = f"b24_test_{os.getpid()}_dashboard_data"
    yield postgres.create(name, loaded_template)
    postgres.drop(name)


@pytest.fixture(scope="module")
def owner(data_warehouse: Database) -> Iterator[psycopg.Connection[Any]]:
    with data_warehouse.connect("test", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def charts_api(data_warehouse: Database) -> Iterator[httpx.Client]:
    with (
        serving(create_app(settings_with(data_warehouse), data_warehouse)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
    ):
        yield client


def dashboard(api: httpx.Client, slug: str, lang: str = "en") -> dict[str, Any]:
    api.get("/api/v1/dashboards")
    body: dict[str, Any] = api.get(f"/api/v1/dashboards/{slug}", params={"lang": lang}).json()
    return body


def chart_url(body: dict[str, Any], key: str) -> str:
    chart = next(item["chart_id"] for item in body["items"] if item["id"] == key)
    return f"/api/v1/dashboards/{body['id']}/charts/{chart}"


def data(api: httpx.Client, url: str, **body: Any) -> dict[str, Any]:
    answer = api.post(f"{url}/data", json={"lang": "en", **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("lang", LANGS)
def test_the_charts_that_come_with_the_service_are_drawn_as_meant(charts_api: httpx.Client, lang: str) -> None:
    for starter in starters():
        body = dashboard(charts_api, starter.slug, lang)
        for chart in starter.charts:
            drawn = data(charts_api, chart_url(body, chart.key), lang=lang)
            meant = chart.texts[lang]["template"]["format"]
            assert (drawn["format"], drawn["empty"]) == (meant, False), f"{starter.name}.{chart.key}: {drawn['notes']}"
            assert drawn["unfiltered"] == []


def manager_of(owner: psycopg.Connection[Any]) -> tuple[int, str]:
    """A manager who won deals, and not all of them."""
    row = owner.execute(
        """SELECT assigned_by_id, assigned_by_name FROM crm.deals
           WHERE is_won AND closed_at >= current_date - interval '12 months'
           GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 1"""
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_filters_narrow_every_chart(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    body = dashboard(charts_api, "sales")
    number, name = manager_of(owner)
    filters = {"columns": [{"column": "assigned_by_id", "op": "in", "values": [number]}]}
    everybody = data(charts_api, chart_url(body, "by_manager"))
    one = data(charts_api, chart_url(body, "by_manager"), filters=filters)
    assert everybody["row_count"] > 1
    assert [row[0] for row in one["rows"]] == [name]
    funnel, narrowed = (data(charts_api, chart_url(body, "funnel"), filters=given) for given in ({}, filters))
    assert 0 < narrowed["rows"][0][1] < funnel["rows"][0][1]


def test_a_chart_of_another_dashboard_is_not_here(charts_api: httpx.Client) -> None:
    sales, leads = dashboard(charts_api, "sales"), dashboard(charts_api, "leads")
    chart = leads["items"][0]["chart_id"]
    for action, body in (("data", {}), ("rows", {}), ("export.csv", {})):
        answer = charts_api.post(f"/api/v1/dashboards/{sales['id']}/charts/{chart}/{action}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_chart")
    assert charts_api.post("/api/v1/dashboards/987654/charts/1/data", json={}).status_code == 404


def test_files_have_the_filtered_rows(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    url = chart_url(dashboard(charts_api, "sales"), "by_manager")
    number, name = manager_of(owner)
    body = {"filters": {"columns": [{"column": "assigned_by_id", "op": "in", "values": [number]}]}, "lang": "en"}
    answer = charts_api.post(f"{url}/export.csv", json=body)
    assert answer.status_code == 200, answer.text
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][0] == "manager"
    assert [row[0] for row in rows[1:]] == [name]
    book = openpyxl.load_workbook(io.BytesIO(charts_api.post(f"{url}/export.xlsx", json=body).content))
    assert [row[0].value for row in book.worksheets[0].iter_rows()] == ["manager", name]
    assert charts_api.post(f"{url}/export.sql", json=body).status_code == 422


def behind(api: httpx.Client, url: str, *where: tuple[str, Any], **body: Any) -> dict[str, Any]:
    sent = {"where": [{"column": column, "value": value} for column, value in where], "lang": "en", **body}
    answer = api.post(f"{url}/rows", json=sent)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_rows_behind_a_mark_are_those_it_counts(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    body = dashboard(charts_api, "sales")
    url = chart_url(body, "by_source")
    [(source, count), *_] = data(charts_api, url)["rows"]
    rows = behind(charts_api, url, ("source", source))
    assert (rows["view"], len(rows["rows"]), rows["truncated"]) == ("deals", count, False)
    assert [column["title"] for column in rows["columns"]][:3] == ["Id", "Title", "Pipeline"]
    at = [column["name"] for column in rows["columns"]].index("source_name")
    assert {row[at] for row in rows["rows"]} == {source}
    # A month of a time axis, cut from a moment; with a filter on top.
    url = chart_url(body, "cycle")
    month = data(charts_api, url)["rows"][3][0]
    number, _ = manager_of(owner)
    filters = {"columns": [{"column": "assigned_by_id", "op": "in", "values": [number]}]}
    [counted] = owner.execute(
        """SELECT count(*), count(*) FILTER (WHERE assigned_by_id = %s) FROM crm.deals
           WHERE is_won AND date_trunc('month', closed_at AT TIME ZONE 'UTC')::date = %s""",
        (number, month),
    ).fetchall()
    found = [len(behind(charts_api, url, ("month", month), filters=given)["rows"]) for given in ({}, filters)]
    assert found == list(counted)


def test_rows_behind_charts_of_every_kind(charts_api: httpx.Client) -> None:
    without_rows = set()
    for starter in starters():
        body = dashboard(charts_api, starter.slug)
        for chart in starter.charts:
            answer = charts_api.post(f"{chart_url(body, chart.key)}/rows", json={"lang": "en"})
            if answer.status_code == 422:
                assert answer.json()["code"] == "no_rows_behind"
                without_rows.add(f"{starter.name}.{chart.key}")
            else:
                assert answer.json()["rows"], f"{starter.name}.{chart.key}"
    assert without_rows == {"sales.funnel", "sales.flow_by_month", "leads.funnel", "leads.deals_from_leads"}


def test_marks_that_stand_for_no_rows(charts_api: httpx.Client) -> None:
    url = chart_url(dashboard(charts_api, "sales"), "by_source")
    for where in ([{"column": "deals", "value": 5}], [{"column": "nothing", "value": 5}]):
        answer = charts_api.post(f"{url}/rows", json={"where": where})
        assert (answer.status_code, answer.json()["code"]) == (422, "no_such_mark")
    nasty = "x' OR true) --"
    assert behind(charts_api, url, ("source", nasty))["rows"] == []
    month = chart_url(dashboard(charts_api, "sales"), "cycle")
    answer = charts_api.post(f"{month}/rows", json={"where": [{"column": "month", "value": "no date"}]})
    assert answer.status_code == 422


def test_what_can_be_filtered_by(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    body = dashboard(charts_api, "leads")
    spec = charts_api.get(f"/api/v1/dashboards/{body['id']}/filters", params={"lang": "en"}).json()
    assert [one["title"] for one in spec["filters"]] == [
        "Pipeline",
        "Manager",
        "Source",
        "Deal outcome",
        "Lead outcome",
    ]
    by_column = {one["column"]: one["values"] for one in spec["filters"]}
    [counted] = owner.execute(
        """SELECT (SELECT count(*) FROM crm.deals WHERE assigned_by_id = %(id)s)
                + (SELECT count(*) FROM crm.leads WHERE assigned_by_id = %(id)s)""",
        {"id": by_column["assigned_by_id"][0]["value"]},
    ).fetchall()
    assert by_column["assigned_by_id"][0]["count"] == counted[0]
    assert {one["label"] for one in by_column["status_semantic_id"]} == {"in progress", "converted", "junk"}
    assert [one["column"] for one in spec["period"]["columns"]][:2] == ["date_create", "closed_at"]
    free = {one["column"] for one in spec["columns"]}
    assert {"leads.is_won", "deals.company_id", "leads.utm_source"} <= free
    assert not {"leads.assigned_by_id", "leads.title", "leads.id", "leads.phone", "leads.status_name"} & free
    options = charts_api.get(
        f"/api/v1/dashboards/{body['id']}/filters/options", params={"column": "leads.utm_source", "lang": "en"}
    ).json()
    assert all(value["count"] > 0 for value in options["values"])
    for column in ("users.email", "leads.nothing", "x", ""):
        answer = charts_api.get(f"/api/v1/dashboards/{body['id']}/filters/options", params={"column": column})
        assert answer.status_code == 404, column
