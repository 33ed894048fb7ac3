"""What a dashboard can be filtered by: period, pipeline, manager, source, outcome, and every column worth choosing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from warehouse.meanings import Text
from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc


@dataclass(frozen=True, slots=True)
class StandardFilter:
    """A filter that every dashboard offers whose charts read one of ``views``. ``labels``: of its values, where the
    views have none beside the column."""

    column: str
    title: Text
    views: tuple[str, ...]
    labels: Mapping[str, Text] | None = None


STANDARD: tuple[StandardFilter, ...] = (
    StandardFilter("category_id", Text("Воронка", "Pipeline"), ("deals", "deal_stage_history")),
    StandardFilter("assigned_by_id", Text("Менеджер", "Manager"), ("deals", "leads", "companies", "contacts")),
    StandardFilter("source_id", Text("Источник", "Source"), ("deals", "leads", "contacts")),
    StandardFilter(
        "stage_semantic_id",
        Text("Исход сделки", "Deal outcome"),
        ("deals",),
        {"P": Text("в работе", "in progress"), "S": Text("выиграна", "won"), "F": Text("проиграна", "lost")},
    ),
    StandardFilter(
        "status_semantic_id",
        Text("Исход лида", "Lead outcome"),
        ("leads",),
        {
            "P": Text("в работе", "in progress"),
            "S": Text("сконвертирован", "converted"),
            "F": Text("некачественный", "junk"),
        },
    ),
)

_DATES: Mapping[str, Text] = {
    "date_create": Text("Создано", "Created"),
    "closed_at": Text("Закрыто", "Closed"),
    "closedate": Text("Ожидаемое закрытие", "Expected close"),
    "date_modify": Text("Изменено", "Changed"),
    "last_activity_time": Text("Последняя активность", "Last activity"),
}
_RECORDS = ("deals", "leads", "companies", "contacts")
_PLAIN = frozenset({"title", "comments", "additional_info", "source_description", "status_description"})
"""Free texts of standard fields: each row has its own."""


def standard_filters(catalog: Catalog, views: Collection[str]) -> list[tuple[StandardFilter, list[str]]]:
    """The standard filters that say something about these views, and the views whose values they have."""
    found = []
    for one in STANDARD:
        having = [view for view in one.views if view in views and _has(catalog, view, one.column)]
        if having:
            found.append((one, having))
    return found


def date_columns(catalog: Catalog, views: Collection[str]) -> list[tuple[str, Text]]:
    """The dates that a period can be about."""
    records = [view for view in _RECORDS if view in views]
    return [(name, title) for name, title in _DATES.items() if any(_has(catalog, view, name) for view in records)]


def free_columns(catalog: Catalog, views: Collection[str]) -> list[tuple[TableDoc, ColumnDoc]]:
    """Every other column whose values a person may choose from: those with labels, texts, and yes or no."""
    standard = {one.column for one in STANDARD}
    tables = [table for name in _RECORDS if name in views and (table := catalog.table(name)) is not None]
    return [
        (table, column)
        for table in tables
        for column in table.columns
        if column.name not in standard | _PLAIN and column.name != table.key and _may_be_chosen(table, column)
    ]


def _may_be_chosen(table: TableDoc, column: ColumnDoc) -> bool:
    if column.kind not in ("field", "derived") or column.vanished:
        return False
    if column.type in ("boolean", "text", "text[]"):
        return True
    return any(other.kind == "label" and other.labels == column.name for other in table.columns)


def _has(catalog: Catalog, view: str, column: str) -> bool:
    table = catalog.table(view)
    return table is not None and table.column(column) is not None
