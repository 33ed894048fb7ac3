"""Axes of categories, periods and numbers, with texts of their own: Plotly's would be English and of any length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chart_service.figures import dates, numbers
from chart_service.figures.crosstab import Crosstab
from chart_service.figures.labels import clean, escaped, shown, wrapped
from chart_service.figures.numbers import Ticks, Unit

_WIDTH = 400  # pixels of a plot in a card of half the page, what texts along x are fitted to
_CHARACTER = 6.0
_SIDE_LABEL = 26
_FEW = 10  # marks one below the other, whose labels may take two lines
_CROWDED = 0.9
_NARROW = 0.8  # numbers above marks must not touch in a narrower card either, since they cannot be wrapped
_EACH, _EACH_NAMED, _SOME = 16, 30, 12  # of more numbers, or names, than these only some are written


def categories(crosstab: Crosstab, lang: str, title: str | None = None) -> dict[str, Any]:
    """The ``x`` axis of a crosstab: periods get at most a dozen ticks, categories all of theirs, on two lines."""
    names = [shown(label) for label in crosstab.labels]
    if crosstab.is_time:
        texts = dates.axis_texts(crosstab.moments, crosstab.dimension.grain or "day", lang)
    else:
        many = len(names) > (_EACH if crosstab.dimension.is_number else _EACH_NAMED)
        step = -(-len(names) // _SOME) if many else 1
        width = _room(-(-len(names) // step))
        texts = [(at, wrapped(crosstab.labels[at], width)) for at in range(0, len(names), step)]
    return _titled(
        {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names,
            "tickmode": "array",
            "tickvals": [names[at] for at, _ in texts],
            "ticktext": [text for _, text in texts],
            "tickangle": 0,
            "range": [-0.5, len(names) - 0.5],
            "fixedrange": True,
            "unifiedhovertitle": {"text": "%{x}"},  # the category in full; the tick's text would be "jan"
        },
        title,
    )


def moments(crosstab: Crosstab, lang: str, title: str | None = None) -> dict[str, Any]:
    """The ``x`` axis of moments at their true distances."""
    places = dates.axis_moments(crosstab.moments[0], crosstab.moments[-1], lang)
    clock = crosstab.dimension.grain in ("hour", "moment")
    format_ = "%d.%m.%Y" if lang == "ru" else "%Y-%m-%d"
    return _titled(
        {
            "type": "date",
            "tickmode": "array",
            "tickvals": [moment.isoformat() for moment, _ in places],
            "ticktext": [text for _, text in places],
            "tickangle": 0,
            "hoverformat": f"{format_} %H:%M" if clock else format_,
            "range": [crosstab.moments[0].isoformat(), crosstab.moments[-1].isoformat()],
            "fixedrange": True,
        },
        title,
    )


def sideways(crosstab: Crosstab, title: str | None = None) -> dict[str, Any]:
    """The ``y`` axis of horizontal bars: the first category on top."""
    return sideways_of(crosstab.labels, title)


def sideways_of(labels: Sequence[str], title: str | None = None) -> dict[str, Any]:
    """The ``y`` axis of these labels, which are distinct and not escaped: the first on top."""
    names = [shown(label) for label in labels]
    return _titled(
        {
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names,
            "tickmode": "array",
            "tickvals": names,
            "ticktext": [side_label(label, len(labels)) for label in labels],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "ticklabelstandoff": 4,
            "fixedrange": True,
        },
        title,
    )


def side_label(text: str, count: int) -> str:
    """A label on the left of one of ``count`` marks: on two lines where they are few, else on one."""
    return wrapped(text, _SIDE_LABEL) if count <= _FEW else escaped(clean(text, _SIDE_LABEL))


def side_height(labels: Sequence[str], marks: int = 1) -> int:
    """Pixels that marks one below the other need, ``marks`` of them at each label."""
    tall = len(labels) <= _FEW and any(len(label) > _SIDE_LABEL for label in labels)
    return len(labels) * max(36 if tall else 24, 14 * marks + 8) + 56


def text_width(texts: Iterable[str]) -> int:
    """Pixels of the longest of the texts, about."""
    return int(max(map(len, texts), default=0) * _CHARACTER)


def texts_fit(texts: Sequence[str]) -> bool:
    """Whether texts above marks along x stay apart."""
    return max(map(len, texts), default=0) <= _room(len(texts)) * _NARROW


def legend_height(names: Sequence[str]) -> int:
    """Pixels of a legend above the plot: its entries stand in columns as wide as the longest."""
    columns = max(1, _WIDTH // (text_width(names) + 46))
    return 20 * -(-len(names) // columns) if len(names) > 1 else 0


def wrapped_label(text: str, count: int) -> str:
    """A label under one of ``count`` marks, on two lines."""
    return wrapped(text, _room(count))


def fits_across(labels: Sequence[str]) -> bool:
    """Whether labels can stand under bars on two lines without breaking words."""
    width = _room(len(labels))
    longest = max((len(word) for label in labels for word in label.split()), default=0)
    return longest <= width and max((len(label) for label in labels), default=0) <= 2 * width


def _room(count: int) -> int:
    return int(_WIDTH * _CROWDED / max(count, 1) / _CHARACTER)


def values(axis: Ticks, title: str | None = None) -> dict[str, Any]:
    """An axis of numbers."""
    return _titled(
        {
            "type": "linear",
            "tickmode": "array",
            "tickvals": list(axis.values),
            "ticktext": [escaped(text) for text in axis.texts],
            "range": list(axis.range),
            "fixedrange": True,
        },
        title,
    )


def _titled(axis: dict[str, Any], title: str | None) -> dict[str, Any]:
    return {**axis, "title": {"text": shown(title, 60)}} if title and title.strip() else axis


def hover(variable: str, unit: Unit, values: Iterable[float | None]) -> str:
    """Plotly's template of a number in full, with its unit: ``%{y:,.2f} ₽``."""
    digits = numbers.decimals(values, 1 if unit.kind == "percent" else 2)
    return f"{escaped(unit.prefix)}%{{{variable}:,.{digits}f}}{escaped(unit.suffix)}"


def extent(values: Iterable[float | None]) -> tuple[float, float]:
    """The least and the largest value; (0, 0) when there is none."""
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else (0.0, 0.0)
