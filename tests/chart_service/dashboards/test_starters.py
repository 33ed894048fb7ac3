"""The dashboards that come with the service: valid, and worth looking at on a portal's data."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import combinations
from typing import Any

import httpx
import psycopg
import pytest

from chart_service.dashboards.starters import LANGS, Starter, StarterChart, starters
from chart_service.figures.template import FigureTemplate
from chart_service.guard import check
from chart_service.query.runner import Runner
from warehouse.database import Database
from warehouse.settings import Settings

CHARTS = [(starter.name, chart) for starter in starters() for chart in starter.charts]
EACH = pytest.mark.parametrize("lang", LANGS)


@pytest.fixture
async def runner(warehouse: Database, charts_settings: Settings) -> AsyncIterator[Runner]:
    runner = Runner(warehouse, charts_settings)
    yield runner
    await runner.aclose()


@EACH
async def test_every_chart_passes_the_guard_and_has_rows(runner: Runner, lang: str) -> None:
    empty = []
    for starter, chart in CHARTS:
        checked = check(chart.texts[lang]["sql"])
        result = await runner.run(checked)
        if not result.rows.rows or all(value is None for row in result.rows.rows for value in row):
            empty.append(f"{starter}.{chart.key}")
        named = _columns_named(FigureTemplate.model_validate(chart.texts[lang]["template"]))
        assert named <= set(result.rows.names()), f"{starter}.{chart.key}"
    assert not empty


def _columns_named(template: FigureTemplate) -> set[str]:
    keys = ("x", "y", "z", "labels", "values", "source", "target", "text", "size", "reference", "series")
    named = {getattr(trace, key) for trace in template.traces for key in keys}
    named |= {name for trace in template.traces for name in trace.path or ()}
    return {name for name in (*named, template.layout.currency) if name}


@pytest.mark.parametrize("starter", starters(), ids=lambda starter: starter.name)
def test_no_two_charts_stand_on_each_other_and_rows_are_filled(starter: Starter) -> None:
    cells = [_cells(chart) for chart in starter.charts]
    assert not any(one & other for one, other in combinations(cells, 2))
    bottom = max(y for taken in cells for _, y in taken)
    assert sum(map(len, cells)) == 12 * (bottom + 1)


def _cells(chart: StarterChart) -> set[tuple[int, int]]:
    x, y, w, h = chart.at
    return {(column, row) for column in range(x, x + w) for row in range(y, y + h)}


def test_they_are_installed_once_and_stay_deleted(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    listed = charts_api.get("/api/v1/dashboards", params={"lang": "en"}).json()["items"]
    assert [item["slug"] for item in listed] == ["sales", "leads", "team"]
    assert [item["title"] for item in listed] == ["Sales", "Leads and sources", "Team activity"]
    assert all(item["starter"] and item["chart_count"] > 10 for item in listed)
    charts = owner.execute("SELECT count(*) FROM app.charts").fetchone()
    assert charts_api.delete(f"/api/v1/dashboards/{listed[0]['id']}").status_code == 204
    assert [item["slug"] for item in charts_api.get("/api/v1/dashboards").json()["items"]] == ["leads", "team"]
    assert owner.execute("SELECT count(*) FROM app.charts").fetchone() == charts


def test_a_restarted_service_installs_nothing_again(
    serve_charts: Any, charts_settings: Settings, owner: psycopg.Connection[Any]
) -> None:
    first = serve_charts(charts_settings)
    ids = [item["id"] for item in first.get("/api/v1/dashboards").json()["items"]]
    assert first.delete(f"/api/v1/dashboards/{ids[1]}").status_code == 204
    again = serve_charts(charts_settings).get("/api/v1/dashboards").json()["items"]
    assert [item["id"] for item in again] == [ids[0], ids[2]]
    assert owner.execute("SELECT count(*) FROM app.starters").fetchone() == (3,)


@EACH
def test_they_speak_the_readers_language(charts_api: httpx.Client, lang: str) -> None:
    charts_api.get("/api/v1/dashboards")
    for starter in starters():
        body = charts_api.get(f"/api/v1/dashboards/{starter.slug}", params={"lang": lang}).json()
        assert body["title"] == starter.texts[lang]["title"]
        shown = {chart["title"]: chart["sql"] for chart in body["charts"].values()}
        assert shown == {chart.texts[lang]["title"]: chart.texts[lang]["sql"] for chart in starter.charts}
        assert {item["chart_id"] for item in body["items"]} == set(map(int, body["charts"]))


def test_what_a_person_changes_is_theirs_in_every_language(
    charts_api: httpx.Client, owner: psycopg.Connection[Any]
) -> None:
    charts_api.get("/api/v1/dashboards")
    body = charts_api.get("/api/v1/dashboards/sales", params={"lang": "en"}).json()
    document = {key: body[key] for key in ("title", "slug", "tabs", "items", "filters", "version")}
    saved = charts_api.put(f"/api/v1/dashboards/{body['id']}", json={**document, "description": "Ours"})
    assert saved.status_code == 200, saved.text
    # Saved by somebody who reads English: the title that nobody changed is still Russian for others.
    russian = charts_api.get("/api/v1/dashboards/sales", params={"lang": "ru"}).json()
    assert (russian["title"], russian["description"]) == ("Продажи", "Ours")
    chart = min(map(int, body["charts"]))
    owner.execute("UPDATE app.charts SET title = 'Выручка', sql = sql || ' ' WHERE id = %s", (chart,))
    english = charts_api.get("/api/v1/dashboards/sales", params={"lang": "en"}).json()["charts"][str(chart)]
    assert english["title"] == "Выручка"
    assert "Compared" in english["description"] or "compared" in english["description"]


def test_none_without_views(serve_charts: Any, charts_settings: Settings, owner: psycopg.Connection[Any]) -> None:
    owner.execute("DROP VIEW crm.leads")
    api = serve_charts(charts_settings)
    assert [item["slug"] for item in api.get("/api/v1/dashboards").json()["items"]] == ["sales", "team"]
