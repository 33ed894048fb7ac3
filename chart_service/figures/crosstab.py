"""Rows as lines over categories: what bars, lines, pies and tables of two dimensions are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chart_service.figures import dates, measures, order, plain
from chart_service.figures.chart import Chart, Dimension, Key, Measure, only
from chart_service.figures.labels import distinct
from chart_service.figures.numbers import Unit
from chart_service.figures.spec import Unfit
from chart_service.figures.theme import PALETTE, Tone, series_tone
from warehouse.meanings import Text

Value = int | float | None
OTHER = Text("Прочее", "Other")
_DWARFS = 1.5  # times the largest category: what "Other" may be before it hides the others
_LONGEST_RUN = 60  # whole numbers filled in between the least and the largest, as hours and weeks are


@dataclass(slots=True)
class Line:
    """One value for each category, None where there is none. ``raw``: the series' own value, for filtering by it."""

    name: str
    values: list[Value]
    unit: Unit
    measure: Measure
    raw: Any = None
    other: bool = False
    tone: Tone = field(default_factory=lambda: Tone("c1"))

    def known(self) -> list[int | float]:
        """Its values, without gaps."""
        return [value for value in self.values if value is not None]


@dataclass(slots=True)
class Crosstab:
    """Lines over categories. ``labels`` are distinct and not escaped; ``raws`` are the categories' own values.

    ``other``: the last category is "Other".
    """

    dimension: Dimension
    series: Dimension | None
    keys: list[Key]
    labels: list[str]
    raws: list[Any]
    lines: list[Line]
    other: bool = False

    @property
    def moments(self) -> list[datetime]:
        """The categories as moments; only for a dimension of time without unset ones."""
        return [key for key in self.keys if isinstance(key, datetime)]

    @property
    def is_time(self) -> bool:
        """Whether every category is a period."""
        return self.dimension.is_time and all(isinstance(key, datetime) for key in self.keys)

    @property
    def is_regular(self) -> bool:
        """Whether its periods follow each other without holes, so that they may stand at equal steps."""
        grain = self.dimension.grain
        return self.is_time and grain != "moment" and self.moments == dates.sequence(self.moments, grain or "day")

    def known(self) -> list[int | float]:
        """All values, without gaps."""
        return [value for line in self.lines for value in line.known()]


def crosstab(
    chart: Chart,
    *,
    categories: int,
    lines: int = PALETTE,
    fill: bool = True,
    fold: bool = True,
    kept_order: bool = False,
    whole: bool = False,
) -> Crosstab:
    """The chart's measures by its first dimension, split by its second one.

    Periods that have no row are 0 for sums and counts and gaps for all else; with ``fill`` False they are left out.
    What is beyond ``categories`` and ``lines`` is added up as "Other" where it may be added, else, or without ``fold``,
    left out, and noted. ``whole``: the categories are shares, so none is left out. ``kept_order``: categories stand as
    the statement has them, whatever they are.
    Raises ``Unfit`` where several rows fall on one cell and cannot be added up.
    """
    chart = _dated(chart)
    dimension = chart.dimensions[0]
    series = chart.dimensions[1] if len(chart.dimensions) > 1 else None
    drawn = _by_series(chart, dimension, series) if series else _by_measure(chart, dimension)
    totals: dict[Key, float] = {}
    for _, cells, _, _ in drawn:
        for key, value in cells.items():
            totals[key] = totals.get(key, 0) + abs(value or 0)
    keys = dimension.distinct() if kept_order else order.arranged(dimension, totals, chart.rows)
    if fill and not kept_order:
        keys = _filled(keys, dimension)
    drawn = _folded_lines(chart, drawn, lines, series, fold)
    keys, other = _kept(chart, keys, dimension, totals, drawn, categories, fold, whole)
    tones = _tones(drawn)
    built = []
    for (name, cells, measure, raw), tone in zip(drawn, tones, strict=True):
        absent = 0 if measure.adds and dimension.is_time and fill else None
        values: list[Value] = [cells.get(key, absent) for key in keys]
        if other:
            values.append(_sum([cells[key] for key in other if key in cells]))
        built.append(Line(name, values, measure.unit, measure, raw, raw is OTHER, tone))
    labels = [dimension.wording(key, chart.lang) for key in keys]
    raws = _raws(dimension, keys)
    if other:
        keys, labels, raws = [*keys, OTHER.of(chart.lang)], [*labels, OTHER.of(chart.lang)], [*raws, None]
    return Crosstab(dimension, series, keys, distinct(labels), raws, built, bool(other))


