"""The document for people: Markdown that renders whatever the portal's titles hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

from warehouse.meanings import Text
from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc
from warehouse.schema_docs.glossary import terms
from warehouse.schema_docs.statistics import ColumnStatistics, Statistics, TableStatistics

Lang = Literal["ru", "en"]
LANGS: tuple[Lang, ...] = ("ru", "en")

CODES_SHOWN = 60
"""Longer lists of options are cut: the rest is in ``crm.field_options`` and ``crm.statuses``."""

_WORDS: Mapping[str, Text] = {
    "title": Text("Схема данных CRM", "The CRM data"),
    "intro": Text(
        "Представления схемы `crm`: живые строки зеркала Bitrix24. Документ создаётся сам по описанию полей портала.",
        "The views of schema `crm`: live rows of the mirror of Bitrix24. This document is made from the portal's own "
        "field list.",
    ),
    "overview": Text("Обзор", "Overview"),
    "table": Text("Таблица", "Table"),
    "what": Text("Что это", "What it is"),
    "rows": Text("Строк", "Rows"),
    "columns": Text("Столбцов", "Columns"),
    "synced": Text("Обновлено (UTC)", "Synced (UTC)"),
    "diagram": Text("Связи", "How tables relate"),
    "glossary": Text("Словарь", "Glossary"),
    "term": Text("Понятие", "Term"),
    "means": Text("Что значит", "Meaning"),
    "key": Text("Ключ", "Key"),
    "joins": Text("Соединяется", "Joins"),
    "column": Text("Столбец", "Column"),
    "type": Text("Тип", "Type"),
    "portal": Text("В портале", "Portal title"),
    "filled": Text("Заполнено", "Filled"),
    "values": Text("Значений", "Values"),
    "range": Text("Диапазон", "Range"),
    "codes": Text("Коды", "Codes"),
    "more": Text("ещё {n}, все в crm.field_options и crm.statuses", "{n} more, all in crm.field_options, crm.statuses"),
    "model": Text("описание написала модель", "described by a model"),
    "person": Text("описание изменено вручную", "described by hand"),
    "empty": Text("Данных ещё нет: первая синхронизация не прошла.", "Nothing here yet: there was no sync so far."),
}

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$])")


def markdown(catalog: Catalog, statistics: Statistics, lang: Lang, *, created_at: datetime | None = None) -> str:
    """The document in one language. Counts are left out where ``statistics`` has none."""
    return "\n".join([*_lines(catalog, statistics, lang, created_at), ""])


def overview(catalog: Catalog, statistics: Statistics, lang: Lang) -> str:
    """The beginning of the document: what there is, how tables relate, the glossary; no table by itself."""
    words = {key: text.of(lang) for key, text in _WORDS.items()}
    return "\n".join([*_overview(catalog, statistics, lang, words, None), ""])


def escaped(text: str) -> str:
    """Text as Markdown shows it literally, on one line, also within a table's cell."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _lines(catalog: Catalog, statistics: Statistics, lang: Lang, created_at: datetime | None) -> Iterator[str]:
    words = {key: text.of(lang) for key, text in _WORDS.items()}
    yield from _overview(catalog, statistics, lang, words, created_at)
    for table in catalog.tables:
        yield from _table(table, statistics.get(table.name), lang, words)


def _overview(
    catalog: Catalog, statistics: Statistics, lang: Lang, words: Mapping[str, str], created_at: datetime | None
) -> Iterator[str]:
    yield f"# {words['title']}"
    yield ""
    yield words["intro"] + (f" {_moment(created_at)}." if created_at else "")
    if not catalog.tables:
        yield from ("", words["empty"])
        return
    yield from ("", f"## {words['overview']}", "")
    yield from _header(words["table"], words["what"], words["rows"], words["columns"], words["synced"])
    for table in catalog.tables:
        counted = statistics.get(table.name)
        yield _row(
            f"[{table.name}](#{table.name})",
            escaped(table.title.of(lang)),
            f"{counted.rows:,}" if counted else "",
            str(len(table.columns)),
            _moment(counted.synced_at) if counted else "",
        )
    yield from ("", f"## {words['diagram']}", "", *_diagram(catalog))
    yield from ("", f"## {words['glossary']}", "", *_header(words["term"], words["means"]))
    for term in terms(catalog):
        yield _row(escaped(term.word.of(lang)), term.meaning.of(lang).replace("|", "\\|"))


def _table(table: TableDoc, counted: TableStatistics | None, lang: Lang, words: Mapping[str, str]) -> Iterator[str]:
    yield from ("", f"## {table.name}", "")
    note = f" _({words[table.origin]})_" if table.origin != "portal" else ""
    yield f"**{escaped(table.title.of(lang))}.** {escaped(table.meaning.of(lang))}{note}"
    yield ""
    yield f"- {words['key']}: `{table.key}`"
    for join in table.joins:
        how = f"ANY({join.column})" if join.many else join.column
        yield f"- {words['joins']}: `{table.name}.{how} = {join.table}.{join.key}`"
    yield ""
    headings = ("column", "type", "portal", "means", "filled", "values", "range", "codes")
    yield from _header(*(words[heading] for heading in headings))
    for column in table.columns:
        numbers = counted.columns.get(column.name) if counted else None
        yield _row(*_cells(column, numbers or ColumnStatistics(), lang, words))


def _cells(column: ColumnDoc, numbers: ColumnStatistics, lang: Lang, words: Mapping[str, str]) -> Iterator[str]:
    yield f"`{_code(column.name)}`"
    yield f"`{_code(column.type)}`"
    yield escaped(column.title)
    note = f" _({words[column.origin]})_" if column.origin != "portal" else ""
    yield escaped(column.meaning.of(lang)) + note
    yield "" if numbers.filled is None else _share(numbers.filled)
    approximately = "≈" if numbers.estimated else ""
    yield "" if numbers.distinct is None else f"{approximately}{numbers.distinct:,}"
    yield f"{numbers.low} … {numbers.high}" if numbers.low is not None else ""
    yield _codes(column, words["more"])


def _codes(column: ColumnDoc, more: str) -> str:
    shown = [
        f"`{_code(code.code)}` {escaped(f'{code.group}: {code.label}' if code.group else code.label)}".strip()
        for code in column.codes[:CODES_SHOWN]
    ]
    if len(column.codes) > CODES_SHOWN:
        shown.append(f"… {more.format(n=len(column.codes) - CODES_SHOWN)}")
    return "; ".join(shown)


def _diagram(catalog: Catalog) -> Iterator[str]:
    """Mermaid knows letters, digits and underscores; names of tables and keys have no others."""
    names = {table.name for table in catalog.tables}
    yield from ("```mermaid", "erDiagram")
    for table in catalog.tables:
        yield f"    {table.name} {{"
        yield f"        {_plain(next(c.type for c in table.columns if c.name == table.key))} {_plain(table.key)} PK"
        yield "    }"
        for join in table.joins:
            if join.table in names:
                ends = "}o--o{" if join.many else "}o--o|"
                yield f'    {table.name} {ends} {join.table} : "{_plain(join.column)}"'
    yield "```"


def _plain(text: str) -> str:
    return re.sub(r"\W", "_", text)


def _code(text: str) -> str:
    """Text within back-quotes: nothing is escaped there but the table's bar."""
    return " ".join(text.replace("`", "'").split()).replace("|", "\\|") or " "


def _header(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield _row(*("---" for _ in titles))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _share(share: float) -> str:
    percent = share * 100
    return f"{percent:.0f} %" if share in (0, 1) or 1 <= percent <= 99 else f"{percent:.2f} %"


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""
