"""What a person can choose as filters, as JSON, with its limits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

MOST_FILTERS = 50
MOST_VALUES = 1_000
MOST_VALUES_TOGETHER = 2_000
LONGEST_VALUE = 1_000

ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=130, pattern=r'^[^\x00".\s]+(\.[^\x00".\s]+)?$')]
"""``column`` or ``view.column``."""

Value = str | int | float | bool | None

Operation = Literal["in", "not_in", "between", "is_null", "not_null", "contains"]

_COUNTS: dict[str, tuple[int, int]] = {"between": (2, 2), "is_null": (0, 0), "not_null": (0, 0), "contains": (1, 50)}
"""How many values an operation takes, where it is not any number."""


class Period(BaseModel):
    """From the beginning of a day to the beginning of another, in the filters' time zone; either end may be open.

    ``column``: which date is meant, as ``closedate`` or ``deals.closedate``; by default the day a record was made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: date | None = Field(default=None, alias="from")
    to: date | None = Field(default=None, description="Exclusive.")
    column: ColumnName | None = None

    @field_validator("from_", "to")
    @classmethod
    def _sensible(cls, day: date | None) -> date | None:
        if day is not None and not 1900 <= day.year <= 2200:
            raise ValueError("the year must be between 1900 and 2200")
        return day

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("from must be before to, which is exclusive")
        return self


class ColumnFilter(BaseModel):
    """A condition on a column of every view that has it, or of the one view in ``view.column``.

    ``in`` and ``not_in``: null among the values means "empty"; ``not_in`` keeps empty ones unless null is among them.
    ``between``: both ends included, null for an open one; a day as upper end includes the whole day.
    ``contains``: text in any letter case, or an element of a list; any of the values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: ColumnName
    op: Operation
    values: tuple[Value, ...] = Field(default=(), max_length=MOST_VALUES)

    @field_validator("values")
    @classmethod
    def _storable(cls, values: tuple[Value, ...]) -> tuple[Value, ...]:
        for value in values:
            if isinstance(value, str):
                if len(value) > LONGEST_VALUE:
                    raise ValueError(f"a value is longer than {LONGEST_VALUE} characters")
                if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
                    raise ValueError("a value holds a character that PostgreSQL cannot store")
        return values

    @model_validator(mode="after")
    def _counted(self) -> Self:
        low, high = _COUNTS.get(self.op, (0, MOST_VALUES))
        if not low <= len(self.values) <= high:
            wanted = str(low) if low == high else f"{low} to {high}"
            raise ValueError(f"{self.op} takes {wanted} values, not {len(self.values)}")
        return self


class Filters(BaseModel):
    """Filters of a page or chart: a period and conditions on columns, all of which hold.

    ``timezone``: whose midnight a day begins at, as in ``Europe/Moscow``; None leaves it to the installation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    period: Period | None = None
    columns: tuple[ColumnFilter, ...] = Field(default=(), max_length=MOST_FILTERS)
    timezone: str | None = Field(default=None, max_length=64)

    @field_validator("columns")
    @classmethod
    def _not_too_many(cls, columns: tuple[ColumnFilter, ...]) -> tuple[ColumnFilter, ...]:
        if sum(len(chosen.values) for chosen in columns) > MOST_VALUES_TOGETHER:
            raise ValueError(f"the filters have more than {MOST_VALUES_TOGETHER} values together")
        return columns

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"there is no time zone {name!r}") from None
        return name


def day_of(value: Any) -> date | None:
    """The day that a value names without a time of day, None when it names something else."""
    if isinstance(value, str) and len(value) == 10:
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None
