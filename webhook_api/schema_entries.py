"""What the schema's endpoints take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from warehouse.schema_docs.catalog import Catalog, ColumnDoc
from warehouse.schema_docs.statistics import ColumnStatistics, TableStatistics

Origin = Literal["portal", "model", "person"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class CodeEntry(BaseModel):
    """A value that rows hold and its label. ``group``: the pipeline of a stage."""

    code: str
    label: str
    group: str


class ColumnEntry(BaseModel):
    """One column of a view. Counts are those of the last document; never a value of a row."""

    name: str
    type: str
    kind: Literal["field", "label", "derived", "service"]
    title: str = Field(description="The portal's own title; empty where there is none.")
    ru: str
    en: str
    origin: Origin = Field(description="Who wrote the meaning.")
    field: str = Field(description="Code of the portal's field.")
    codes: list[CodeEntry]
    filled: float | None = Field(description="Share of rows with a value, 0 to 1.")
    distinct: int | None
    distinct_estimated: bool
    low: str | None
    high: str | None


class JoinEntry(BaseModel):
    """A column that holds keys of another table."""

    column: str
    table: str
    key: str
    many: bool = Field(description="The column is an array of keys.")


class TableEntry(BaseModel):
    """One view."""

    name: str
    title_ru: str
    title_en: str
    ru: str
    en: str
    origin: Origin
    key: str
    rows: int | None = Field(description="Live rows when they were last counted.")
    synced_at: datetime | None
    joins: list[JoinEntry]
    columns: list[ColumnEntry]


class Tables(BaseModel):
    """The tables as they are now."""

    tables: list[TableEntry]
    created_at: datetime | None = Field(description="When rows were last counted; null before the first document.")


class DescriptionDocument(Tables):
    """The document and the data that it is made from."""

    markdown: str


class HistoryEntry(BaseModel):
    """A state of the schema that was documented."""

    id: int
    schema_hash: str
    created_at: datetime
    refreshed_at: datetime = Field(description="When rows were last counted while the schema stayed the same.")
    run_url: str | None
    changes: list[dict[str, str]] = Field(description="What differs from the state before.")


class History(BaseModel):
    """The newest first."""

    items: list[HistoryEntry]


class Refresh(BaseModel):
    """The run that makes the document anew."""

    status: Literal["started", "already_running"]
    run_id: str
    run_url: str


class Edit(BaseModel):
    """New words. What is left out stays; null takes a person's words back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    ru: Words | None = Field(default=None, examples=["Почему клиент отказался"])
    en: Words | None = Field(default=None, examples=["Why the client declined"])

    @model_validator(mode="after")
    def _something(self) -> Edit:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give ru, en, or both")
        return self


class Edited(BaseModel):
    """The meaning as it now is."""

    table: str
    column: str = Field(description="Empty: the table itself.")
    ru: str
    en: str
    origin: Origin


def table_entries(catalog: Catalog, counted: dict[str, TableStatistics]) -> list[TableEntry]:
    """Tables and columns with their counts, as the API answers them."""
    entries = []
    for table in catalog.tables:
        numbers = counted.get(table.name)
        entries.append(
            TableEntry(
                name=table.name,
                title_ru=table.title.ru,
                title_en=table.title.en,
                ru=table.meaning.ru,
                en=table.meaning.en,
                origin=table.origin,
                key=table.key,
                rows=numbers.rows if numbers else None,
                synced_at=numbers.synced_at if numbers else None,
                joins=[
                    JoinEntry(column=join.column, table=join.table, key=join.key, many=join.many)
                    for join in table.joins
                ],
                columns=[_column(column, numbers) for column in table.columns],
            )
        )
    return entries


def _column(column: ColumnDoc, counted: TableStatistics | None) -> ColumnEntry:
    numbers = (counted.columns.get(column.name) if counted else None) or ColumnStatistics()
    return ColumnEntry(
        name=column.name,
        type=column.type,
        kind=column.kind,
        title=column.title,
        ru=column.meaning.ru,
        en=column.meaning.en,
        origin=column.origin,
        field=column.field,
        codes=[CodeEntry(code=code.code, label=code.label, group=code.group) for code in column.codes],
        filled=numbers.filled,
        distinct=numbers.distinct,
        distinct_estimated=numbers.estimated,
        low=numbers.low,
        high=numbers.high,
    )
