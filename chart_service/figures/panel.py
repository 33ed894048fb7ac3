"""A panel: the traces and axes that a builder drew, and how panels share one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chart_service.figures.labels import shown
from chart_service.figures.theme import Tone

POINTS = 5000
"""Points of a figure at most."""
_GAP = 0.14


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of marks for the summary in words: a name, and what stands at each label. Not escaped."""

    name: str
    labels: Sequence[str]
    values: Sequence[int | float | None]
    texts: Sequence[str]
    ordered: bool = False
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Cells:
    """A table of texts, not escaped. ``right``: the columns whose texts stand on the right, as numbers do.

    ``totals``: the last row, and the last column, are sums.
    """

    columns: list[str]
    rows: list[list[str]]
    right: list[bool]
    totals: bool = False


@dataclass(frozen=True, slots=True)
class Indicator:
    """A number in texts, not escaped. ``change`` has its sign and unit; ``direction`` is 1, 0 or -1."""

    label: str
    value: str
    change: str | None = None
    direction: int = 0
    before: str | None = None


@dataclass(slots=True)
class Panel:
    """Traces with axes ``x``, ``y`` and ``y2``, or with a domain when ``domain`` is set. ``height``: in pixels.

    ``titled``: it says itself which of several panels it is.
    """

    traces: list[dict[str, Any]]
    xaxis: dict[str, Any] = field(default_factory=dict)
    yaxis: dict[str, Any] = field(default_factory=dict)
    yaxis2: dict[str, Any] | None = None
    layout: dict[str, Any] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    domain: bool = False
    height: int = 240
    title: str | None = None
    titled: bool = False
    table: Cells | None = None
    indicators: list[Indicator] = field(default_factory=list)


def joined(panels: Sequence[Panel]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout of a figure: one panel fills it; several stand one above the other, domains side by side."""
    if len(panels) == 1:
        only = panels[0]
        layout = dict(only.layout)
        if not only.domain:
            layout |= {"xaxis": only.xaxis, "yaxis": only.yaxis}
            if only.yaxis2 is not None:
                layout["yaxis2"] = {**only.yaxis2, "overlaying": "y", "side": "right"}
        return only.traces, layout
    side_by_side = all(panel.domain for panel in panels)
    traces: list[dict[str, Any]] = []
    layout = dict(panels[0].layout)
    layout["annotations"] = list(layout.get("annotations", ()))
    if not panels[0].titled:
        layout["margin"] = {**layout.get("margin", {}), "t": 32 if side_by_side else 24}
    for number, panel in enumerate(panels):
        low, high = _share(number if side_by_side else len(panels) - 1 - number, len(panels))
        span = [low, high - (0 if side_by_side else 0.06)]
        if panel.domain:
            traces += _placed(panel.traces, {"x": span} if side_by_side else {"y": span})
        else:
            traces += _on_axes(panel, number, span, layout)
        if panel.title is None:
            continue
        layout["annotations"].append(
            _heading(panel.title, (low + high) / 2 if side_by_side else None, 1 if side_by_side else high)
        )
    return traces, layout


def _share(number: int, count: int) -> tuple[float, float]:
    size = (1 - _GAP * (count - 1)) / count if count * _GAP < 1 else 1 / count
    low = number * (size + _GAP)
    return round(low, 4), round(min(1.0, low + size), 4)


def _placed(traces: Sequence[dict[str, Any]], domain: dict[str, list[float]]) -> list[dict[str, Any]]:
    """The traces in a part of the figure; those that have a domain of their own keep their share of it."""
    result = []
    for trace in traces:
        own = trace.get("domain", {})
        placed = {}
        for side, (low, high) in domain.items():
            first, last = own.get(side, [0, 1])
            placed[side] = [low + first * (high - low), low + last * (high - low)]
        result.append({**trace, "domain": {**own, **placed}})
    return result


def _on_axes(panel: Panel, number: int, span: list[float], layout: dict[str, Any]) -> list[dict[str, Any]]:
    """The panel's traces on axes of its own, which are put in the layout."""
    at = 2 * number + 1
    names = {"x": _axis("x", at), "y": _axis("y", at), "y2": _axis("y", at + 1)}
    layout[_key(names["x"])] = {**panel.xaxis, "anchor": names["y"]}
    layout[_key(names["y"])] = {**panel.yaxis, "anchor": names["x"], "domain": span}
    if panel.yaxis2 is not None:
        layout[_key(names["y2"])] = {**panel.yaxis2, "anchor": names["x"], "overlaying": names["y"], "side": "right"}
    return [
        {
            **trace,
            "xaxis": names["x"],
            "yaxis": names[trace.get("yaxis", "y")],
            "legendgroup": trace.get("name", ""),
            "showlegend": bool(trace.get("showlegend", True)) and number == 0,
        }
        for trace in panel.traces
    ]


def _axis(letter: str, number: int) -> str:
    return letter if number == 1 else f"{letter}{number}"


def _key(axis: str) -> str:
    return f"{axis[0]}axis{axis[1:]}"


def _heading(text: str, x: float | None, y: float) -> dict[str, Any]:
    return {
        "text": shown(text, 60),
        "xref": "paper",
        "yref": "paper",
        "x": 0 if x is None else x,
        "y": y,
        "xanchor": "left" if x is None else "center",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"color": Tone("muted"), "size": 12},
    }
