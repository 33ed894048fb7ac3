"""What a figure template may say of a trace and of the layout: Plotly's own keys from a closed list, flat.

The language model answers with these objects, so no object is open, nesting is shallow, and each value named after a
data array of Plotly is the name of a column of the result.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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

ValueFormat = Literal["number", "money", "percent", "fraction", "days", "duration"]
"""``percent``: 35 means 35 %. ``fraction``: 0.35 means 35 %. ``duration``: seconds."""

ColumnName = Annotated[str, Field(max_length=200)]


class Closed(BaseModel):
    """An object that takes no other keys than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Trace(Closed):
    """One trace. Every value named after a Plotly data array is the name of a column of the result."""

    type: TraceType
    name: str | None = Field(default=None, max_length=200)
    x: ColumnName | None = None
    y: ColumnName | None = None
    z: ColumnName | None = None
    labels: ColumnName | None = None
    values: ColumnName | None = None
    path: list[ColumnName] | None = Field(default=None, max_length=6)
    source: ColumnName | None = None
    target: ColumnName | None = None
    text: ColumnName | None = None
    size: ColumnName | None = None
    reference: ColumnName | None = None
    series: ColumnName | None = None
    orientation: Literal["v", "h"] | None = None
    mode: Literal["lines", "markers", "lines+markers"] | None = None
    yaxis: Literal["y", "y2"] | None = None
    value_format: ValueFormat | None = None


class Layout(Closed):
    """The few layout keys that a template may set; looks come from the theme.

    ``currency`` is a column, or a currency code when all rows share it. ``value_format`` holds for every trace that
    does not name its own.
    """

    xaxis_title: str | None = Field(default=None, max_length=200)
    yaxis_title: str | None = Field(default=None, max_length=200)
    yaxis2_title: str | None = Field(default=None, max_length=200)
    value_format: ValueFormat | None = None
    currency: str | None = Field(default=None, max_length=63)
