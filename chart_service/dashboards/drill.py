"""The rows behind a mark: the chart's own FROM and WHERE, narrowed to what the mark stands for, before any grouping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pglast import ast, enums

from chart_service.guard import Checked, build
from chart_service.guard.checked import print_query, read_again
from chart_service.guard.functions import AGGREGATES, SETS, WINDOWS
from chart_service.guard.output import output_names
from chart_service.guard.tree import children, function_name, kind, leaves
from warehouse.meanings import Text
from webhook_api.errors import ApiError

Value = str | int | float | bool | None

_TITLES: Mapping[str, Text] = {
    "id": Text("Номер", "Id"),
    "owner_id": Text("Номер", "Id"),
    "title": Text("Название", "Title"),
    "owner_title": Text("Название", "Title"),
    "full_name": Text("Имя", "Name"),
    "pipeline_name": Text("Воронка", "Pipeline"),
    "stage_name": Text("Стадия", "Stage"),
    "status_name": Text("Статус", "Status"),
    "assigned_by_name": Text("Менеджер", "Manager"),
    "source_name": Text("Источник", "Source"),
    "company_title": Text("Компания", "Company"),
    "industry_name": Text("Отрасль", "Industry"),
    "opportunity": Text("Сумма", "Amount"),
    "currency_id": Text("Валюта", "Currency"),
    "date_create": Text("Создано", "Created"),
    "closed_at": Text("Закрыто", "Closed"),
    "created_time": Text("Когда", "When"),
    "days_in_stage": Text("Дней в стадии", "Days in stage"),
}

SHOWN: Mapping[str, tuple[str, ...]] = {
    "deals": (
        *("id", "title", "pipeline_name", "stage_name", "assigned_by_name", "source_name", "opportunity"),
        *("currency_id", "date_create", "closed_at"),
    ),
    "leads": ("id", "title", "status_name", "assigned_by_name", "source_name", "date_create", "closed_at"),
    "deal_stage_history": ("owner_id", "owner_title", "pipeline_name", "stage_name", "created_time", "days_in_stage"),
    "lead_stage_history": ("owner_id", "owner_title", "status_name", "created_time", "days_in_stage"),
    "contacts": ("id", "full_name", "source_name", "assigned_by_name", "date_create"),
    "companies": ("id", "title", "industry_name", "assigned_by_name", "date_create"),
}
"""Columns that are shown of each view's rows. Where a query reads several, the first of them is what is shown."""


@dataclass(frozen=True, slots=True)
class Behind:
    """The statement for the rows, the view that they are of, and titles of its columns by name."""

    sql: str
    view: str
    titles: Mapping[str, Text]


def rows_behind(checked: Checked, where: Mapping[str, Value], columns: Mapping[str, Sequence[str]]) -> Behind:
    """The rows from which a chart's statement computes what stands in these columns of its result.

    ``columns``: those of each view. Raises ``ApiError`` 422 where a chart has no rows behind it, or not by this column.
    """
    query: Any = read_again(checked.sql)
    if query.larg is not None:
        raise no_rows()
    views = {
        item.relname: item.alias.aliasname if item.alias else item.relname
        for top in query.fromClause or ()
        for item in leaves(top)
        if kind(item) is ast.RangeVar and item.schemaname is not None
    }
    view = next((name for name in SHOWN if name in views), None)
    if view is None:
        raise no_rows()
    conditions = [query.whereClause] if query.whereClause is not None else []
    targets = dict(zip(output_names(query), query.targetList, strict=True)) if output_names(query) else {}
    for name, value in where.items():
        target = targets.get(name)
        if target is None or _is_computed(target.val):
            raise ApiError(422, "no_such_mark", "The rows cannot be found by this value.")
        conditions.append(_equals(target.val, value))
    shown = [name for name in SHOWN[view] if name in columns.get(view, ())]
    rows = ast.SelectStmt(
        targetList=tuple(ast.ResTarget(val=build.column(views[view], name)) for name in shown),
        fromClause=query.fromClause,
        whereClause=build.both(conditions) if conditions else None,
        withClause=query.withClause,
        groupDistinct=False,
        limitOption=enums.LimitOption.LIMIT_OPTION_DEFAULT,
        op=enums.SetOperation.SETOP_NONE,
        all=False,
    )
    return Behind(print_query(rows), view, {name: _TITLES[name] for name in shown})


def no_rows() -> ApiError:
    """The chart's statement reads nothing whose rows could be shown."""
    return ApiError(422, "no_rows_behind", "This chart has no single rows that could be shown: its SQL combines them.")


def _equals(expression: Any, value: Value) -> ast.Node:
    if value is None:
        return build.is_null(expression)
    # A text literal takes the type of what it is compared with, whatever that is.
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return build.compare(expression, "=", build.text(text))


def _is_computed(node: Any) -> bool:
    """Whether it is counted over rows, or looks at other rows: then no single row has it."""
    stack = [node]
    while stack:
        one = stack.pop()
        if kind(one) is ast.SubLink or (
            kind(one) is ast.FuncCall and (one.over is not None or function_name(one) in AGGREGATES | WINDOWS | SETS)
        ):
            return True
        stack.extend(children(one))
    return False
