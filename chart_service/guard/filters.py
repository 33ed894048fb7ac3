"""Filters and row rules by rewriting: every reference to a view becomes a sub-select of the rows that may be seen.

CTEs, unions, sub-queries, self-joins and laterals need no thought of their own: they read views, and a view is narrowed
wherever it is read. Row rules come first and are fenced (``OFFSET 0``): a condition of the statement never meets a row
that its viewer may not see, not even to fail on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from pglast import ast

from chart_service.guard import build
from chart_service.guard.checked import Checked, print_query, read_again
from chart_service.guard.clauses import RowRule, check_clause, view_of_rule
from chart_service.guard.conditions import DATE_TYPES, condition, within
from chart_service.guard.filter_forms import ColumnFilter, Filters, Period
from chart_service.guard.refusal import Refused
from chart_service.guard.tree import children, kind
from warehouse.meanings import Text
from warehouse.views import VIEW_SCHEMA

__all__ = ["ColumnFilter", "Filters", "Period", "RowRule", "apply"]

Types = Mapping[str, Mapping[str, str]]
"""PostgreSQL's name of each column's type, by view and column."""

DATES: Mapping[str, str] = {
    **dict.fromkeys(("deals", "leads", "contacts", "companies"), "date_create"),
    **dict.fromkeys(("deal_stage_history", "lead_stage_history"), "created_time"),
}
"""The date that a period is about, unless it names another."""

DICTIONARIES = frozenset({"statuses", "pipelines", "currencies", "field_options", "departments"})
"""Views that hold what codes mean and no business: no filter narrows them, and a row rule only where it can."""

PEOPLE = frozenset({"contacts", "companies", "users"})
"""Views that a chart of deals or leads looks up names in: there, filters are about the deals and leads."""


OWNERS: Mapping[str, str] = {"deal_stage_history": "deals", "lead_stage_history": "leads"}
"""Whose history a view is: what it has no column for is decided by the record that ``owner_id`` names."""


def apply(
    checked: Checked,
    filters: Filters,
    rules: Sequence[RowRule],
    types: Types,
    zone: ZoneInfo | None = None,
) -> Checked:
    """The same statement over the rows that filters and rules leave.

    ``zone``: whose midnight days begin at where the filters do not say; UTC by default. ``unfiltered`` of the result
    names views that a filter could not be applied to, ``notes`` says what row rules hide altogether.

    Raises ``Refused``.
    """
    narrowing = _Narrowing(filters, rules, types, checked.relations, zone)
    query = read_again(checked.sql)
    # Conditions are computed for all views before one is replaced: a bad filter is refused whatever it would touch.
    conditions = {view: narrowing.of(view) for view in sorted(checked.relations)}
    _replace(query, conditions)
    return replace(
        checked,
        sql=print_query(query),
        tree=query,
        notes=(*checked.notes, *narrowing.notes()),
        unfiltered=tuple(sorted(narrowing.unfiltered)),
    )


class _Narrowing:
    """What is left of each view."""

    def __init__(
        self, filters: Filters, rules: Sequence[RowRule], types: Types, views: frozenset[str], zone: ZoneInfo | None
    ) -> None:
        self.filters = filters
        self.types = types
        self.views = views
        self.zone = ZoneInfo(filters.timezone) if filters.timezone else zone or ZoneInfo("UTC")
        self.rules = [(rule, view_of_rule(rule)) for rule in rules]
        self.unfiltered: set[str] = set()
        self.hidden: set[str] = set()
        self._check_names()

    def of(self, view: str) -> tuple[list[ast.Node], list[ast.Node]]:
        """Conditions of the rules and of the filters on a view."""
        return self._of_rules(view), self._of_filters(view)

    def notes(self) -> list[Text]:
        """What a person should know of the rules."""
        return [
            Text(f"Таблица {view} скрыта правилами доступа.", f"The table {view} is hidden by access rules.")
            for view in sorted(self.hidden)
        ]

    def _of_rules(self, view: str) -> list[ast.Node]:
        """A view that lacks a rule's columns shows nothing: what cannot be decided is not seen. Dictionaries stay, and
        a history shows that of the records that may be seen."""
        conditions: list[ast.Node] = []
        for rule, dataset in self.rules:
            if dataset is not None and dataset != view:
                continue
            clause = check_clause(rule.clause, view=dataset)
            if clause.columns <= set(self.types.get(view, ())):
                conditions.append(clause.condition)
            elif dataset is None and clause.columns <= set(self.types.get(OWNERS.get(view, ""), ())):
                conditions.append(_of_owner(view, clause.condition))
            elif dataset is not None or view not in DICTIONARIES:
                conditions.append(build.boolean(False))
                self.hidden.add(view)
        return conditions

    def _of_filters(self, view: str) -> list[ast.Node]:
        conditions: list[ast.Node] = []
        if self.filters.period is not None:
            conditions += self._of_period(self.filters.period, view)
        for chosen in self.filters.columns:
            owner, name = _split(chosen.column)
            pg_type = self.types.get(view, {}).get(name)
            if owner == view or (owner is None and pg_type is not None and self._is_subject(view)):
                conditions.append(condition(chosen, name, str(pg_type), self.zone))
            elif view in OWNERS and owner in (None, OWNERS[view]) and name in self.types.get(OWNERS[view], {}):
                of_owner = condition(chosen, name, self.types[OWNERS[view]][name], self.zone)
                conditions.append(_of_owner(view, of_owner))
            elif (owner is None or owner not in self.views) and self._is_subject(view):
                self.unfiltered.add(view)
        return conditions

    def _of_period(self, period: Period, view: str) -> list[ast.Node]:
        columns = self.types.get(view, {})
        owner, name = _split(period.column) if period.column else (None, "")
        chosen = name if name in columns and owner in (None, view) else DATES.get(view, "")
        if not self._is_subject(view) and owner != view:
            return []
        if columns.get(chosen) not in DATE_TYPES:
            self.unfiltered.add(view)
            return []
        return within(chosen, columns[chosen], period.from_, period.to, self.zone)

    def _is_subject(self, view: str) -> bool:
        """Whether filters are about this view: dictionaries never, people only where nothing else is read."""
        if view in DICTIONARIES:
            return False
        return view not in PEOPLE or not self.views - PEOPLE - DICTIONARIES

    def _check_names(self) -> None:
        """A column that no view has is a mistake; one that this statement's views lack is not."""
        names = [chosen.column for chosen in self.filters.columns]
        if self.filters.period is not None and self.filters.period.column:
            names.append(self.filters.period.column)
        for full in names:
            owner, name = _split(full)
            if not any(name in columns for view, columns in self.types.items() if owner in (None, view)):
                raise Refused("filter_column", name=full)


