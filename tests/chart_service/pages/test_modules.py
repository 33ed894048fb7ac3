"""The arithmetic of pages: where things stand on a grid, what filters are as values, which days a span has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def modules(browser: Browser, pages_url: str) -> Iterator[Page]:
    """A page that has loaded, in the time zone of a warehouse far from Greenwich."""
    context = browser.new_context(base_url=pages_url, timezone_id="Asia/Vladivostok", locale="ru")
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def run(page: Page, module: str, expression: str, **values: Any) -> Any:
    """The value of an expression in which ``m`` is one of our modules and ``v`` holds the values."""
    tag = re.search(r"/static/(\w+)/js/", page.content())
    assert tag
    code = f"async (v) => {{ const m = await import('/static/{tag[1]}/js/{module}.js'); return {expression}; }}"
    return page.evaluate(code, values)


def items(*boxes: tuple[int, int, int, int]) -> list[dict[str, Any]]:
    return [{"id": f"i{at}", "kind": "chart", "x": x, "y": y, "w": w, "h": h} for at, (x, y, w, h) in enumerate(boxes)]


def boxes(found: list[dict[str, Any]]) -> list[tuple[int, int, int, int]]:
    return [(item["x"], item["y"], item["w"], item["h"]) for item in found]


def test_things_float_up_and_never_overlap(modules: Page) -> None:
    found = run(modules, "layout", "m.arranged(v.items)", items=items((0, 9, 6, 4), (3, 10, 6, 4), (6, 2, 6, 4)))
    assert boxes(found) == [(0, 0, 6, 4), (3, 4, 6, 4), (6, 0, 6, 4)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"x": 6, "y": 0}, [(6, 0, 6, 4), (6, 4, 6, 4)]),
        ({"x": 20, "y": -5}, [(6, 0, 6, 4), (6, 4, 6, 4)]),
        ({"w": 99, "h": 1}, [(0, 0, 12, 3), (6, 3, 6, 4)]),
        ({"w": 0, "h": 6}, [(0, 0, 2, 6), (6, 0, 6, 4)]),
    ],
)
def test_what_is_moved_pushes_others_away_and_stays_on_the_grid(
    modules: Page, change: dict[str, int], expected: list[tuple[int, int, int, int]]
) -> None:
    given = items((0, 0, 6, 4), (6, 0, 6, 4))
    assert boxes(run(modules, "layout", "m.moved(v.items, 'i0', v.change)", items=given, change=change)) == expected


def test_any_movement_of_any_item_leaves_a_valid_grid(modules: Page) -> None:
    """A hundred movements by chance: nothing overlaps, nothing leaves the columns, nothing is lost."""
    code = """(() => {
        let items = v.items, state = 7;
        const next = (below) => (state = (state * 1103515245 + 12345) % 2147483648) % below;
        for (let step = 0; step < 100; step += 1)
            items = m.moved(items, `i${next(items.length)}`,
                step % 2 ? {x: next(12), y: next(30)} : {w: next(13), h: next(12)});
        return items;
    })()"""
    given = items(*[(at % 4 * 3, at // 4 * 3, 3, 3) for at in range(12)])
    found = boxes(run(modules, "layout", code, items=given))
    cells = [(x + dx, y + dy) for x, y, w, h in found for dx in range(w) for dy in range(h)]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 12 for x, _ in cells)
    assert len(found) == 12


def test_a_new_chart_goes_where_there_is_room(modules: Page) -> None:
    given = items((0, 0, 12, 4), (0, 4, 6, 8))
    assert run(modules, "layout", "m.placeFor(v.items, {w: 6, h: 8})", items=given) == {"x": 6, "y": 4}
    assert run(modules, "layout", "m.placeFor(v.items, {w: 12, h: 8})", items=given) == {"x": 0, "y": 12}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (6, [(0, 0, 3, 3), (3, 0, 3, 3), (0, 3, 6, 8), (0, 11, 3, 8), (3, 11, 3, 8), (0, 19, 6, 8)]),
        (2, [(0, 0, 1, 3), (1, 0, 1, 3), (0, 3, 2, 8), (0, 11, 2, 8), (0, 19, 2, 8), (0, 27, 2, 8)]),
    ],
)
def test_narrow_screens_read_row_by_row(modules: Page, columns: int, expected: list[tuple[int, int, int, int]]) -> None:
    given = items((0, 0, 3, 3), (3, 0, 3, 3), (0, 3, 6, 8), (0, 11, 4, 8), (4, 11, 4, 8), (8, 11, 4, 8))
    assert boxes(run(modules, "layout", "m.reflowed(v.items, v.columns)", items=given, columns=columns)) == expected


def test_filters_survive_the_address(modules: Page) -> None:
    filters = {
        "period": {"from": "2026-01-01", "to": "2026-02-01", "column": "deals.closed_at"},
        "columns": [
            {"column": "assigned_by_id", "op": "in", "values": [1, "2", None]},
            {"column": "deals.title", "op": "contains", "values": ['a&b=c~"\u2028<x>']},
            {"column": "source_id", "op": "is_null", "values": []},
        ],
    }
    code = "m.fromParams(new URLSearchParams(m.toParams(v.filters, new URLSearchParams()).toString()))"
    assert run(modules, "filter-state", code, filters=filters) == filters


@pytest.mark.parametrize(
    "query",
    [
        "period=2026-13-01..2026-99-01&f=%5B",
        "period=2026-02-01..2026-01-01",
        "period=%3Cimg%3E&f=null&f=5&f=%22x%22",
        'f=["a b;c","in",1]&f=["id","drop",1]&f=["id","in",{"a":1}]',
    ],
)
def test_a_malformed_address_filters_nothing(modules: Page, query: str) -> None:
    found = run(modules, "filter-state", "m.fromParams(new URLSearchParams(v.query))", query=query)
    assert found["period"] is None
    assert all(one["values"] == [] for one in found["columns"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("today", ("2026-03-31", "2026-04-01")),
        ("7d", ("2026-03-25", "2026-04-01")),
        ("month", ("2026-03-01", "2026-04-01")),
        ("last-month", ("2026-02-01", "2026-03-01")),
        ("quarter", ("2026-01-01", "2026-04-01")),
        ("last-quarter", ("2025-10-01", "2026-01-01")),
        ("12m", ("2025-04-01", "2026-04-01")),
        ("week", ("2026-03-30", "2026-04-01")),
    ],
)
def test_spans_are_days_of_the_readers_calendar(modules: Page, name: str, expected: tuple[str, str]) -> None:
    found = run(modules, "periods", "m.preset(v.name, new Date(2026, 2, 31, 0, 30))", name=name)
    assert (found["from"], found["to"]) == expected


@pytest.mark.parametrize(
    ("value", "values", "to"),
    [
        ("2026-01-01", ["2025-12-01", "2026-01-01", "2026-02-01"], "2026-02-01"),
        ("2026-01-01", ["2025-10-01", "2026-01-01"], "2026-04-01"),
        ("2026-01-01", ["2025-01-01", "2026-01-01"], "2027-01-01"),
        ("2026-01-05", ["2025-12-29", "2026-01-05"], "2026-01-12"),
        ("2026-01-31", ["2026-01-30", "2026-01-31"], "2026-02-01"),
        ("2026-01-01T00:00:00Z", ["2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"], "2026-02-01"),
    ],
)
def test_a_mark_on_a_time_axis_is_its_day_week_month_or_year(
    modules: Page, value: str, values: list[str], to: str
) -> None:
    found = run(modules, "periods", "m.periodAt(v.value, v.values)", value=value, values=values)
    assert (found["from"], found["to"]) == (value[:10], to)


def test_addresses_that_run_code_lead_nowhere(modules: Page) -> None:
    urls = [
        "javascript:alert(1)",
        " JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "/charts/1",
        "https://a.b/",
    ]
    found = run(modules, "dom", "v.urls.map(m.safeUrl)", urls=urls)
    assert found == ["#", "#", "#", "#", "/charts/1", "https://a.b/"]


def test_numbers_take_their_form_of_words(modules: Page) -> None:
    found = run(modules, "i18n", "[1, 3, 5, 21, 1000].map((n) => m.t('home.charts', {n}))")
    assert json.dumps(found, ensure_ascii=False).replace("\u00a0", " ") == json.dumps(
        ["1 график", "3 графика", "5 графиков", "21 график", "1 000 графиков"], ensure_ascii=False
    )
