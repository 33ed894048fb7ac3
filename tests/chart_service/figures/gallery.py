"""The gallery: every chart format in a real browser, in both modes and languages, for tests and for looking.

``python -m tests.chart_service.figures.gallery OUT_DIR [WIDTH]`` writes pictures of each mode and language.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from playwright.sync_api import Browser, Page, sync_playwright

from chart_service.figures import Figure, build
from chart_service.figures.build import Lang
from chart_service.figures.theme import Mode, theme
from tests.chart_service.figures.samples import Sample, samples

_ON_A_PICTURE = 12
WIDTH = 448
"""Pixels of a chart: a card of a third of a page."""
CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_STYLE = """
body {{ margin: 0; padding: 16px; font: 13px/18px Inter, system-ui, sans-serif; background: {page}; color: {ink};
  display: grid; grid-template-columns: repeat({columns}, {card_width}px); gap: 16px; }}
section {{ background: {card}; border: 1px solid {line}; border-radius: 12px; padding: 12px 16px; }}
h2 {{ font-size: 13px; margin: 0 0 4px; }} p {{ margin: 4px 0 0; font-size: 11px; color: {muted}; }}
.chart {{ width: {width}px; }}
"""
_DRAW = """
async figures => {
  const grid = document.body;
  for (const it of figures) {
    const section = document.createElement('section');
    const title = document.createElement('h2');
    title.textContent = it.title;
    const chart = document.createElement('div');
    chart.className = 'chart';
    chart.id = it.name;
    chart.style.height = it.height + 'px';
    const note = document.createElement('p');
    note.textContent = it.notes;
    section.append(title, chart, note);
    grid.append(section);
    await Plotly.newPlot(chart, it.figure.data, it.figure.layout, {displayModeBar: false, responsive: true});
  }
}
"""


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(_FLAGS))
        try:
            yield started
        finally:
            started.close()


def plotly_page(browser: Browser, mode: Mode, width: int = WIDTH) -> tuple[Page, list[str]]:
    """A page with plotly.js and no network, and the list to which its errors go."""
    page = browser.new_page(viewport={"width": 1520, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on(
        "request", lambda request: errors.append(f"request to {request.url[:80]}") if _remote(request.url) else None
    )
    tones = theme(mode)["tones"]
    columns = {"width": width, "card_width": width + 32, "columns": 1520 // (width + 48)}
    style = _STYLE.format(**columns, page="#F6F7F9" if mode == "light" else "#0D1117", **tones)
    page.set_content(f"<!doctype html><meta charset=utf-8><style>{style}</style><body></body>")
    page.add_script_tag(content=(resources.files("plotly") / "package_data" / "plotly.min.js").read_text("utf-8"))
    return page, errors


def _remote(url: str) -> bool:
    return not url.startswith(("data:", "blob:", "about:"))


def draw(page: Page, drawn: Sequence[tuple[str, Figure, Mode]], lang: Lang = "ru") -> None:
    """Draws figures one below the other, each in an element of its name."""
    figures: list[dict[str, Any]] = [
        {
            "name": name,
            "title": f"{name} → {figure.format}" if figure.format != name else name,
            "notes": " ".join(note.of(lang) for note in figure.notes),
            "height": figure.height,
            "figure": figure.painted(mode),
        }
        for name, figure, mode in drawn
    ]
    page.evaluate(_DRAW, orjson.loads(orjson.dumps(figures)))


def built(lang: Lang) -> list[tuple[Sample, Figure]]:
    """The samples of a language with their figures."""
    return [(sample, build(sample.template, sample.rows, lang=lang, mode="light")) for sample in samples(lang)]


def main(directory: Path, width: int = WIDTH) -> None:
    """Writes the pictures."""
    directory.mkdir(parents=True, exist_ok=True)
    with browser() as started:
        for lang in ("ru", "en"):
            figures = built(lang)
            for mode in ("light", "dark"):
                for first in range(0, len(figures), _ON_A_PICTURE):
                    page, errors = plotly_page(started, mode, width)
                    some = figures[first : first + _ON_A_PICTURE]
                    draw(page, [(sample.name, figure, mode) for sample, figure in some], lang)
                    page.screenshot(path=directory / f"{lang}-{mode}-{first // _ON_A_PICTURE + 1}.png", full_page=True)
                    page.close()
                    for error in errors:
                        sys.stderr.write(f"{lang} {mode}: {error}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