def _of_owner(history: str, condition: ast.Node) -> ast.Node:
    """The condition on the record that a history is of."""
    owner = ast.RangeVar(schemaname=VIEW_SCHEMA, relname=OWNERS[history], inh=True, relpersistence="p")
    return build.key_in("owner_id", owner, "id", condition)


def _split(name: str) -> tuple[str | None, str]:
    owner, _, column = name.rpartition(".")
    return owner or None, column


def _replace(query: Any, conditions: Mapping[str, tuple[list[ast.Node], list[ast.Node]]]) -> None:
    """Put the sub-selects in place of the views, everywhere in the tree."""
    narrowed = {view for view, (rules, filters) in conditions.items() if rules or filters}
    _shorten_columns(query, narrowed)
    stack: list[Any] = [query]
    while stack:
        node = stack.pop()
        for name in node:
            value = getattr(node, name)
            if isinstance(value, ast.Node):
                if _is_view(value, narrowed):
                    setattr(node, name, _narrow(value, *conditions[value.relname]))  # type: ignore[attr-defined]
                else:
                    stack.append(value)
            elif isinstance(value, tuple) and value:
                setattr(node, name, tuple(_replaced(one, narrowed, conditions, stack) for one in value))


def _replaced(value: Any, narrowed: set[str], conditions: Mapping[str, Any], stack: list[Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(_replaced(one, narrowed, conditions, stack) for one in value)
    if _is_view(value, narrowed):
        return _narrow(value, *conditions[value.relname])
    if isinstance(value, ast.Node):
        stack.append(value)
    return value


def _is_view(node: Any, names: set[str]) -> bool:
    return kind(node) is ast.RangeVar and node.schemaname == VIEW_SCHEMA and node.relname in names


def _narrow(view: Any, rules: list[ast.Node], filters: list[ast.Node]) -> ast.RangeSubselect:
    alias = view.alias or ast.Alias(aliasname=view.relname)
    bare: ast.Node = ast.RangeVar(
        schemaname=VIEW_SCHEMA, relname=view.relname, inh=True, relpersistence=view.relpersistence
    )
    if rules:
        allowed = build.narrowed(bare, build.both(rules), fenced=True)
        if not filters:
            return build.sub_query(allowed, alias)
        bare = build.sub_query(allowed, ast.Alias(aliasname=view.relname))
    return build.sub_query(build.narrowed(bare, build.both(filters)), alias)


def _shorten_columns(query: Any, views: set[str]) -> None:
    """``crm.deals.title`` → ``deals.title``: the sub-select is called deals and is in no schema.

    Refused where another table is called deals too, for then the short name could mean that one.
    """
    nodes: list[Any] = [query]
    for node in nodes:
        nodes.extend(children(node))
        if kind(node) is ast.SelectStmt and node.withClause is not None:
            nodes.extend(node.withClause.ctes)
    long = [node for node in nodes if kind(node) is ast.ColumnRef and len(node.fields) > 2]
    named = {node.fields[1].sval for node in long} & views
    for node in nodes:
        taken = node.aliasname if kind(node) is ast.Alias else ""
        if kind(node) is ast.RangeVar and node.schemaname is None:
            taken = node.relname
        if taken in named:
            raise Refused("column", name=f"{VIEW_SCHEMA}.{taken}")
    for node in long:
        if node.fields[1].sval in views:
            node.fields = node.fields[1:]