def _dated(chart: Chart) -> Chart:
    """The chart without rows that have no date, if its first dimension is of dates."""
    dimension = chart.dimensions[0]
    if not dimension.is_time:
        return chart
    kept = [at for at, key in enumerate(dimension.keys) if isinstance(key, datetime)]
    if len(kept) == len(chart):
        return chart
    left = len(chart) - len(kept)
    chart.note(f"Строк без даты: {left}, они не показаны.", f"{left} rows without a date are not shown.")
    return only(chart, kept)


_Drawn = tuple[str, dict[Key, Value], Measure, Any]


def _by_measure(chart: Chart, dimension: Dimension) -> list[_Drawn]:
    return [
        (measure.title, _cells(chart, dimension.keys, measure, range(len(chart))), measure, None)
        for measure in chart.measures
    ]


def _by_series(chart: Chart, dimension: Dimension, series: Dimension) -> list[_Drawn]:
    measure = chart.measures[0]
    if len(chart.measures) > 1:
        left = ", ".join(f"«{other.title}»" for other in chart.measures[1:])
        chart.note(
            f"Разбивка по «{series.title}» показана только для «{measure.title}»; без неё остались: {left}.",
            f"Split by «{series.title}» for «{measure.title}» only; left out: {left}.",
        )
    at: dict[Key, list[int]] = {}
    for index, key in enumerate(series.keys):
        at.setdefault(key, []).append(index)
    found = {key: _cells(chart, dimension.keys, measure, its) for key, its in at.items()}
    sizes = {key: float(sum(abs(value or 0) for value in cells.values())) for key, cells in found.items()}
    result: list[_Drawn] = []
    for key in order.arranged(series, sizes, chart.rows):
        cells = found[key]
        result.append((series.wording(key, chart.lang), cells, measure, plain.raw(series.cells[at[key][0]])))
    return result


def _cells(chart: Chart, keys: Sequence[Key], measure: Measure, at: Sequence[int] | range) -> dict[Key, Value]:
    cells: dict[Key, Value] = {}
    repeated = False
    for index in at:
        key, value = keys[index], measure.values[index]
        before = cells.get(key)
        if before is None:
            cells[key] = value
        elif value is not None:
            cells[key] = before + value
            repeated = True
    if repeated:
        summed(chart, measure)
    return cells


def summed(chart: Chart, measure: Measure) -> None:
    """Notes that several rows were added up. Raises ``Unfit`` for a measure that cannot be."""
    if measure.adds is False:
        raise Unfit(
            Text(
                f"На одну отметку приходится несколько строк, а «{measure.title}» складывать нельзя: показана таблица.",
                f"Several rows fall on one mark, and «{measure.title}» cannot be added up: shown as a table.",
            ),
            "table",
        )
    chart.note(
        f"Несколько строк с одинаковыми подписями сложены («{measure.title}»).",
        f"Several rows with the same labels were added up («{measure.title}»).",
    )


def _sum(values: Sequence[Value]) -> Value:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _filled(keys: list[Key], dimension: Dimension) -> list[Key]:
    moments = [key for key in keys if isinstance(key, datetime)]
    if moments and dimension.grain:
        return [*dates.sequence(moments, dimension.grain), *(key for key in keys if not isinstance(key, datetime))]
    whole = [key for key in keys if isinstance(key, int)]
    if len(whole) > 1 and len(whole) == len(keys) and not measures.is_identifier(dimension.column):
        first, last = min(whole), max(whole)
        if last - first < _LONGEST_RUN:
            return list(range(first, last + 1))
    return keys


