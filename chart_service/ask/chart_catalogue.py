"""The chart formats as the model is told of them: what data each needs and how its template is written."""

from __future__ import annotations

import json
from collections.abc import Iterator

from chart_service.figures.formats import SPECS
from chart_service.figures.shape import MeasureRef, Shape
from chart_service.figures.spec import FormatSpec

_DIMENSIONS = ("first", "second")
_MEASURES = ("value", "value2")
_OF_ONE_ROW = frozenset({"indicator", "gauge"})
_WITH_REFERENCE = _OF_ONE_ROW | {"bullet"}


def chart_catalogue() -> str:
    """One line a format: its name, the rows it is for, and the traces that draw them."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Formats: name | rows | traces (first, second: groups; value: a number; all of them aliases)"
    for spec in SPECS.values():
        traces = [{key: value for key, value in trace.items() if value is not None} for trace in _traces(spec)]
        yield f"{spec.name} | {spec.data.en} | {json.dumps(traces, ensure_ascii=False)}"


def _traces(spec: FormatSpec) -> list[dict[str, object]]:
    """The traces of a shape that shows what the format can: two groups, and two numbers where one is not enough."""
    if spec.name == "table":
        return [{"type": "table"}]
    least, most = spec.wants.dimensions
    groups = 0 if spec.name in _OF_ONE_ROW else max(least, min(most, len(_DIMENSIONS)))
    numbers = max(spec.wants.measures[0], 1)
    reference = "previous or target" if spec.name in _WITH_REFERENCE else None
    combined = spec.name == "combo"
    measures = [
        MeasureRef(name, reference=reference, second=combined and at > 0, line=combined and at > 0)
        for at, name in enumerate(_MEASURES[:numbers])
    ]
    return spec.traces(Shape(_DIMENSIONS[:groups], tuple(measures), size="size" if spec.wants.size else None))
