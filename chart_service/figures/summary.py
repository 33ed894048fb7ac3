"""A figure in words, for screen readers."""

from __future__ import annotations

from collections.abc import Sequence

from chart_service.figures import numbers
from chart_service.figures.panel import Cells, Fact
from warehouse.meanings import Text

_MOST_FACTS = 4
_LISTED = 4


def summary(title: Text, facts: Sequence[Fact], lang: str, table: Cells | None = None) -> str:
    """What a chart shows, in a few sentences: its kind, and of each series the extent and where it is reached."""
    parts = [title.of(lang) + "."]
    if table is not None:
        columns = ", ".join(table.columns[:10])
        count = numbers.grouped(len(table.rows), 0, lang)
        parts.append(f"Строк: {count}; столбцы: {columns}." if lang == "ru" else f"Rows: {count}; columns: {columns}.")
    parts += [sentence for fact in facts[:_MOST_FACTS] if (sentence := _sentence(fact, lang))]
    if len(facts) > _MOST_FACTS:
        more = len(facts) - _MOST_FACTS
        parts.append(f"И ещё рядов: {more}." if lang == "ru" else f"And {more} more series.")
    return " ".join(parts)


def _sentence(fact: Fact, lang: str) -> str:
    known = [at for at, value in enumerate(fact.values) if value is not None]
    if not known:
        return f"{fact.name}: нет данных." if lang == "ru" else f"{fact.name}: no data."
    if len(known) <= _LISTED:
        items = (f"{fact.labels[at]} {fact.texts[at]}".strip() for at in known)
        return f"{fact.name}: {'; '.join(items)}."
    most = max(known, key=lambda at: fact.values[at] or 0)
    least = min(known, key=lambda at: fact.values[at] or 0)
    words = (
        ("наибольшее", "наименьшее", "последнее", "значений") if lang == "ru" else ("most", "least", "last", "values")
    )
    text = (
        f"{fact.name}, {words[3]}: {numbers.grouped(len(known), 0, lang)}; "
        f"{words[0]} — {fact.labels[most]}, {fact.texts[most]}; {words[1]} — {fact.labels[least]}, {fact.texts[least]}"
    )
    if fact.ordered:
        text += f"; {words[2]} — {fact.labels[known[-1]]}, {fact.texts[known[-1]]}"
    return text + "."
