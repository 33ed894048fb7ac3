"""What a filter may choose from: the values that a column really has, with their labels."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.meanings import Text
from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc
from webhook_api.errors import ApiError

OPTIONS = 200
_KINDS = {
    "bigint": "number",
    "integer": "number",
    "numeric": "number",
    "text": "text",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "datetime",
}


@dataclass(frozen=True, slots=True)
class OptionColumn:
    """A column that filters may use; ``label`` is the column beside it that has its labels; ``many``: arrays."""

    view: str
    column: ColumnDoc
    label: ColumnDoc | None
    many: bool
    kind: str

    @property
    def title(self) -> Text:
        """The portal's own title, else what the column means."""
        own = self.column.title
        return Text(own, own) if own else self.column.meaning


def option_column(catalog: Catalog, name: str) -> OptionColumn:
    """The column ``view.column``. Raises ``ApiError`` 404 for what is not in the catalogue, 422 for JSON."""
    view, _, column_name = name.removeprefix("crm.").partition(".")
    table = catalog.table(view)
    column = table.column(column_name) if table is not None else None
    if table is None or column is None:
        raise ApiError(404, "no_such_column", "There is no such column. Name it like deals.assigned_by_id.")
    many = column.type.endswith("[]")
    kind = _KINDS.get(column.type.removesuffix("[]"))
    if kind is None:
        raise ApiError(
            422, "no_options", f"{view}.{column_name} holds {column.type}, which filters cannot choose from."
        )
    return OptionColumn(view, column, _label(table, column, many=many), many, kind)


def _label(table: TableDoc, column: ColumnDoc, *, many: bool) -> ColumnDoc | None:
    return next(
        (
            other
            for other in table.columns
            if other.kind == "label" and other.labels == column.name and other.type == ("text[]" if many else "text")
        ),
        None,
    )


def options_sql(found: OptionColumn, search: str) -> str:
    """The statement for the values, labels and numbers of rows, those of most rows first. It passes the guard, too."""
    value = _quoted(found.column.name)
    label = _quoted(found.label.name) if found.label else value
    source = f"crm.{found.view} t"
    own, said = f"t.{value}", f"t.{label}"
    if found.many:
        own, said = "u.value", "u.label"
        source += f" CROSS JOIN LATERAL unnest(t.{value}, t.{label}) AS u(value, label)"
    conditions = [f"{own} IS NOT NULL"]
    if search:
        pattern = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("'", "''")
        conditions.append(f"({said})::text ILIKE '%{pattern}%'")
    where = " AND ".join(conditions)
    return (
        f"SELECT {own} AS value, max(({said})::text) AS label, count(*) AS rows FROM {source} WHERE {where}"  # noqa: S608
        " GROUP BY 1 ORDER BY 3 DESC, 2, 1"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
