"""What a chart format is: the data it needs, what it falls back to, and the function that draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chart_service.figures.chart import Chart
from chart_service.figures.panel import Panel
from chart_service.figures.shape import Shape
from warehouse.meanings import Text


class Unfit(Exception):
    """Raised by a builder that finds the rows unfit for its format: why, and the format to draw instead."""

    def __init__(self, reason: Text, otherwise: str) -> None:
        super().__init__(reason.en)
        self.reason, self.otherwise = reason, otherwise


@dataclass(frozen=True, slots=True)
class Need:
    """A rule on the bound rows. Where it is not met, ``otherwise`` is drawn, and ``reason`` said."""

    met: Callable[[Chart], bool]
    reason: Text
    otherwise: str


@dataclass(frozen=True, slots=True)
class Wants:
    """How many columns of each kind a format shows: least and most. ``time``: the first dimension is of dates.

    ``numeric_x``: its ``x`` is a measure. ``one_row``: a single row is worth this format. ``size`` and ``reference``:
    it shows a size of marks, a value to compare with.
    """

    dimensions: tuple[int, int] = (1, 1)
    measures: tuple[int, int] = (1, 1)
    time: bool = False
    numeric_x: bool = False
    one_row: bool = False
    size: bool = False
    reference: bool = False


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """A chart format. ``data`` says in words what rows it is for; ``traces`` writes a shape as a template's traces.

    ``wider`` is drawn where the template has more dimensions or measures than this one shows, ``narrower`` where it
    has fewer. ``sums``: its marks are parts of a whole, so they must share a currency. ``panels``: it may be drawn once
    for each currency.
    """

    name: str
    title: Text
    data: Text
    wants: Wants
    draw: Callable[[Chart], Panel]
    traces: Callable[[Shape], list[dict[str, object]]]
    needs: tuple[Need, ...] = ()
    wider: str | None = None
    narrower: str = "table"
    sums: bool = False
    panels: bool = True
    order: int = 100
