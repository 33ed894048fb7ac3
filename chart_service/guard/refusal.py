"""Why a statement is refused: one exception, and the rules in words that a person understands."""

from __future__ import annotations

from collections.abc import Mapping

from warehouse.meanings import Text


class Refused(Exception):
    """A statement that the guard does not let through.

    ``rule`` is a stable code of ``RULES``; ``message`` says it for a person; ``at`` is (line, column) in the text that
    was given, both from 1, where the spot is known; ``location`` the same as a character's index.
    """

    def __init__(self, rule: str, location: int | None = None, **parts: object) -> None:
        words = {name: _short(part) for name, part in parts.items()}
        text = RULES[rule]
        self.rule = rule
        self.message = Text(text.ru.format(**words), text.en.format(**words))
        self.location = location
        self.at: tuple[int, int] | None = None
        super().__init__(f"{rule}: {self.message.en}")

    def locate(self, text: str) -> None:
        """Turn the location into line and column of the text that was given."""
        if self.location is not None and 0 <= self.location <= len(text):
            before = text[: self.location]
            self.at = before.count("\n") + 1, self.location - before.rfind("\n")


def _short(part: object) -> str:
    """What is quoted from the statement, capped: the message names the rule and does not repeat a payload."""
    text = "".join(character if character.isprintable() else "?" for character in str(part))
    return text if len(text) <= 60 else f"{text[:59]}…"


