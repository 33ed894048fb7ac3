"""Which formats rows fit, a template in another format, and a template for rows that came without one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chart_service.figures import currencies, fit, measures
from chart_service.figures.chart import bind, cells
from chart_service.figures.errors import TemplateError
from chart_service.figures.formats import SPECS
from chart_service.figures.shape import MeasureRef, Shape, read
from chart_service.figures.spec import FormatSpec
from chart_service.figures.template import FigureTemplate
from chart_service.figures.trace import Layout, Trace
from chart_service.rows import Rows
from warehouse.meanings import Text

_LOOKED_AT = 500  # rows that fitting looks at
_NO_ROWS = Text("Нет строк.", "There are no rows.")
_CANNOT = Text("Столбцов результата не хватает для этого вида.", "The result has too few columns for this format.")


@dataclass(frozen=True, slots=True)
class FormatChoice:
    """A format that a person may choose. ``reason``: why the rows do not fit it."""

    format: str
    title: Text
    fits: bool
    reason: Text | None = None


def catalogue() -> list[tuple[str, Text, Text]]:
    """Every format: its name, its title, and what rows it is for. What a model is told."""
    return [(spec.name, spec.title, spec.data) for spec in SPECS.values()]


def fitting(rows: Rows, template: FigureTemplate) -> list[FormatChoice]:
    """For every format, whether the rows fit it, with the template's columns in the roles that the format has.

    Raises ``TemplateError`` where the template names columns that the rows do not have.
    """
    some = replace(rows, rows=list(rows.rows[:_LOOKED_AT]))
    shape = _shape(template, some)
    choices = []
    for spec in SPECS.values():
        reason = _reason(some, shape, spec, template.layout) if rows.rows else _NO_ROWS
        if spec.name == "table":
            reason = None
        choices.append(FormatChoice(spec.name, spec.title, reason is None, reason))
    return choices


def _reason(rows: Rows, shape: Shape, spec: FormatSpec, layout: Layout) -> Text | None:
    shape = fit.adapted(shape, rows, spec)
    column, code = currencies.currency_of(layout, rows, shape)
    chart = bind(rows, shape, layout, "en", currency=code)
    unfit = fit.in_parts(chart, spec, column)[1]
    return unfit.reason if unfit else None


def _shape(template: FigureTemplate, rows: Rows) -> Shape:
    return read(template.traces, rows, numeric_x=SPECS[template.format].wants.numeric_x)


def with_format(template: FigureTemplate, rows: Rows, format: str) -> FigureTemplate:
    """The template in another format: its columns in that format's roles, missing ones from the other columns.

    Raises ``TemplateError`` for a format that does not exist, and where the columns do not suffice.
    """
    spec = SPECS.get(format)
    if spec is None:
        raise TemplateError(Text(f"Нет вида графика «{format[:60]}».", f"There is no chart format «{format[:60]}»."))
    if format == template.format:
        _shape(template, rows)
        return template
    return _written(spec, fit.adapted(_shape(template, rows), rows, spec), template.layout)


def _written(spec: FormatSpec, shape: Shape, layout: Layout) -> FigureTemplate:
    wants = spec.wants
    if len(shape.dimensions) < wants.dimensions[0] or len(shape.measures) < wants.measures[0]:
        raise TemplateError(_CANNOT)
    traces = [Trace.model_validate(trace) for trace in spec.traces(shape)]
    return FigureTemplate(format=spec.name, traces=traces[:8], layout=layout)


def suggest(rows: Rows) -> FigureTemplate:
    """A template for rows that came without one, by the kinds of their columns."""
    shape = _guessed(rows)
    format = _suited(rows, shape)
    spec = SPECS[format]
    try:
        return _written(spec, fit.adapted(shape, rows, spec), Layout())
    except TemplateError:
        return _written(SPECS["table"], Shape(), Layout())


def _guessed(rows: Rows) -> Shape:
    """Dates first, then texts of few values; every number that is no id."""
    names = [name for name in rows.names() if not measures.is_currency(name)]
    times = [name for name in names if fit.is_time(rows, name)]
    numeric = [name for name in names if fit.is_numeric(rows, name)]
    others = [name for name in names if name not in times and name not in numeric and not measures.is_identifier(name)]
    return Shape((*times, *others), tuple(MeasureRef(name) for name in numeric))


def _suited(rows: Rows, shape: Shape) -> str:
    count, dimensions, numeric = len(rows.rows), len(shape.dimensions), len(shape.measures)
    if not numeric or count == 0 or dimensions > 2 or numeric > 6:
        return "table"
    if count == 1:
        return "indicator" if numeric <= 4 else "table"
    if dimensions == 0:
        return {1: "histogram", 2: "scatter", 3: "bubble"}.get(numeric, "table")
    several = dimensions > 1 or numeric > 1
    if fit.is_time(rows, shape.dimensions[0]):
        if dimensions == 1 and numeric == 2 and _differ(shape):
            return "combo"
        return "multi_line" if several else "line"
    if dimensions == 2:
        inner = len(set(map(str, cells(rows, shape.dimensions[1]))))
        return "stacked_bar" if inner <= 8 else "heatmap"
    if numeric == 2 and _differ(shape):
        return "combo"
    return "grouped_bar" if several else "bar"


def _differ(shape: Shape) -> bool:
    """Whether two measures are of different kinds: one is money and the other is not, or one does not add up."""
    first, second = shape.measures[:2]
    if measures.is_money(first, Layout()) != measures.is_money(second, Layout()):
        return True
    return (measures.may_be_added(first.column, None) is False) != (measures.may_be_added(second.column, None) is False)
