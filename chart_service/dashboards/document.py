"""What a dashboard consists of: tabs, items on a grid of 12 columns, the filters it opens with."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

COLUMNS = 12
"""Columns of the grid. A row is 40 px high."""
MOST_ITEMS, MOST_TABS = 200, 20
LOWEST_ROW, HIGHEST_ITEM = 5_000, 100


def storable(value: Any) -> Any:
    """The value, if PostgreSQL can store it. Raises ``ValueError`` for NUL characters and lone surrogates."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("holds a character that cannot be stored")
    elif isinstance(value, dict):
        for key, item in value.items():
            storable(key)
            storable(item)
    elif isinstance(value, list):
        for item in value:
            storable(item)
    return value


Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(storable)]
Words = Annotated[str, StringConstraints(max_length=4000), AfterValidator(storable)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,79}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tab(_Closed):
    """A tab. Items name it by ``id``."""

    id: Key
    title: Title


class Item(_Closed):
    """One thing on the grid: ``x`` and ``w`` in columns, ``y`` and ``h`` in rows, all from the top left of its tab."""

    id: Key
    tab: Key | None = Field(default=None, description="Null where the dashboard has no tabs.")
    kind: Literal["chart", "heading", "text"]
    chart_id: int | None = Field(default=None, ge=1, le=2**62)
    text: Words | None = None
    x: int = Field(ge=0, lt=COLUMNS)
    y: int = Field(ge=0, le=LOWEST_ROW)
    w: int = Field(ge=1, le=COLUMNS)
    h: int = Field(ge=1, le=HIGHEST_ITEM)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.x + self.w > COLUMNS:
            raise ValueError(f"x + w may be at most {COLUMNS}")
        if (self.kind == "chart") != (self.chart_id is not None):
            raise ValueError("an item of kind chart has a chart_id, others have none")
        if (self.kind == "chart") != (self.text is None):
            raise ValueError("a heading or text has a text, a chart has none")
        return self


class Document(_Closed):
    """All that a person arranges on a dashboard."""

    title: Title
    description: Words = ""
    slug: Slug | None = Field(default=None, description="Its name in addresses; unique.")
    tabs: list[Tab] = Field(default=[], max_length=MOST_TABS)
    items: list[Item] = Field(default=[], max_length=MOST_ITEMS)
    filters: Annotated[dict[str, Any], AfterValidator(storable)] = Field(
        default={}, description="The filters it opens with."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        tabs = [tab.id for tab in self.tabs]
        ids = [item.id for item in self.items]
        if len(set(tabs)) < len(tabs) or len(set(ids)) < len(ids):
            raise ValueError("each tab and each item needs an id of its own")
        for item in self.items:
            if item.tab not in tabs if tabs else item.tab is not None:
                raise ValueError(f"the item {item.id} is on a tab that the dashboard does not have")
        return self

    def chart_ids(self) -> list[int]:
        """The charts on it, each once, in order."""
        return list(dict.fromkeys(item.chart_id for item in self.items if item.chart_id is not None))
