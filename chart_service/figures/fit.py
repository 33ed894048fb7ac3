"""Whether rows fit a format, and how columns change their roles between formats."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chart_service.figures import currencies, dates, measures
from chart_service.figures.chart import Chart, cells
from chart_service.figures.shape import MeasureRef, Shape
from chart_service.figures.spec import FormatSpec
from chart_service.rows import Rows
from warehouse.meanings import Text

_ONE_ROW = Text("Строка всего одна: показано число.", "One row: shown as a number.")
_NO_NUMBER = Text("В результате нет числового столбца: показана таблица.", "No numeric column: shown as a table.")
_FEW_MEASURES = Text("Для этого вида не хватает числовых столбцов.", "This format needs more numeric columns.")
_NO_DIMENSION = Text("Для этого вида нужен столбец с категориями.", "This format needs a column of categories.")
_FEW_DIMENSIONS = Text(
    "Для этого вида нужно больше столбцов с категориями.", "This format needs more columns of categories."
)
_NO_TIME = Text("Для этого вида нужен столбец с датами.", "This format needs a column of dates.")
_WIDE = Text(
    "В шаблоне больше столбцов, чем показывает этот вид.", "The template has more columns than this format shows."
)


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why rows do not fit a format, and what is drawn instead. ``quiet``: nobody needs to be told."""

    reason: Text
    otherwise: str
    quiet: bool = False


def misfit(chart: Chart, spec: FormatSpec, *, alone: bool = True) -> Misfit | None:
    """What keeps the chart from being drawn in a format; None when it fits. ``alone``: there are no other panels."""
    wants = spec.wants
    if not any(measure.known() for measure in chart.measures) and wants.measures[0]:
        return Misfit(_NO_NUMBER, "table")
    if len(chart) == 1 and alone and not wants.one_row and chart.measures:
        return Misfit(_ONE_ROW, "indicator")
    if len(chart.measures) < wants.measures[0]:
        return Misfit(_FEW_MEASURES, spec.narrower)
    if len(chart.dimensions) < wants.dimensions[0]:
        return Misfit(_FEW_DIMENSIONS if chart.dimensions else _NO_DIMENSION, spec.narrower)
    if wants.time and not chart.dimensions[0].is_time:
        return Misfit(_NO_TIME, spec.narrower)
    if spec.wider and (len(chart.dimensions) > wants.dimensions[1] or len(chart.measures) > wants.measures[1]):
        return Misfit(_WIDE, spec.wider, quiet=True)
    unmet = next((need for need in spec.needs if not need.met(chart)), None)
    return Misfit(unmet.reason, unmet.otherwise) if unmet else None


def in_parts(chart: Chart, spec: FormatSpec, column: str | None) -> tuple[list[Chart], Misfit | None]:
    """The chart in the parts that a format draws of it, one for each currency that ``column`` names, and what keeps any
    of them from it."""
    if spec.panels:
        parts = currencies.apart(chart, column, sums=spec.sums)
    else:
        parts = [replace(chart, mixed=currencies.several(chart, column))]
    alone = len(parts) == 1 or all(len(part) == 1 for part in parts)
    return parts, next((found for part in parts if (found := misfit(part, spec, alone=alone))), None)


def is_numeric(rows: Rows, column: str) -> bool:
    """Whether a column holds numbers that measure something, rather than name it."""
    at = rows.index(column)
    return at is not None and rows.columns[at].kind == "number" and not measures.is_identifier(column)


def is_time(rows: Rows, column: str) -> bool:
    """Whether a column holds dates, or texts that are dates."""
    at = rows.index(column)
    if at is None:
        return False
    kind = rows.columns[at].kind
    return kind in ("date", "datetime") or (kind == "text" and dates.from_texts(cells(rows, column)) is not None)


def adapted(shape: Shape, rows: Rows, spec: FormatSpec) -> Shape:
    """The shape with as many dimensions and measures as a format shows, filled up from columns that are not in use."""
    wants = spec.wants
    spare = [name for name in rows.names() if name not in shape.used() and not measures.is_currency(name)]
    numeric = [name for name in spare if is_numeric(rows, name)]
    others = [name for name in spare if name not in numeric and not measures.is_identifier(name)]
    dimensions = [name for name in shape.dimensions if not (wants.numeric_x and is_numeric(rows, name))]
    moved = [name for name in shape.dimensions if name not in dimensions]
    if wants.time:
        times = [name for name in (*dimensions, *others) if is_time(rows, name)]
        dimensions = [*times[:1], *(name for name in dimensions if name not in times[:1])]
    missing = wants.dimensions[0] - len(dimensions)
    if missing > 0:
        dimensions += [name for name in others if name not in dimensions][:missing]
    refs = [MeasureRef(name) for name in moved] + list(shape.measures)
    references = [name for name in numeric if measures.is_reference(name)]
    while len(refs) < wants.measures[0] and numeric:
        name = next((name for name in numeric if name not in references), numeric[0])
        numeric.remove(name)
        refs.append(MeasureRef(name))
    if wants.reference and refs and refs[0].reference is None:
        spare_refs = [name for name in references if name in numeric]
        second = [ref.column for ref in refs[1:] if measures.is_reference(ref.column)] or spare_refs
        if second:
            refs = [replace(refs[0], reference=second[0]), *(ref for ref in refs[1:] if ref.column != second[0])]
    size = shape.size
    if wants.size and size is None:
        spare_sizes = [ref.column for ref in refs[wants.measures[1] :]] + numeric
        size = spare_sizes[0] if spare_sizes else None
    return replace(
        shape, dimensions=tuple(dimensions[: wants.dimensions[1]]), measures=tuple(refs[: wants.measures[1]]), size=size
    )
