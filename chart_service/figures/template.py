"""The figure template: Plotly's own trace types and keys from a closed list, with column names where Plotly has data.

Its JSON schema is what the language model must answer with, so every key is required and may be null where it is
optional, no object is open, and nesting stays shallow.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from chart_service.figures.formats import SPECS
from chart_service.figures.trace import Closed, Layout, Trace, TraceType, ValueFormat

__all__ = ["FORMATS", "FigureTemplate", "Format", "Layout", "Trace", "TraceType", "ValueFormat"]

FORMATS: tuple[str, ...] = tuple(SPECS)


def _known(name: str) -> str:
    if name not in SPECS:
        raise ValueError(f"no such chart format; there are {', '.join(FORMATS)}")
    return name


Format = Annotated[str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(FORMATS)})]
"""The name of a chart format: one of ``FORMATS``."""


class FigureTemplate(Closed):
    """How rows become a figure. ``layout.currency`` is a column, or a currency code when all rows share it."""

    format: Format
    traces: list[Trace] = Field(min_length=1, max_length=8)
    layout: Layout = Layout()
