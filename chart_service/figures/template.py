"""The figure template: Plotly's own trace types and keys from a closed list, with column names where Plotly has data.

Its JSON schema is what the language model must answer with, so every key is required and may be null where it is
optional, no object is open, and nesting stays shallow.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Format = Literal[
    "indicator",
    "gauge",
    "bullet",
    "bar",
    "horizontal_bar",
    "grouped_bar",
    "stacked_bar",
    "percent_bar",
    "line",
    "multi_line",
    "area",
    "stacked_area",
    "combo",
    "pie",
    "donut",
    "funnel",
    "waterfall",
    "sankey",
    "treemap",
    "sunburst",
    "heatmap",
    "calendar",
    "cohort",
    "histogram",
    "box",
    "scatter",
    "bubble",
    "table",
    "pivot",
]
FORMATS: tuple[Format, ...] = get_args(Format)

TraceType = Literal[
    "indicator",
    "bar",
    "scatter",
    "pie",
    "funnel",
    "waterfall",
    "sankey",
    "treemap",
    "sunburst",
    "heatmap",
    "histogram",
    "box",
    "table",
]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trace(_Closed):
    """One trace. Every value named after a Plotly data array is the name of a column of the result."""

    type: TraceType
    name: str | None = Field(default=None, max_length=200)
    x: str | None = None
    y: str | None = None
    z: str | None = None
    labels: str | None = None
    values: str | None = None
    path: list[str] | None = Field(default=None, max_length=6)
    source: str | None = None
    target: str | None = None
    text: str | None = None
    size: str | None = None
    reference: str | None = None
    series: str | None = None
    orientation: Literal["v", "h"] | None = None
    mode: Literal["lines", "markers", "lines+markers"] | None = None
    yaxis: Literal["y", "y2"] | None = None


class Layout(_Closed):
    """The few layout keys that a template may set; looks come from the theme."""

    xaxis_title: str | None = Field(default=None, max_length=200)
    yaxis_title: str | None = Field(default=None, max_length=200)
    yaxis2_title: str | None = Field(default=None, max_length=200)
    value_format: Literal["number", "money", "percent", "days"] | None = None
    currency: str | None = Field(default=None, max_length=63)


class FigureTemplate(_Closed):
    """How rows become a figure. ``layout.currency`` is a column, or a currency code when all rows share it."""

    format: Format
    traces: list[Trace] = Field(min_length=1, max_length=8)
    layout: Layout = Layout()
