"""Why a statement gave no rows: for a person in two languages, for programs by code, for a repair by SQLSTATE."""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg

from warehouse.meanings import Text


class QueryFailed(Exception):
    """A checked statement that PostgreSQL refused or did not finish.

    ``code`` is stable; ``sqlstate``, ``message`` and ``hint`` are PostgreSQL's, without any value of a row;
    ``position`` counts characters of the checked statement from 1; ``text`` says it all for a person.
    """

    def __init__(
        self,
        code: str,
        *,
        sqlstate: str | None = None,
        message: str = "",
        hint: str | None = None,
        position: int | None = None,
        **parts: object,
    ) -> None:
        words = {"message": message, **parts}
        ru, en = FAILURES[code].ru.format(**words), FAILURES[code].en.format(**words)
        super().__init__(en)
        self.code = code
        self.sqlstate = sqlstate
        self.message = message
        self.hint = hint
        self.position = position
        self.text = Text(ru.strip(), en.strip())


FAILURES: Mapping[str, Text] = {
    "timeout": Text(
        "Запрос не закончился за {seconds:.0f} с и остановлен. Сузьте период, добавьте фильтр или группировку.",
        "The statement did not end in {seconds:.0f} s and was stopped. Narrow the period, add a filter or group more.",
    ),
    "no_reader": Text(
        "Учётной записью, которая читает для графиков, нельзя воспользоваться. Причина в журнале; проверит b24 doctor.",
        "The login that reads for charts cannot be used. The service's log says why; b24 doctor checks it.",
    ),
    "too_busy": Text(
        "Сейчас выполняется слишком много запросов. Повторите через несколько секунд.",
        "Too many statements are running at the moment. Try again in a few seconds.",
    ),
    "too_expensive": Text(
        "Запрос перебрал бы около {rows} строк, это слишком много. Проверьте условия соединения таблиц, сузьте период.",
        "The statement would go through about {rows} rows, which is too many. Check the conditions between its tables, "
        "narrow the period.",
    ),
    "too_large": Text(
        "Одна строка результата больше {limit} байт. Не собирайте много значений в одно, выберите меньше столбцов.",
        "One row of the result is larger than {limit} bytes. Do not gather many values into one, select fewer columns.",
    ),
    "out_of_space": Text(
        "Запросу не хватило памяти или места. Сузьте период или соберите меньше строк.",
        "The statement ran out of memory or disk space. Narrow the period or group more.",
    ),
    "unsupported_type": Text(
        "Столбец «{column}» имеет тип {type}, который нельзя показать. Приведите его: ({column})::text.",
        "The column “{column}” is of type {type}, which cannot be shown. Cast it: ({column})::text.",
    ),
    "no_columns": Text("Запрос не возвращает столбцов.", "The statement returns no columns."),
    "unknown_column": Text("В запросе назван столбец, которого нет. {message}", "There is no such column. {message}"),
    "unknown_table": Text(
        "В запросе названа таблица, которой нет. Возможно, она ещё не синхронизирована. {message}",
        "There is no such table; perhaps it is not synced yet. {message}",
    ),
    "unknown_function": Text(
        "Функции с такими типами значений нет. {message}", "There is no function for values of these types. {message}"
    ),
    "type_mismatch": Text("Типы значений не подходят друг другу. {message}", "Types do not fit. {message}"),
    "not_grouped": Text(
        "Столбец должен стоять в GROUP BY или внутри агрегата. {message}",
        "A column must be in GROUP BY or inside an aggregate. {message}",
    ),
    "ambiguous_column": Text(
        "Столбец есть в нескольких таблицах: укажите таблицу. {message}",
        "Several tables have this column: name the table. {message}",
    ),
    "division_by_zero": Text(
        "Деление на ноль. Оберните делитель: nullif(…, 0).", "Division by zero. Wrap the divisor: nullif(…, 0)."
    ),
    "bad_value": Text("Значение не подходит к своему типу. {message}", "A value does not fit its type. {message}"),
    "syntax": Text("PostgreSQL не понимает запрос. {message}", "PostgreSQL does not understand it. {message}"),
    "no_right": Text(
        "Этому запросу не хватает прав: читать можно только таблицы CRM.",
        "The statement lacks rights: only the tables of the CRM may be read.",
    ),
    "changing": Text(
        "Таблицы CRM сейчас перестраиваются. Повторите через несколько секунд.",
        "The tables of the CRM are being changed at the moment. Try again in a few seconds.",
    ),
    "failed": Text("PostgreSQL не выполнил запрос. {message}", "PostgreSQL did not run the statement. {message}"),
}
"""Every code, in Russian and English."""

_BY_STATE: Mapping[str, str] = {
    "57014": "timeout",
    "42703": "unknown_column",
    "42P01": "unknown_table",
    "3F000": "unknown_table",
    "42883": "unknown_function",
    "42725": "unknown_function",
    "42804": "type_mismatch",
    "42846": "type_mismatch",
    "42P18": "type_mismatch",
    "42803": "not_grouped",
    "42702": "ambiguous_column",
    "42P09": "ambiguous_column",
    "22012": "division_by_zero",
    "42601": "syntax",
    "42501": "no_right",
    "25006": "no_right",
    "55P03": "changing",
    "40001": "changing",  # a replica replays what the statement still needs
    "53100": "out_of_space",
    "53200": "out_of_space",
    "53400": "out_of_space",
    "54000": "out_of_space",
}
_BY_CLASS: Mapping[str, str] = {"22": "bad_value", "0A": "syntax", "42": "syntax", "54": "out_of_space"}

_QUOTED = re.compile(r'"([^"]*)"')


def from_postgres(error: psycopg.Error, sql: str, *, before: int, seconds: float) -> QueryFailed:
    """What PostgreSQL said of ``sql``, which stood ``before`` characters into what was sent."""
    state = error.sqlstate or ""
    code = _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or "failed"
    place = error.diag.statement_position
    position = int(place) - before if place and place.isdigit() else 0
    return QueryFailed(
        code,
        sqlstate=state or None,
        message=without_values(error.diag.message_primary or "", sql, state),
        hint=error.diag.message_hint,
        position=position if 0 < position <= len(sql) else None,
        seconds=seconds,
    )


def without_values(message: str, sql: str, sqlstate: str) -> str:
    """PostgreSQL's message without what it quotes from rows: ``invalid input syntax for type integer: "…"``.

    A message about the statement itself (class 42) quotes names only; all others may quote values, and keep what the
    statement spells itself.
    """
    if sqlstate.startswith("42"):
        return message
    return _QUOTED.sub(lambda found: found[0] if found[1] and found[1] in sql else '"…"', message)