RULES: Mapping[str, Text] = {
    # the text
    "empty": Text("Запрос пуст.", "The statement is empty."),
    "too_long": Text(
        "Запрос длиннее {limit} знаков. Сократите его.", "The statement is longer than {limit} characters. Shorten it."
    ),
    "too_many_words": Text(
        "В запросе больше {limit} слов и знаков. Сократите его.",
        "The statement has more than {limit} words and signs. Shorten it.",
    ),
    "bad_character": Text(
        "В запросе есть недопустимый знак ({name}). Удалите его: обычно он попадает при копировании.",
        "The statement holds a character that is not allowed ({name}). Remove it: it usually comes with copying.",
    ),
    "unicode_escape": Text(
        "Записи U&\"…\" и U&'…' не разрешены. Напишите знаки как есть.",
        "The spellings U&\"…\" and U&'…' are not allowed. Write the characters themselves.",
    ),
    "executable_comment": Text(
        "Комментарии вида /*! … */ и /*+ … */ не разрешены.",
        "Comments of the forms /*! … */ and /*+ … */ are not allowed.",
    ),
    "syntax": Text(
        "Запрос не понятен PostgreSQL: {reason}.", "PostgreSQL does not understand the statement: {reason}."
    ),
    "several_statements": Text(
        "Разрешён один запрос, здесь их больше.", "One statement is allowed, there are more here."
    ),
    # what kind of statement
    "not_a_query": Text(
        "Разрешены только запросы на чтение (SELECT), а это {name}.",
        "Only queries that read (SELECT) are allowed, this is {name}.",
    ),
    "writes": Text(
        "Внутри запроса есть изменение данных ({name}). Разрешено только чтение.",
        "The query changes data inside ({name}). Only reading is allowed.",
    ),
    "select_into": Text("SELECT INTO создаёт таблицу. Уберите INTO.", "SELECT INTO creates a table. Leave INTO out."),
    "row_lock": Text(
        "Блокировка строк (FOR UPDATE, FOR SHARE) не разрешена.", "Locking rows (FOR UPDATE, FOR SHARE) is not allowed."
    ),
    "parameter": Text(
        "В запросе есть параметр {name} без значения. Напишите само значение.",
        "The statement has a parameter {name} without a value. Write the value itself.",
    ),
    "construct": Text(
        "Конструкция {name} не разрешена в запросах к CRM.",
        "The construct {name} is not allowed in queries of the CRM.",
    ),
    # names
    "relation": Text(
        "Таблицы {name} нет среди таблиц CRM.{close}", "There is no table {name} among the tables of the CRM.{close}"
    ),
    "no_relation": Text("Запрос не читает ни одной таблицы CRM.", "The statement reads no table of the CRM."),
    "no_columns": Text(
        "Запрос не называет ни одного столбца результата.", "The statement names no column of a result."
    ),
    "cte_name": Text(
        "Имя {name} в WITH занято таблицей CRM. Назовите подзапрос иначе.",
        "The name {name} in WITH is a table of the CRM. Name the sub-query differently.",
    ),
    "function": Text(
        "Функция {name} не входит в список разрешённых.", "The function {name} is not on the list of allowed ones."
    ),
    "function_schema": Text(
        "Функции вызываются без схемы, а здесь {name}.", "Functions are called without a schema, here it is {name}."
    ),
    "session_value": Text(
        "{name} говорит о соединении, а не о данных CRM, и не разрешено.",
        "{name} tells about the connection, not about the CRM's data, and is not allowed.",
    ),
    "type": Text("Тип {name} не разрешён.", "The type {name} is not allowed."),
    "operator": Text("Оператор {name} не разрешён.", "The operator {name} is not allowed."),
    "collation": Text("Правило сортировки {name} не разрешено.", "The collation {name} is not allowed."),
    "column": Text(
        "Обращение к столбцу {name} не разрешено: указывайте столбец или таблица.столбец.",
        "The reference {name} is not allowed: write column or table.column.",
    ),
    "system_column": Text("Служебный столбец {name} не разрешён.", "The system column {name} is not allowed."),
    "field_call": Text(
        "Запись (…).{name} не разрешена: PostgreSQL может понять её как вызов функции.",
        "The spelling (…).{name} is not allowed: PostgreSQL may take it for a call of a function.",
    ),
    "unknown_column": Text("Столбца {name} нет.{close}", "There is no column {name}.{close}"),
    # shapes
    "too_deep": Text(
        "Запрос вложен слишком глубоко (больше {limit}). Разбейте его на WITH.",
        "The statement is nested too deeply (more than {limit}). Split it with WITH.",
    ),
    "too_many_tables": Text(
        "Запрос читает таблицы больше {limit} раз.", "The statement reads tables more than {limit} times."
    ),
    "too_many_sets": Text(
        "Слишком много вариантов группировки (больше {limit}).", "Too many grouping sets (more than {limit})."
    ),
    "cross_join": Text(
        "Соединение без условия: каждая строка одной таблицы с каждой строкой другой. Добавьте условие ({name}).",
        "A join without a condition pairs each row of one table with each of another. Add a condition ({name}).",
    ),
    "series": Text(
        "generate_series разрешён с границами из чисел или дат, не больше {limit} значений и в FROM.",
        "generate_series is allowed with bounds made of numbers or dates, at most {limit} values, and in FROM.",
    ),
    "recursion": Text(
        "В WITH RECURSIVE нужно условие, что шагов не больше {limit}, например WHERE шаг < 100.",
        "WITH RECURSIVE needs a condition that there are at most {limit} steps, such as WHERE step < 100.",
    ),
    "long_text": Text(
        "В {name} длина должна быть числом не больше {limit}.", "In {name} the length must be a number up to {limit}."
    ),
    "big_number": Text("Число {name} слишком большое.", "The number {name} is too large."),
    # two readers
    "disagreement": Text(
        "Два разбора запроса понимают его по-разному. Напишите его проще.",
        "Two parsers understand the statement differently. Write it more plainly.",
    ),
    # clauses of row rules
    "clause": Text(
        "Правило строк должно быть одним условием над столбцами таблицы, например assigned_by_id = 5.",
        "A row rule must be one condition on columns of a table, such as assigned_by_id = 5.",
    ),
    "clause_query": Text("В правиле строк не может быть подзапроса.", "A row rule cannot hold a sub-query."),
    "clause_function": Text(
        "В правиле строк не может быть функции {name}: она не про одну строку.",
        "A row rule cannot hold the function {name}: it is not about a single row.",
    ),
    "clause_view": Text(
        "Правило строк относится к таблице {name}, такой нет среди таблиц, к которым оно применимо.",
        "The row rule is for the table {name}, which is not one that it can be applied to.",
    ),
    # filters
    "filter_column": Text(
        "Фильтр по столбцу {name}: такого столбца нет.", "A filter on {name}: there is no such column."
    ),
    "filter_value": Text(
        "Значение {value} не подходит столбцу {name}.", "The value {value} does not fit the column {name}."
    ),
}
"""Every rule by its code, in Russian and English."""
