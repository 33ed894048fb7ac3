"""Tables and columns as data, the way the services answer them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from warehouse.schema_docs.catalog import Catalog, ColumnDoc, Origin
from warehouse.schema_docs.statistics import ColumnStatistics, TableStatistics


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


def table_entries(catalog: Catalog, counted: Mapping[str, TableStatistics]) -> list[TableEntry]:
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
