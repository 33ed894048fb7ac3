"""Amounts in several currencies are never added up: the rows are drawn apart, a panel for each currency."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from chart_service.figures import measures
from chart_service.figures.chart import Chart, cells, part
from chart_service.figures.errors import unknown_column
from chart_service.figures.labels import clean
from chart_service.figures.shape import Shape
from chart_service.figures.trace import Layout
from chart_service.rows import Rows

_MOST = 3
_CODE = re.compile(r"[A-Za-z]{3}|[^\w\s]{1,2}")


def currency_of(layout: Layout, rows: Rows, shape: Shape) -> tuple[str | None, str | None]:
    """The column that holds the currency of amounts, and the code that all of them share; each may be None.

    The column is found by its name where the template is silent. Raises ``TemplateError`` for a currency that is
    neither a column nor a code.
    """
    said = (layout.currency or "").strip()
    column = next((name for name in rows.names() if name.casefold() == said.casefold()), None)
    if said and column is None and not _CODE.fullmatch(said):
        raise unknown_column(said, rows.names())
    if column is None and any(measures.is_money(ref, layout) for ref in shape.measures):
        column = next((c.name for c in rows.columns if c.kind == "text" and measures.is_currency(c.name)), None)
    if column is None:
        return None, said.upper() or None
    codes = {_code(value) for value in cells(rows, column)} - {None}
    return column, codes.pop() if len(codes) == 1 else None


def _code(value: object) -> str | None:
    """A currency's code as it may stand in a unit: letters, digits and currency signs."""
    if not isinstance(value, str):
        return None
    kept = re.sub(r"[^\w₽$€£¥₸₴]", "", clean(value, 12))[:8]
    return kept or None


def apart(chart: Chart, column: str | None, *, sums: bool) -> list[Chart]:
    """The chart itself, or a chart for each currency where its amounts are in more than one.

    A currency that is one of the dimensions already keeps amounts apart, unless the format adds marks up (``sums``).
    """
    if column is None:
        return [chart]
    codes = [_code(value) for value in cells(chart.rows, column)]
    counts = _counts(chart, codes)
    if len(counts) < 2:
        return [chart]
    if column in chart.shape.dimensions:
        if not sums:
            return [chart]
        kept = tuple(name for name in chart.shape.dimensions if name != column)
        chart = replace(chart, shape=replace(chart.shape, dimensions=kept))
    drawn = [code for code, _ in counts.most_common(_MOST)]
    names = ", ".join(_named(code, chart.lang) for code in drawn)
    chart.note(
        f"Валюты не складываются: показаны отдельно {names}.", f"Currencies are not added up: shown apart, {names}."
    )
    left = [_named(code, chart.lang) for code in counts if code not in drawn]
    if left:
        chart.note(f"Не показаны: {', '.join(left[:10])}.", f"Not shown: {', '.join(left[:10])}.")
    return [part(chart, [at for at, its in enumerate(codes) if its == code], code, len(drawn)) for code in drawn]


def several(chart: Chart, column: str | None) -> str | None:
    """The column, where the chart's amounts are in more than one of its currencies."""
    if column is None:
        return None
    return column if len(_counts(chart, [_code(value) for value in cells(chart.rows, column)])) > 1 else None


def _counts(chart: Chart, codes: list[str | None]) -> Counter[str | None]:
    """How many rows have an amount in each currency."""
    present = [measure.values for measure in chart.measures]
    return Counter(code for at, code in enumerate(codes) if not present or any(its[at] is not None for its in present))


def _named(code: str | None, lang: str) -> str:
    return code or ("без валюты" if lang == "ru" else "no currency")


def heading(chart: Chart) -> str:
    """The heading of a currency's panel, not escaped."""
    return _named(chart.currency, chart.lang)