def _folded_lines(chart: Chart, drawn: list[_Drawn], limit: int, series: Dimension | None, fold: bool) -> list[_Drawn]:
    if len(drawn) <= limit:
        return drawn
    sizes = [sum(abs(value) for value in cells.values() if value is not None) for _, cells, _, _ in drawn]
    addable = fold and series is not None and drawn[0][2].adds is not False
    largest = set(sorted(range(len(drawn)), key=lambda at: -sizes[at])[: limit - 1 if addable else limit])
    kept = [line for at, line in enumerate(drawn) if at in largest]
    if not addable:
        chart.note(
            f"Показаны {limit} наибольших рядов из {len(drawn)}.",
            f"The {limit} largest of {len(drawn)} series are shown.",
        )
        return kept
    rest: dict[Key, Value] = {}
    for at, (_, cells, _, _) in enumerate(drawn):
        if at not in largest:
            for key, value in cells.items():
                rest[key] = _sum([rest.get(key), value])
    folded(chart, len(drawn) - len(kept), len(drawn))
    return [*kept, (OTHER.of(chart.lang), rest, drawn[0][2], OTHER)]


def folded(chart: Chart, count: int, total: int) -> None:
    """Notes that ``count`` of ``total`` were folded into "Other"."""
    chart.note(f"В «Прочее» сложены {count} из {total}.", f"{count} of {total} are added up as “Other”.")


def _kept(
    chart: Chart,
    keys: list[Key],
    dimension: Dimension,
    totals: dict[Key, float],
    drawn: list[_Drawn],
    limit: int,
    fold: bool,
    whole: bool,
) -> tuple[list[Key], list[Key]]:
    """The categories that are drawn, and those that are folded into "Other".

    None are folded where that would dwarf all others, unless they are shares of a ``whole``.
    """
    if len(keys) <= limit:
        return keys, []
    if dimension.is_time:
        chart.note(
            f"Показаны последние {limit} периодов из {len(keys)}.",
            f"The last {limit} of {len(keys)} periods are shown.",
        )
        return keys[-limit:], []
    addable = fold and all(measure.adds is not False for _, _, measure, _ in drawn)
    by_size = sorted(keys, key=lambda key: -totals.get(key, 0))
    rest = by_size[limit - 1 :]
    together = sum(totals.get(key, 0) for key in rest)
    if addable and (whole or together <= _DWARFS * totals.get(by_size[0], 0)):
        folded(chart, len(rest), len(keys))
        away = set(rest)
        return [key for key in keys if key not in away], [key for key in keys if key in away]
    away = set(by_size[limit:])
    chart.note(f"Показаны {limit} наибольших из {len(keys)}.", f"The {limit} largest of {len(keys)} are shown.")
    return [key for key in keys if key not in away], []


def _tones(drawn: Sequence[_Drawn]) -> list[Tone]:
    if len(drawn) == 1:
        return [Tone("c1")]
    return [Tone("other") if raw is OTHER else series_tone(number) for number, (_, _, _, raw) in enumerate(drawn)]


def _raws(dimension: Dimension, keys: Sequence[Key]) -> list[Any]:
    first: dict[Key, Any] = {}
    for key, cell in zip(dimension.keys, dimension.cells, strict=True):
        first.setdefault(key, cell)
    return [plain.raw(first[key]) if key in first else _filled_in(key, dimension) for key in keys]


def _filled_in(key: Key, dimension: Dimension) -> Any:
    """The value of a period that no row has, in the form of those that rows have."""
    if isinstance(key, datetime) and dimension.grain not in ("hour", "moment"):
        return key.date().isoformat()
    return plain.raw(key)
