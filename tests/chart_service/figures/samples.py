"""A template and rows for each chart format, in both languages, as the service would get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import sin
from typing import Any

from chart_service.figures.template import FigureTemplate
from chart_service.rows import Column, ColumnKind, Rows


@dataclass(frozen=True)
class Sample:
    """A chart of the gallery. ``marks``: a CSS selector of what must have been drawn."""

    name: str
    template: FigureTemplate
    rows: Rows
    marks: str


def rows(columns: str, *values: tuple[Any, ...]) -> Rows:
    """Rows of columns written ``month:date sum_won:number``."""
    parsed = []
    for column in columns.split():
        name, _, kind = column.partition(":")
        parsed.append(Column(name, _KINDS[kind]))
    return Rows(tuple(parsed), list(values))


_KINDS: dict[str, ColumnKind] = {
    kind: kind for kind in ("number", "text", "date", "datetime", "boolean", "json", "array")
}


def template(format: str, *traces: dict[str, Any], **layout: Any) -> FigureTemplate:
    """A template as a model would answer with it."""
    return FigureTemplate.model_validate({"format": format, "traces": list(traces), "layout": layout})


_WORDS = {
    "ru": {
        "sources": ["Сайт", "Звонок", "Рекомендация", "Выставка", "Партнёр"],
        "long": [
            "Звонок с сайта по рекламной кампании «Весна»",
            "Рекомендация действующего клиента",
            "Холодный обзвон по купленной базе",
            "Повторное обращение",
            "Отраслевая выставка в Екатеринбурге",
        ],
        "managers": ["Анна Смирнова", "Пётр Кузнецов", "Ольга Ли", "Игорь Ветров"],
        "pipelines": ["Продажи", "Опт", "Сервис"],
        "stages": ["Новая", "Подготовка", "Счёт", "В работе", "Финальный счёт", "Выиграна"],
        "industries": [
            "IT",
            "Финансы",
            "Торговля",
            "Производство",
            "Образование",
            "Медицина",
            "Логистика",
            "Связь",
            "Туризм",
        ],
        "steps": ["План", "Новые", "Рост", "Отток", "Скидки", "Возвраты"],
        "results": ["Выиграна", "Проиграна", "В работе"],
    },
    "en": {
        "sources": ["Website", "Call", "Referral", "Trade show", "Partner"],
        "long": [
            "Website call from the campaign “Spring sale”",
            "Referral by an existing client",
            "Cold calls from a purchased list",
            "Repeated enquiry",
            "Industry trade show in Yekaterinburg",
        ],
        "managers": ["Anna Smirnova", "Peter Kuznetsov", "Olga Li", "Igor Vetrov"],
        "pipelines": ["Sales", "Wholesale", "Service"],
        "stages": ["New", "Preparation", "Invoice", "In progress", "Final invoice", "Won"],
        "industries": [
            "IT",
            "Finance",
            "Retail",
            "Manufacturing",
            "Education",
            "Health",
            "Logistics",
            "Telecom",
            "Travel",
        ],
        "steps": ["Plan", "New", "Growth", "Churn", "Discounts", "Refunds"],
        "results": ["Won", "Lost", "In progress"],
    },
}


def _months(count: int) -> list[date]:
    return [date(2025 + (6 + at) // 12, (6 + at) % 12 + 1, 1) for at in range(count)]


def _wave(at: int, seed: int = 0) -> float:
    return 1 + 0.45 * sin(at * 1.1 + seed) + 0.2 * sin(at * 2.3 + seed * 2)


def samples(lang: str) -> list[Sample]:
    """One chart for each format and some that are hard to draw, the gallery's order."""
    words = _WORDS[lang]
    money = {"value_format": "money", "currency": "RUB"}
    months = _months(12)
    by_month = rows(
        "month:date won_amount:number", *((m, Decimal(round(3_200_000 * _wave(i)))) for i, m in enumerate(months))
    )
    counts = rows(
        "month:date leads_count:number deals_count:number",
        *((m, round(110 * _wave(i)), round(70 * _wave(i, 2))) for i, m in enumerate(months)),
    )
    split = rows(
        "month:date pipeline_name:text won_amount:number",
        *(
            (m, name, Decimal(round(1_400_000 * _wave(i, k) / (k + 1))))
            for i, m in enumerate(months)
            for k, name in enumerate(words["pipelines"])
        ),
    )
    by_source = rows(
        "source_name:text deals_count:number", *((n, round(340 / (i + 1.4))) for i, n in enumerate(words["sources"]))
    )
    by_long = rows(
        "source_name:text won_amount:number", *((n, Decimal(8_400_000 // (i + 1))) for i, n in enumerate(words["long"]))
    )
    stages = rows(
        "stage_name:text reached_count:number", *zip(words["stages"], (1243, 980, 720, 510, 388, 297), strict=True)
    )
    return [
        Sample(
            "indicator",
            template(
                "indicator",
                {"type": "indicator", "values": "won_amount", "reference": "prev_amount", "name": ""},
                **money,
            ),
            rows("won_amount:number prev_amount:number", (Decimal("79412345.50"), Decimal("70400000"))),
            ".indicatorlayer .numbers text",
        ),
        Sample(
            "gauge",
            template("gauge", {"type": "indicator", "values": "conversion"}, value_format="fraction"),
            rows("conversion:number", (0.606,)),
            ".indicatorlayer .angular path",
        ),
        Sample(
            "bullet",
            template(
                "bullet",
                {"type": "indicator", "labels": "manager_name", "values": "won_amount", "reference": "plan_amount"},
                **money,
            ),
            rows(
                "manager_name:text won_amount:number plan_amount:number",
                *((n, 4_200_000 - 700_000 * i, 3_500_000) for i, n in enumerate(words["managers"])),
            ),
            ".barlayer .point path",
        ),
        Sample(
            "bar",
            template("bar", {"type": "bar", "x": "source_name", "y": "deals_count"}),
            by_source,
            ".barlayer .point path",
        ),
        Sample(
            "horizontal_bar",
            template(
                "horizontal_bar", {"type": "bar", "x": "won_amount", "y": "source_name", "orientation": "h"}, **money
            ),
            by_long,
            ".barlayer .point path",
        ),
        Sample(
            "grouped_bar",
            template(
                "grouped_bar",
                {"type": "bar", "x": "month", "y": "leads_count", "name": {"ru": "Лиды", "en": "Leads"}[lang]},
                {"type": "bar", "x": "month", "y": "deals_count", "name": {"ru": "Сделки", "en": "Deals"}[lang]},
            ),
            counts,
            ".barlayer .point path",
        ),
        Sample(
            "stacked_bar",
            template(
                "stacked_bar", {"type": "bar", "x": "month", "y": "won_amount", "series": "pipeline_name"}, **money
            ),
            split,
            ".barlayer .point path",
        ),
        Sample(
            "percent_bar",
            template(
                "percent_bar", {"type": "bar", "x": "month", "y": "won_amount", "series": "pipeline_name"}, **money
            ),
            split,
            ".barlayer .point path",
        ),
        Sample(
            "line",
            template("line", {"type": "scatter", "x": "month", "y": "won_amount"}, **money),
            by_month,
            ".scatterlayer .js-line",
        ),
        Sample(
            "multi_line",
            template(
                "multi_line", {"type": "scatter", "x": "month", "y": "won_amount", "series": "pipeline_name"}, **money
            ),
            split,
            ".scatterlayer .js-line",
        ),
        Sample(
            "area",
            template("area", {"type": "scatter", "x": "month", "y": "won_amount"}, **money),
            by_month,
            ".scatterlayer .js-fill",
        ),
        Sample(
            "stacked_area",
            template(
                "stacked_area", {"type": "scatter", "x": "month", "y": "won_amount", "series": "pipeline_name"}, **money
            ),
            split,
            ".scatterlayer .js-fill",
        ),
        Sample(
            "combo",
            template(
                "combo",
                {
                    "type": "bar",
                    "x": "month",
                    "y": "won_amount",
                    "name": {"ru": "Выручка", "en": "Revenue"}[lang],
                    "value_format": "money",
                },
                {
                    "type": "scatter",
                    "x": "month",
                    "y": "conversion",
                    "name": {"ru": "Конверсия", "en": "Conversion"}[lang],
                    "yaxis": "y2",
                    "value_format": "percent",
                },
                currency="RUB",
            ),
            rows(
                "month:date won_amount:number conversion:number",
                *((m, round(3_200_000 * _wave(i)), round(24 * _wave(i, 3), 1)) for i, m in enumerate(months)),
            ),
            ".barlayer .point path",
        ),
        Sample(
            "pie",
            template("pie", {"type": "pie", "labels": "source_name", "values": "deals_count"}),
            by_source,
            ".pielayer .slice",
        ),
        Sample(
            "donut",
            template("donut", {"type": "pie", "labels": "source_name", "values": "deals_count"}),
            by_source,
            ".pielayer .slice",
        ),
        Sample(
            "funnel",
            template("funnel", {"type": "funnel", "x": "reached_count", "y": "stage_name"}),
            stages,
            ".funnellayer .point path",
        ),
        Sample(
            "waterfall",
            template("waterfall", {"type": "waterfall", "x": "step", "y": "change_amount"}, **money),
            rows(
                "step:text change_amount:number",
                *zip(words["steps"], (5_200_000, 1_400_000, 820_000, -960_000, -410_000, -270_000), strict=True),
            ),
            ".waterfalllayer .point path",
        ),
        Sample(
            "sankey",
            template(
                "sankey", {"type": "sankey", "source": "source_name", "target": "result_name", "values": "deals_count"}
            ),
            rows(
                "source_name:text result_name:text deals_count:number",
                *(
                    (s, r, round(90 / (i + 1) / (k + 1)) + 3)
                    for i, s in enumerate(words["sources"])
                    for k, r in enumerate(words["results"])
                ),
            ),
            ".sankey-link",
        ),
        Sample(
            "treemap",
            template("treemap", {"type": "treemap", "path": ["industry_label"], "values": "companies_count"}),
            rows(
                "industry_label:text companies_count:number",
                *((n, 44 - 4 * i) for i, n in enumerate(words["industries"])),
            ),
            ".treemaplayer .slice",
        ),
        Sample(
            "treemap_nested",
            template(
                "treemap",
                {"type": "treemap", "path": ["pipeline_name", "source_name"], "values": "won_amount"},
                **money,
            ),
            rows(
                "pipeline_name:text source_name:text won_amount:number",
                *(
                    (p, s, round(4_000_000 / (i + 1) / (k + 1)))
                    for i, p in enumerate(words["pipelines"])
                    for k, s in enumerate(words["sources"])
                ),
            ),
            ".treemaplayer .slice",
        ),
        Sample(
            "sunburst",
            template(
                "sunburst", {"type": "sunburst", "path": ["pipeline_name", "result_name"], "values": "deals_count"}
            ),
            rows(
                "pipeline_name:text result_name:text deals_count:number",
                *(
                    (p, s, round(300 / (i + 1) / (k + 1)))
                    for i, p in enumerate(words["pipelines"])
                    for k, s in enumerate(words["results"])
                ),
            ),
            ".sunburstlayer .slice",
        ),
        Sample(
            "heatmap",
            template("heatmap", {"type": "heatmap", "x": "hour", "y": "weekday", "z": "leads_count"}),
            rows(
                "hour:number weekday:text leads_count:number",
                *(
                    (h, d, round(14 * _wave(h, k) + (8 if 9 <= h <= 18 else 0)))
                    for k, d in enumerate(
                        ["Вт", "Пн", "Ср", "Чт", "Пт", "Сб", "Вс"]
                        if lang == "ru"
                        else ["Tue", "Mon", "Wed", "Thu", "Fri", "Sat", "Sun"]
                    )
                    for h in range(24)
                    if (h + k) % 11
                ),
            ),
            ".heatmaplayer image",
        ),
        Sample(
            "calendar",
            template("calendar", {"type": "heatmap", "x": "day", "z": "deals_count"}),
            rows(
                "day:date deals_count:number",
                *(
                    (
                        date(2025, 7, 3) + timedelta(d),
                        max(0, round(9 * _wave(d))) if (date(2025, 7, 3) + timedelta(d)).weekday() < 5 else 0,
                    )
                    for d in range(330)
                ),
            ),
            ".heatmaplayer image",
        ),
        Sample(
            "cohort",
            template("cohort", {"type": "heatmap", "x": "cohort_month", "y": "month_number", "z": "clients_count"}),
            rows(
                "cohort_month:date month_number:number clients_count:number",
                *(
                    (m, k, round((120 - 6 * i) / (1 + 0.35 * k)))
                    for i, m in enumerate(months[:8])
                    for k in range(8 - i)
                ),
            ),
            ".heatmaplayer image",
        ),
        Sample(
            "histogram",
            template("histogram", {"type": "histogram", "x": "opportunity"}, **money),
            rows("opportunity:number", *((round(abs(90_000 * _wave(i) ** 2 + 1500 * (i % 13))),) for i in range(900))),
            ".barlayer .point path",
        ),
        Sample(
            "box",
            template("box", {"type": "box", "x": "manager_name", "y": "days_to_close"}, value_format="days"),
            rows(
                "manager_name:text days_to_close:number",
                *(
                    (n, round(20 * _wave(i, k) * (1 + k * 0.3)) + (60 if i == 7 else 0))
                    for k, n in enumerate(words["managers"])
                    for i in range(60)
                ),
            ),
            ".boxlayer path.box",
        ),
        Sample(
            "scatter",
            template(
                "scatter",
                {"type": "scatter", "x": "days_to_close", "y": "opportunity", "series": "pipeline_name"},
                **money,
            ),
            rows(
                "days_to_close:number opportunity:number pipeline_name:text",
                *(
                    (round(30 * _wave(i, k), 1), round(60_000 * _wave(i * 2, k) + 900 * i), p)
                    for k, p in enumerate(words["pipelines"])
                    for i in range(60)
                ),
            ),
            ".scatterlayer .point",
        ),
        Sample(
            "bubble",
            template(
                "bubble",
                {
                    "type": "scatter",
                    "x": "leads_count",
                    "y": "conversion",
                    "size": "won_amount",
                    "text": "manager_name",
                },
                value_format="percent",
                currency="RUB",
            ),
            rows(
                "manager_name:text leads_count:number conversion:number won_amount:number",
                *(
                    (
                        f"{n} {j}",
                        round(60 * _wave(i, j)) + 20,
                        round(24 * _wave(i * 3, j), 1),
                        round(900_000 * _wave(i, j + 3)),
                    )
                    for i, n in enumerate(words["managers"])
                    for j in range(4)
                ),
            ),
            ".scatterlayer .point",
        ),
        Sample(
            "table",
            template("table", {"type": "table", "values": "won_amount"}, **money),
            rows("month:date pipeline_name:text won_amount:number", *split_head(split)),
            ".table .cell-text",
        ),
        Sample(
            "pivot",
            template("pivot", {"type": "table", "path": ["pipeline_name", "month"], "values": "won_amount"}, **money),
            Rows(split.columns, [r for r in split.rows if r[0] >= date(2026, 3, 1)]),
            ".table .cell-text",
        ),
        *_hard(lang, words),
    ]


def split_head(split: Rows) -> Sequence[tuple[Any, ...]]:
    """The first rows of a table."""
    return list(split.rows)[:8]


def _hard(lang: str, words: dict[str, list[str]]) -> list[Sample]:
    """Charts that are hard to draw well: currencies, long names, many series, gaps, one row, no rows."""
    months = _months(7)
    two = rows(
        "month:date currency_id:text won_amount:number",
        *(
            (m, c, round(base * _wave(i, k)))
            for i, m in enumerate(months)
            for k, (c, base) in enumerate((("RUB", 3_000_000), ("USD", 40_000)))
        ),
    )
    many = rows(
        "month:date manager_name:text deals_count:number",
        *(
            (m, f"{words['managers'][k % 4]} {k}", round(20 * _wave(i, k)) + k)
            for i, m in enumerate(months)
            for k in range(12)
        ),
    )
    days = [date(2026, 1, 5) + timedelta(d) for d in range(60) if d % 9]
    return [
        Sample(
            "two_currencies",
            template("bar", {"type": "bar", "x": "month", "y": "won_amount"}, value_format="money"),
            two,
            ".barlayer .point path",
        ),
        Sample(
            "two_currency_numbers",
            template("indicator", {"type": "indicator", "values": "won_amount"}, value_format="money"),
            rows("currency_id:text won_amount:number", ("RUB", 8_125_000), ("USD", 94_000)),
            ".indicatorlayer .numbers text",
        ),
        Sample(
            "many_series",
            template("stacked_bar", {"type": "bar", "x": "month", "y": "deals_count", "series": "manager_name"}),
            many,
            ".barlayer .point path",
        ),
        Sample(
            "many_lines",
            template("multi_line", {"type": "scatter", "x": "month", "y": "deals_count", "series": "manager_name"}),
            many,
            ".scatterlayer .js-line",
        ),
        Sample(
            "long_names",
            template(
                "bar", {"type": "bar", "x": "source_name", "y": "avg_check"}, value_format="money", currency="RUB"
            ),
            rows(
                "source_name:text avg_check:number", *((n, 180_000 - 21_000 * i) for i, n in enumerate(words["long"]))
            ),
            ".barlayer .point path",
        ),
        Sample(
            "many_bars",
            template("bar", {"type": "bar", "x": "company_title", "y": "deals_count"}),
            rows(
                "company_title:text deals_count:number",
                *((f"{words['industries'][i % 9]} {i}", 90 - i) for i in range(60)),
            ),
            ".barlayer .point path",
        ),
        Sample(
            "grouped_long",
            template("grouped_bar", {"type": "bar", "x": "source_name", "y": "deals_count", "series": "result_name"}),
            rows(
                "source_name:text result_name:text deals_count:number",
                *(
                    (s, r, 20 + 7 * i + 5 * k)
                    for i, s in enumerate(words["long"])
                    for k, r in enumerate(words["results"])
                ),
            ),
            ".barlayer .point path",
        ),
        Sample(
            "days_with_gaps",
            template("line", {"type": "scatter", "x": "day", "y": "avg_check"}, value_format="money", currency="USD"),
            rows("day:date avg_check:number", *((d, round(900 * _wave(i), 2)) for i, d in enumerate(days))),
            ".scatterlayer .js-line",
        ),
        Sample(
            "negative_bars",
            template("bar", {"type": "bar", "x": "month", "y": "change_amount"}, value_format="money", currency="EUR"),
            rows(
                "month:date change_amount:number", *((m, round(50_000 * (_wave(i) - 1))) for i, m in enumerate(months))
            ),
            ".barlayer .point path",
        ),
        Sample(
            "numbers",
            template(
                "indicator",
                *({"type": "indicator", "values": n} for n in ("deals_count", "won_count", "avg_days", "max_days")),
            ),
            rows("deals_count:number won_count:number avg_days:number max_days:number", (3000, 911, 17.25, 120)),
            ".indicatorlayer .numbers text",
        ),
        Sample(
            "one_row",
            template("bar", {"type": "bar", "x": "manager_name", "y": "deals_count"}),
            rows("manager_name:text deals_count:number", (words["managers"][0], 87_611)),
            ".indicatorlayer .numbers text",
        ),
        Sample(
            "heatmap_numbers",
            template(
                "heatmap",
                {"type": "heatmap", "x": "pipeline_name", "y": "manager_name", "z": "won_amount"},
                value_format="money",
                currency="RUB",
            ),
            rows(
                "pipeline_name:text manager_name:text won_amount:number",
                *(
                    (p, m, round(900_000 * _wave(i, k)))
                    for i, p in enumerate(words["pipelines"])
                    for k, m in enumerate(words["managers"])
                ),
            ),
            ".heatmaplayer image",
        ),
        Sample(
            "waterfall_long",
            template("waterfall", {"type": "waterfall", "x": "source_name", "y": "change_amount"}),
            rows("source_name:text change_amount:number", *((n, 90 - 40 * i) for i, n in enumerate(words["long"]))),
            ".waterfalllayer .point path",
        ),
        Sample(
            "weeks",
            template("stacked_area", {"type": "scatter", "x": "week", "y": "leads_count", "series": "source_name"}),
            rows(
                "week:date source_name:text leads_count:number",
                *(
                    (date(2026, 1, 5) + timedelta(7 * w), s, round(20 * _wave(w, k)))
                    for w in range(20)
                    for k, s in enumerate(words["sources"])
                ),
            ),
            ".scatterlayer .js-fill",
        ),
        Sample(
            "gauge_target",
            template(
                "gauge",
                {"type": "indicator", "values": "won_amount", "reference": "plan_amount"},
                value_format="money",
                currency="RUB",
            ),
            rows("won_amount:number plan_amount:number", (7_940_000, 9_500_000)),
            ".indicatorlayer .angular path",
        ),
        Sample(
            "no_rows",
            template("bar", {"type": "bar", "x": "month", "y": "won_amount"}),
            rows("month:date won_amount:number"),
            ".annotation",
        ),
    ]
