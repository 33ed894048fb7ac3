"""Any template over any rows is a figure that Plotly takes, or a ``TemplateError``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, get_args

import orjson
import plotly.graph_objects as go
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chart_service.figures import FORMATS, TemplateError, build, fitting, suggest, with_format
from chart_service.figures.template import FigureTemplate
from chart_service.figures.trace import TraceType, ValueFormat
from chart_service.rows import Column, ColumnKind, Rows

NAMES = ("month", "sum_won", "avg_days", "currency_id", "stage_name", "deals_count", "a<b>", "id", "prev_amount", "Имя")
_CELLS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.one_of(
        st.integers(-5, 50),
        st.integers(),
        st.floats(),
        st.decimals(),
        st.just(10**400),
        st.just(Decimal("1E+999")),
    ),
    "text": st.one_of(
        st.sampled_from(
            ["a", "b", "<img src=x onerror=alert(1)>", "%{x}", "2026-01", "2026-02", "RUB", "USD", "Пн", "Вт", ""]
        ),
        st.text(max_size=12),
    ),
    "date": st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.dates(date(2026, 1, 1), date(2026, 3, 1)),
    "datetime": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),
    "boolean": st.booleans(),
    "json": st.recursive(
        st.none() | st.text(max_size=4),
        lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=4,
    ),
    "array": st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
}


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    """Rows of up to six columns of any kinds, with nulls."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))
    kinds = [draw(st.sampled_from(get_args(ColumnKind))) for _ in names]
    cells = [st.none() | _CELLS[kind] if draw(st.booleans()) else _CELLS[kind] for kind in kinds]
    values = draw(st.lists(st.tuples(*cells), max_size=8))
    columns = tuple(Column(name, kind) for name, kind in zip(names, kinds, strict=True))
    return Rows(columns, values * draw(st.sampled_from([1, 1, 7])), truncated=draw(st.booleans()))


@st.composite
def templates(draw: st.DrawFn, names: tuple[str, ...]) -> FigureTemplate:
    """A template over these columns, now and then over one that does not exist."""
    column = st.none() | st.sampled_from([*names, *names, *names, "nowhere"] if names else ["nowhere"])
    trace = st.fixed_dictionaries(
        {
            "type": st.sampled_from(get_args(TraceType)),
            "name": st.none() | st.text(max_size=8),
            **dict.fromkeys(
                ("x", "y", "z", "labels", "values", "source", "target", "text", "size", "reference", "series"), column
            ),
            "path": st.none() | st.lists(st.sampled_from(names), max_size=4) if names else st.none(),
            "orientation": st.sampled_from([None, "v", "h"]),
            "yaxis": st.sampled_from([None, "y", "y2"]),
            "value_format": st.none() | st.sampled_from(get_args(ValueFormat)),
        }
    )
    layout = {
        "value_format": draw(st.none() | st.sampled_from(get_args(ValueFormat))),
        "currency": draw(st.none() | st.sampled_from(["RUB", "currency_id", "₽"])),
        "xaxis_title": draw(st.none() | st.text(max_size=6)),
    }
    traces = draw(st.lists(trace, min_size=1, max_size=3))
    return FigureTemplate.model_validate({"format": draw(st.sampled_from(FORMATS)), "traces": traces, "layout": layout})


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_any_template_over_any_rows(data: st.DataObject) -> None:
    table = data.draw(tables())
    template = data.draw(templates(table.names()))
    lang, mode = data.draw(st.sampled_from(["ru", "en"])), data.draw(st.sampled_from(["light", "dark"]))
    _sound(build(suggest(table), table, lang=lang, mode=mode).figure)
    try:
        figure = build(template, table, lang=lang, mode=mode)
    except TemplateError as error:
        assert "nowhere" in error.message.en or "currency" in error.message.en  # noqa: PT017, nothing else is wrong
        return
    _sound(figure.figure)
    turned = [choice.format for choice in fitting(table, template) if choice.fits]
    if turned:
        other = with_format(template, table, data.draw(st.sampled_from(turned)))
        _sound(build(other, table, lang=lang, mode=mode).figure)


def _sound(figure: dict[str, Any]) -> None:
    go.Figure({"data": figure["data"], "layout": {k: v for k, v in figure["layout"].items() if k != "template"}})
    orjson.dumps(figure["data"])
    assert all(map(isfinite, _numbers(figure["data"])))
    for shown in _texts(figure["data"]):
        assert "<img" not in shown
        assert "%{x}" not in shown


def _numbers(part: Any) -> list[float]:
    if isinstance(part, dict):
        return [number for value in part.values() for number in _numbers(value)]
    if isinstance(part, list):
        return [number for item in part for number in _numbers(item)]
    return [part] if isinstance(part, float) else []


def _texts(part: Any, key: str = "") -> list[str]:
    """Every string that Plotly shows; values to filter by and our own templates of hover texts are not shown."""
    if isinstance(part, str):
        return [part]
    if isinstance(part, dict):
        return [
            t
            for name, value in part.items()
            if name not in ("customdata", "meta", "hovertemplate", "texttemplate")
            for t in _texts(value)
        ]
    if isinstance(part, list):
        return [text for item in part for text in _texts(item)]
    return []
