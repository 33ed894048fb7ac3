"""What a template shows, whatever its trace types: dimensions in order, measures, and what goes with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chart_service.figures.errors import unknown_column
from chart_service.figures.trace import Trace, ValueFormat
from chart_service.rows import Rows


@dataclass(frozen=True, slots=True)
class MeasureRef:
    """A column whose numbers are drawn. ``second``: on the second axis, if any. ``line``: drawn as a line.

    ``bare``: the layout's format of values is not meant for it.
    """

    column: str
    name: str | None = None
    value_format: ValueFormat | None = None
    second: bool = False
    line: bool = False
    reference: str | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns by meaning. The first dimension is the category, the last one of two or more the series."""

    dimensions: tuple[str, ...] = ()
    measures: tuple[MeasureRef, ...] = ()
    size: str | None = None
    text: str | None = None

    def used(self) -> set[str]:
        """Every column the shape names."""
        named = {*self.dimensions, *(measure.column for measure in self.measures), self.size, self.text}
        return {name for name in (*named, *(measure.reference for measure in self.measures)) if name}


class _Columns:
    """Finds the columns that a template names among those of the rows: exactly, or else whatever their case."""

    def __init__(self, rows: Rows) -> None:
        self.names = rows.names()
        self.numeric = {column.name for column in rows.columns if column.kind == "number"}
        self._folded: dict[str, list[str]] = {}
        for name in self.names:
            self._folded.setdefault(name.casefold(), []).append(name)

    def find(self, name: str | None) -> str | None:
        if name is None or not name.strip():
            return None
        if name in self.names:
            return name
        alike = self._folded.get(name.strip().casefold(), [])
        if len(alike) == 1:
            return alike[0]
        raise unknown_column(name, self.names)


def read(traces: Iterable[Trace], rows: Rows, *, numeric_x: bool = False) -> Shape:
    """The shape of a template's traces over these rows. ``numeric_x``: ``x`` is a measure, as of a scatter.

    Raises ``TemplateError`` for a column that the rows do not have.
    """
    columns = _Columns(rows)
    dimensions: list[str] = []
    series: list[str] = []
    measures: list[MeasureRef] = []
    size = text = None
    for trace in traces:
        its_dimensions, its_measures = _roles(trace, columns, numeric_x)
        dimensions += [name for name in its_dimensions if name not in dimensions]
        reference = columns.find(trace.reference)
        for name in its_measures:
            ref = MeasureRef(
                name,
                trace.name if len(its_measures) == 1 else None,
                trace.value_format if name == its_measures[-1] else None,
                trace.yaxis == "y2",
                trace.type == "scatter",
                reference,
                numeric_x and name != its_measures[-1],
            )
            if all(known.column != name for known in measures):
                measures.append(ref)
        series += [name for name in (columns.find(trace.series),) if name]
        size = columns.find(trace.size) or size
        text = columns.find(trace.text) or text
    taken = {measure.column for measure in measures}
    dimensions = [name for name in (*dimensions, *series) if name not in taken]
    return Shape(tuple(dict.fromkeys(dimensions)), tuple(measures), size, text)


def _roles(trace: Trace, columns: _Columns, numeric_x: bool) -> tuple[list[str], list[str]]:
    """A trace's dimensions and measures, in order."""
    found = {key: columns.find(getattr(trace, key)) for key in ("x", "y", "z", "labels", "values", "source", "target")}
    dimensions = [name for name in map(columns.find, trace.path or ()) if name]
    dimensions += [name for key in ("labels", "source", "target") if (name := found[key])]
    measures: list[str] = []
    x, y, z = found["x"], found["y"], found["z"]
    if numeric_x:
        measures += [name for name in (x, y) if name]
    elif z or trace.type == "heatmap":
        dimensions += [name for name in (x, y) if name]
    else:
        across, along = (y, x) if trace.orientation == "h" or trace.type == "funnel" else (x, y)
        if trace.type == "histogram" and not (x and y):
            across, along = None, x or y
        if (
            across in columns.numeric
            and (along is None or along not in columns.numeric)
            and (along or found["values"] is None)
        ):
            across, along = along, across
        dimensions += [across] if across else []
        measures += [along] if along else []
    measures += [name for name in (z, found["values"]) if name and name not in measures]
    return dimensions, measures
