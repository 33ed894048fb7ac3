"""The words of the business and how questions about it are asked of the tables, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.meanings import Text
from warehouse.schema_docs.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the business. ``needs``: tables and columns without which it makes no sense (``deals.is_won``)."""

    word: Text
    meaning: Text
    needs: tuple[str, ...]


_TERMS: tuple[Term, ...] = (
    Term(
        Text("Сделка выиграна (успешна, продажа)", "Won deal, sale"),
        Text(
            "`deals.is_won`; дата выигрыша — `deals.closed_at`, не `closedate`",
            "`deals.is_won`; the day it was won is `deals.closed_at`, not `closedate`",
        ),
        ("deals.is_won", "deals.closed_at"),
    ),
    Term(Text("Сделка проиграна (отказ)", "Lost deal"), Text("`deals.is_lost`", "`deals.is_lost`"), ("deals.is_lost",)),
    Term(
        Text("Сделка в работе (открытая)", "Open deal"), Text("`deals.is_open`", "`deals.is_open`"), ("deals.is_open",)
    ),
    Term(
        Text("Конверсия, доля выигранных", "Conversion, win rate"),
        Text(
            "выигранные / (выигранные + проигранные): "
            "`count(*) FILTER (WHERE is_won)::numeric / nullif(count(*) FILTER (WHERE NOT is_open), 0)`",
            "won / (won + lost): "
            "`count(*) FILTER (WHERE is_won)::numeric / nullif(count(*) FILTER (WHERE NOT is_open), 0)`",
        ),
        ("deals.is_won", "deals.is_open"),
    ),
    Term(
        Text("Сумма, выручка, оборот", "Amount, revenue, sales volume"),
        Text(
            "`deals.opportunity` в валюте `deals.currency_id`: группировать по валюте или пересчитать по "
            "`currencies.amount / currencies.amount_cnt`; выручка — только по `is_won`",
            "`deals.opportunity` in the currency `deals.currency_id`: group by currency, or convert by "
            "`currencies.amount / currencies.amount_cnt`; revenue counts `is_won` only",
        ),
        ("deals.opportunity", "deals.currency_id", "currencies.amount"),
    ),
    Term(
        Text("Средний чек", "Average deal size"),
        Text("`avg(opportunity)` по выигранным, в одной валюте", "`avg(opportunity)` of won deals, in one currency"),
        ("deals.opportunity",),
    ),
    Term(
        Text("Воронка, направление", "Pipeline"),
        Text(
            "`deals.category_id`, название — `deals.pipeline_name`", "`deals.category_id`, named `deals.pipeline_name`"
        ),
        ("deals.category_id", "deals.pipeline_name"),
    ),
    Term(
        Text("Стадия, этап", "Stage"),
        Text(
            "`deals.stage_id`, название — `stage_name`, порядок — `stage_sort`; у каждой воронки стадии свои",
            "`deals.stage_id`, named `stage_name`, ordered by `stage_sort`; each pipeline has its own",
        ),
        ("deals.stage_name", "deals.stage_sort"),
    ),
    Term(
        Text(
            "Воронка продаж как график (сколько дошло до стадии)", "Sales funnel as a chart (how many reached a stage)"
        ),
        Text(
            "Нынешние стадии — не воронка. Для каждой сделки взять из `deal_stage_history` самую дальнюю стадию, кроме "
            "проигранных, и считать для каждой стадии сделки, дошедшие до неё или дальше: {funnel}",
            "Present stages are not a funnel. Take each deal's furthest stage from `deal_stage_history`, leave out "
            "lost stages, and count for every stage the deals that reached it or a later one: {funnel}",
        ),
        ("deal_stage_history.stage_sort", "deal_stage_history.is_lost", "statuses.semantics"),
    ),
    Term(
        Text("Клиент", "Client"),
        Text(
            "компания (`deals.company_id`), без компании — контакт (`deals.contact_id`)",
            "the company (`deals.company_id`), without one the contact (`deals.contact_id`)",
        ),
        ("deals.company_id", "deals.contact_id"),
    ),
    Term(
        Text("Менеджер, ответственный, продавец", "Manager, responsible, salesperson"),
        Text("`assigned_by_id`, имя — `assigned_by_name`", "`assigned_by_id`, named `assigned_by_name`"),
        ("deals.assigned_by_id", "deals.assigned_by_name"),
    ),
    Term(
        Text("Отдел менеджера", "Department of a manager"),
        Text(
            "`users.uf_department` — массив: `JOIN departments ON departments.id = ANY(users.uf_department)`",
            "`users.uf_department` is an array: `JOIN departments ON departments.id = ANY(users.uf_department)`",
        ),
        ("users.uf_department", "departments.id"),
    ),
    Term(
        Text("Длительность, цикл сделки", "Sales cycle"),
        Text("`deals.days_to_close`, у закрытых", "`deals.days_to_close`, of closed deals"),
        ("deals.days_to_close",),
    ),
    Term(
        Text("Зависшие сделки", "Stuck deals"),
        Text("`is_open`, по убыванию `days_in_stage`", "`is_open`, by `days_in_stage` descending"),
        ("deals.days_in_stage",),
    ),
    Term(
        Text("Время на стадии", "Time in a stage"),
        Text(
            "`deal_stage_history.days_in_stage` по `stage_name`", "`deal_stage_history.days_in_stage` by `stage_name`"
        ),
        ("deal_stage_history.days_in_stage",),
    ),
    Term(
        Text("Источник", "Source"),
        Text("`source_id`, название — `source_name`", "`source_id`, named `source_name`"),
        ("deals.source_name",),
    ),
    Term(
        Text("Лид сконвертирован", "Converted lead"),
        Text(
            "`leads.is_won`; его сделки — `deals.lead_id = leads.id`",
            "`leads.is_won`; its deals: `deals.lead_id = leads.id`",
        ),
        ("leads.is_won", "deals.lead_id"),
    ),
)

FUNNEL = (
    "WITH reached AS (SELECT owner_id, category_id, max(stage_sort) FILTER (WHERE NOT is_lost) AS furthest"
    " FROM crm.deal_stage_history GROUP BY owner_id, category_id)"
    " SELECT s.name AS stage, count(*) AS deals FROM crm.statuses s"
    " JOIN reached r ON r.category_id = coalesce(s.category_id, 0) AND r.furthest >= s.sort"
    " WHERE s.entity_id = 'DEAL_STAGE' AND s.semantics IS DISTINCT FROM 'F'"
    " GROUP BY s.name, s.sort ORDER BY s.sort"
)
"""The funnel of the default pipeline; of pipeline N with ``DEAL_STAGE_N``. For a period or a manager: join deals."""


def terms(catalog: Catalog) -> list[Term]:
    """The terms that make sense for these tables and columns."""
    names = {f"{table.name}.{column.name}" for table in catalog.tables for column in table.columns}
    return [
        Term(
            term.word,
            Text(term.meaning.ru.format(funnel=f"`{FUNNEL}`"), term.meaning.en.format(funnel=f"`{FUNNEL}`")),
            (),
        )
        for term in _TERMS
        if names.issuperset(term.needs)
    ]
