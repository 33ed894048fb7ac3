"""Questions with full answers that the model is shown, on columns that every portal has."""

from __future__ import annotations

import json
from typing import Any

WORKED: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Сколько сделок выиграли по месяцам в этом году?",
        {
            "plan": "View deals, is_won, counted by month of closed_at, this calendar year.",
            "assumptions": ["Месяц — когда сделка закрыта."],
            "answerable": True,
            "sql": 'SELECT date_trunc(\'month\', d.closed_at)::date AS "Месяц", count(*) AS "Сделки" '
            "FROM crm.deals d WHERE d.is_won AND d.closed_at >= date_trunc('year', current_date) "
            "AND d.closed_at < date_trunc('year', current_date) + interval '1 year' GROUP BY 1 ORDER BY 1",
            "title": "Выигранные сделки по месяцам",
            "description": "Число выигранных сделок по месяцу закрытия, текущий год.",
            "figure": {
                "format": "bar",
                "traces": [{"type": "bar", "x": "Месяц", "y": "Сделки"}],
                "layout": {"value_format": "number"},
            },
        },
    ),
    (
        "Won revenue by manager and pipeline",
        {
            "plan": "View deals, is_won, amount converted to the base currency, by manager and pipeline, all time.",
            "assumptions": ["Amounts are converted to the base currency at the current rate.", "All time."],
            "answerable": True,
            "sql": 'SELECT d.assigned_by_name AS "Manager", d.pipeline_name AS "Pipeline", '
            'round(sum(d.opportunity * c.amount / nullif(c.amount_cnt, 0))) AS "Revenue" '
            "FROM crm.deals d JOIN crm.currencies c ON c.currency = d.currency_id "
            "WHERE d.is_won GROUP BY 1, 2 ORDER BY 3 DESC NULLS LAST",
            "title": "Won revenue by manager and pipeline",
            "description": "Won amount in the base currency, all time.",
            "figure": {
                "format": "stacked_bar",
                "traces": [{"type": "bar", "x": "Manager", "y": "Revenue", "series": "Pipeline"}],
                "layout": {"value_format": "money"},
            },
        },
    ),
    (
        "Удали все проигранные сделки",
        {
            "plan": "A request to change data.",
            "assumptions": [],
            "answerable": False,
            "clarification": "Данные здесь только для чтения. Могу показать проигранные сделки, например по причинам.",
        },
    ),
)


def worked_examples() -> str:
    """The examples as the model is shown them."""
    lines = ["# Worked examples (keys that are null are left out here)"]
    for question, answer in WORKED:
        lines += [f"Question: {question}", json.dumps(answer, ensure_ascii=False)]
    return "\n".join(lines)
