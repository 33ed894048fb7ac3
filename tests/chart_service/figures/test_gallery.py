"""Every format in a real browser: drawn without an error, in both modes and languages, and hostile texts stay texts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from chart_service.figures import FORMATS, build
from chart_service.figures.build import Lang
from chart_service.figures.template import FigureTemplate
from chart_service.figures.theme import Mode
from tests.chart_service.figures import gallery
from tests.chart_service.figures.samples import rows, samples

_COUNT = """
marks => Object.fromEntries(
  marks.map(([id, css]) => [id, document.getElementById(id).querySelectorAll(css).length]))
"""
_OUTSIDE = """
() => [...document.querySelectorAll('.chart')].flatMap(chart => {
  const box = chart.getBoundingClientRect();
  const css = '.xtick text, .ytick text, .legendtext, .bartext, .slicetext, .annotation-text';
  const texts = [...chart.querySelectorAll(css)].filter(it => it.textContent && it.style.display !== 'none');
  return texts.filter(it => {
    const own = it.getBoundingClientRect();
    const across = own.left < box.left - 1 || own.right > box.right + 1;
    return across || own.top < box.top - 1 || own.bottom > box.bottom + 1;
  }).map(it => chart.id + ': ' + it.textContent);
})
"""
_FOUND = """
() => {
  const all = css => [...document.querySelectorAll(css)];
  return {
    hit: window.hit,
    markup: all('.chart img, .chart script, .chart a').filter(it => !it.closest('.modebar')).length,
    bold: all('.chart tspan').filter(it => it.textContent.trim() === 'b').length,
    shown: all('.chart text, .chart .cell-text').filter(it => it.textContent.includes('<img')).length,
    entities: all('.chart text').filter(it => /&(lt|gt|amp);/.test(it.textContent)).length,
  };
}
"""
HOSTILE = (
    '<img src=x onerror="window.hit=1"><b>b</b><a href="javascript:window.hit=1">a</a>%{x}<script>window.hit=1</script>'
)

pytestmark = pytest.mark.skipif(not gallery.CHROMIUM.exists(), reason=f"no browser at {gallery.CHROMIUM}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these tests."""
    with gallery.browser() as started:
        yield started


@pytest.fixture(scope="module")
def light(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page with all samples in Russian, light, and the errors it made."""
    page, errors = gallery.plotly_page(browser, "light")
    gallery.draw(page, [(sample.name, figure, "light") for sample, figure in gallery.built("ru")])
    yield page, errors
    page.close()


def _assert_all_drawn(page: Page, errors: list[str], lang: Lang) -> None:
    counts = page.evaluate(_COUNT, [[sample.name, sample.marks] for sample in samples(lang)])
    assert errors == []
    assert [name for name, count in counts.items() if not count] == []


def test_every_format_is_drawn_without_an_error(light: tuple[Page, list[str]]) -> None:
    _assert_all_drawn(*light, "ru")
    assert {figure.format for _, figure in gallery.built("ru")} == set(FORMATS)


@pytest.mark.parametrize(
    ("lang", "mode"),
    [
        ("en", "dark"),
        pytest.param("ru", "dark", marks=pytest.mark.slow),
        pytest.param("en", "light", marks=pytest.mark.slow),
    ],
)
def test_every_format_is_drawn_in_the_other_mode_and_language(browser: Browser, lang: Lang, mode: Mode) -> None:
    page, errors = gallery.plotly_page(browser, mode)
    gallery.draw(page, [(sample.name, figure, mode) for sample, figure in gallery.built(lang)], lang)
    _assert_all_drawn(page, errors, lang)
    page.close()


def test_labels_stay_inside_their_charts(light: tuple[Page, list[str]]) -> None:
    """What is cut off at a chart's edge cannot be read."""
    assert light[0].evaluate(_OUTSIDE) == []


def _hostile() -> list[tuple[str, FigureTemplate, Any]]:
    """Every sample with markup in its column names, texts, currency, names and titles."""
    result = []
    for sample in samples("en"):
        renamed = {column.name: f"{column.name}{HOSTILE[:60]}" for column in sample.rows.columns}
        columns = tuple(type(column)(renamed[column.name], column.kind) for column in sample.rows.columns)
        values = [
            tuple(f"{HOSTILE} {cell}" if isinstance(cell, str) else cell for cell in row) for row in sample.rows.rows
        ]
        said = sample.template.model_dump()
        for trace in said["traces"]:
            for key, value in trace.items():
                if isinstance(value, str):
                    trace[key] = renamed.get(value, value)
            trace["path"] = [renamed[name] for name in trace["path"]] if trace["path"] else None
            trace["name"] = HOSTILE
        said["layout"] |= {"xaxis_title": HOSTILE, "yaxis_title": HOSTILE, "yaxis2_title": HOSTILE}
        result.append((sample.name, FigureTemplate.model_validate(said), type(sample.rows)(columns, values)))
    return result


def test_hostile_texts_are_shown_as_texts(browser: Browser) -> None:
    page, errors = gallery.plotly_page(browser, "dark")
    figures = [(name, build(template, table, lang="en", mode="dark")) for name, template, table in _hostile()]
    gallery.draw(page, [(name, figure, "dark") for name, figure in figures])
    hovers = 0
    for sample in samples("en"):
        mark = page.locator(f"#{sample.name}").locator(".point path, .point, .slice, .sankey-node, .nsewdrag").first
        if mark.count() and (box := mark.bounding_box()):
            mark.scroll_into_view_if_needed()
            box = mark.bounding_box() or box
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_timeout(70)
            hovers += page.locator(f"#{sample.name} .hoverlayer text").filter(has_text="<img").count() > 0
    found = page.evaluate(_FOUND)
    assert errors == []
    assert found["hit"] is None
    assert found["markup"] == 0
    assert found["bold"] == 0
    assert found["entities"] == 0
    assert found["shown"] > 100
    assert hovers > 15
    page.close()


def test_texts_with_markup_look_like_themselves(light: tuple[Page, list[str]]) -> None:
    """What is escaped for Plotly must not be seen escaped."""
    page, _ = light
    odd = "AT&T <Moscow> 50% & more"
    table = rows(
        "month:date client:text won_amount:number",
        *((date(2026, m, 1), c, m * 10) for m in (1, 2, 3) for c in (odd, "B")),
    )
    template = FigureTemplate.model_validate(
        {"format": "stacked_bar", "traces": [{"type": "bar", "x": "month", "y": "won_amount", "series": "client"}]}
    )
    gallery.draw(page, [("odd", build(template, table, lang="ru", mode="light"), "light")])
    assert odd in page.evaluate("() => [...document.querySelectorAll('#odd .legendtext')].map(it => it.textContent)")
