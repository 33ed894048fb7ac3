"""Questions that can be asked of this very portal: made from its schema, stages, sources and own fields, without a
model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warehouse.meanings import Text
from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc

COUNT = 12
_LONGEST_TITLE = 60


@dataclass(frozen=True, slots=True)
class _Standard:
    """A question on standard fields, asked where all of ``needs`` exist."""

    text: Text
    needs: tuple[str, ...]


_STANDARD: Sequence[_Standard] = (
    _Standard(
        Text("Сумма выигранных сделок по месяцам за последний год", "Won amount by month, last 12 months"),
        ("deals.is_won", "deals.closed_at", "deals.opportunity"),
    ),
    _Standard(
        Text("Конверсия сделок по менеджерам за квартал", "Win rate by manager this quarter"),
        ("deals.assigned_by_name", "deals.is_won", "deals.closed_at"),
    ),
    _Standard(
        Text("Какие источники дают лиды, которые конвертируются?", "Which sources bring leads that convert?"),
        ("leads.source_name", "leads.is_won"),
    ),
    _Standard(
        Text("Воронка продаж: сколько сделок дошло до каждой стадии", "Sales funnel: deals that reached each stage"),
        ("deal_stage_history.stage_sort", "deal_stage_history.is_lost"),
    ),
    _Standard(
        Text("Сколько в среднем длится сделка по воронкам?", "How long does a deal take in each pipeline?"),
        ("deals.days_to_close", "deals.pipeline_name"),
    ),
    _Standard(
        Text("Топ-10 клиентов по выручке", "Top 10 clients by revenue"),
        ("deals.company_title", "deals.is_won", "deals.opportunity"),
    ),
    _Standard(
        Text("Какие открытые сделки дольше всего стоят в стадии?", "Which open deals have been stuck the longest?"),
        ("deals.days_in_stage", "deals.is_open"),
    ),
    _Standard(
        Text("Выручка этого месяца в сравнении с прошлым", "Revenue this month compared with the last"),
        ("deals.is_won", "deals.closed_at", "deals.opportunity"),
    ),
    _Standard(
        Text("Новые лиды по неделям и источникам", "New leads by week and source"),
        ("leads.date_create", "leads.source_name"),
    ),
    _Standard(
        Text("Сколько времени сделки проводят в каждой стадии?", "How many days do deals spend in each stage?"),
        ("deal_stage_history.days_in_stage", "deal_stage_history.stage_name"),
    ),
)


def suggestions(catalog: Catalog, lang: str, count: int = COUNT) -> list[str]:
    """Questions in one language, standard ones and those on the portal's own settings by turns."""
    names = {f"{table.name}.{column.name}" for table in catalog.tables for column in table.columns}
    standard = [question.text.of(lang) for question in _STANDARD if names.issuperset(question.needs)]
    own = list(_of_settings(catalog, lang))
    mixed: list[str] = []
    while (standard or own) and len(mixed) < count:
        mixed += [questions.pop(0) for questions in (standard, own) if questions]
    return mixed[:count]


def _of_settings(catalog: Catalog, lang: str) -> Iterator[str]:
    deals = catalog.table("deals")
    if deals is None:
        return
    yield from _of_stages(deals, lang)
    yield from _of_fields(deals, lang)
    sources = _labels(deals, "source_id")
    if len(sources) > 1:
        yield Text(
            f"Сравни источники «{sources[0]}» и «{sources[1]}» по месяцам",
            f"Compare the sources “{sources[0]}” and “{sources[1]}” by month",
        ).of(lang)


def _of_stages(deals: TableDoc, lang: str) -> Iterator[str]:
    stages = deals.column("stage_id")
    pipelines = _labels(deals, "category_id")
    if stages is None:
        return
    middle = [code for code in stages.codes if _plain(code.label)][1:2]
    for code in middle:
        yield Text(
            f"Какие сделки сейчас в стадии «{code.label}»?", f"Which deals are in the stage “{code.label}” now?"
        ).of(lang)
    for pipeline in pipelines[1:2]:
        yield Text(
            f"Открытые сделки воронки «{pipeline}» по стадиям", f"Open deals of the pipeline “{pipeline}” by stage"
        ).of(lang)


def _of_fields(deals: TableDoc, lang: str) -> Iterator[str]:
    """Questions on the portal's own fields: a list, a number, yes or no, by their titles."""
    own = [column for column in deals.columns if column.field.startswith("UF_") and column.kind == "field"]
    for kind, text in (
        ("enumeration", Text("Проигранные и выигранные сделки по полю «{0}»", "Won and lost deals by “{0}”")),
        ("double", Text("Среднее значение «{0}» по менеджерам", "Average “{0}” by manager")),
        ("boolean", Text("Доля сделок с отметкой «{0}» по месяцам", "Share of deals marked “{0}” by month")),
    ):
        titles = [column.title for column in own if column.field_type == kind and _usable(column)]
        for title in titles[:1]:
            yield text.of(lang).format(title)


def _usable(column: ColumnDoc) -> bool:
    return _plain(column.title) and not column.vanished and not column.untitled


def _labels(table: TableDoc, name: str) -> list[str]:
    column = table.column(name)
    return [code.label for code in column.codes if _plain(code.label)] if column else []


def _plain(text: str) -> bool:
    """Whether a text of the portal reads as a title: short and made of words."""
    return bool(re.fullmatch(r"[\w][\w\s.,%№()/+-]*", text)) and len(text) <= _LONGEST_TITLE
