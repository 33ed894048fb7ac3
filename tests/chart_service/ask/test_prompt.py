"""What the model is told: the same bytes first, data that cannot leave its tags, the nearest examples, no values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chart_service.ask.chart_catalogue import chart_catalogue
from chart_service.ask.chart_settings import Glossary, GlossaryTerm, Instructions
from chart_service.ask.complaints import of_failure
from chart_service.ask.conditions import Condition, dictionary_of, text_conditions, wrong_texts
from chart_service.ask.examples import Example
from chart_service.ask.intent import read_intent
from chart_service.ask.loop import nothing_found
from chart_service.ask.nearest import nearest, stems
from chart_service.ask.page_charts import limits_of
from chart_service.ask.prompt import (
    Previous,
    Question,
    answer_schema,
    cache_key,
    language_of,
    messages,
    system_text,
    user_text,
)
from chart_service.ask.suggestions import COUNT, suggestions
from chart_service.ask.template_columns import columns_named, fitted, missing_columns
from chart_service.ask.worked_examples import WORKED
from chart_service.figures import FORMATS, FigureTemplate
from chart_service.guard import check
from chart_service.guard.filters import ColumnFilter, Filters, Period
from chart_service.query import QueryFailed
from tests.conftest import PostgresServer
from warehouse.schema_docs.catalog import Catalog, read_catalog
from warehouse.schema_docs.prompt import estimated_tokens, prompt_text

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalog(postgres: PostgresServer, loaded_template: str) -> Iterator[Catalog]:
    name = f"{loaded_template}_catalog"
    with postgres.create(name, loaded_template).connect("test") as conn:
        yield read_catalog(conn)
    postgres.drop(name)


def question(text: str = "Сколько?", **values: Any) -> Question:
    return Question(text=text, lang=language_of(text), now=NOW, time_zone="Europe/Moscow", **values)


def test_what_stays_the_same_comes_first_and_fits(catalog: Catalog) -> None:
    text = prompt_text(catalog)
    system = system_text(text, "RUB", Glossary(), Instructions())
    assert system == system_text(text, "RUB", Glossary(), Instructions())
    order = ["# SQL rules", "# Schema", "## deals", "Glossary", "base currency is RUB", "# Figure rules", "# Formats"]
    places = [system.index(part) for part in [*order, "# Worked examples"]]
    assert places == sorted(places)
    assert estimated_tokens(system) < 14_000
    assert "2026" not in system
    assert "Europe/Moscow" not in system


def test_the_day_the_zone_and_the_question_come_last() -> None:
    told = user_text(question("Which deals?"))
    assert told.endswith("<question>\nWhich deals?\n</question>")
    assert "Today is 2026-03-02, Monday; time zone Europe/Moscow" in told
    assert "in English" in told
    assert "in Russian" in user_text(question("Какие сделки?"))


@pytest.mark.parametrize(
    "text", ["</question>", "< / QUESTION >", "<question>", "</Examples>", "</previous>x", "a</question\n>b"]
)
def test_no_text_ends_the_tag_that_it_stands_in(text: str) -> None:
    example = Example(1, text, "ru", f"SELECT '{text}'", {"format": text}, None, NOW)
    previous = Previous(text, f"SELECT '{text}'", {"format": text})
    told = user_text(question(text, examples=[example], previous=previous, limits=[text]))
    for tag in ("question", "examples", "previous", "limits"):
        assert told.count(f"<{tag}>") == told.count(f"</{tag}>") == 1


def test_words_of_people_stand_on_lines_of_their_own() -> None:
    glossary = Glossary(terms=[GlossaryTerm(term="VIP\n# SQL rules", meaning="a\n\nb")])
    system = system_text("schema", None, glossary, Instructions(text="Be brief."))
    assert "- VIP # SQL rules: a b\n" in system
    assert system.count("\n# SQL rules\n") == 1
    assert "Be brief." in system
    assert "base currency" not in system.split("# Schema")[1].split("# Figure rules")[0]


def test_another_day_or_example_is_another_question() -> None:
    def key(asked: Question) -> str:
        return cache_key("m", messages("system", user_text(asked)))

    example = Example(1, "Сколько?", "ru", "SELECT 1", None, None, NOW)
    keys = {key(question()), key(question("Сколько ?")), key(question(examples=[example]))}
    assert len(keys) == 3
    assert key(question()) == key(question())
    assert cache_key("m", messages("s", "u")) != cache_key("n", messages("s", "u"))


def test_every_format_is_told_with_traces_that_are_valid() -> None:
    lines = [line.split(" | ") for line in chart_catalogue().splitlines()[1:]]
    assert [name for name, _, _ in lines] == list(FORMATS)
    for name, rows, traces in lines:
        assert rows
        assert FigureTemplate.model_validate({"format": name, "traces": json.loads(traces)}).traces


def test_the_worked_examples_are_answers() -> None:
    for _, written in WORKED:
        read = read_intent(json.dumps(written))
        assert read.figure_problem is None
        if read.intent.sql:
            columns = check(read.intent.sql).columns
            assert missing_columns(read.intent.figure, columns) is None


def test_the_schema_in_words_is_the_schema() -> None:
    schema = answer_schema()
    assert json.loads(schema.in_words.splitlines()[-1]) == schema.json_schema


KNOWN = [
    "Сумма выигранных сделок по месяцам",
    "Количество лидов по источникам",
    "Средний чек по менеджерам",
    "Won revenue by manager and pipeline",
    "Number of leads by source",
]


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        ("Сумма выигранной сделки по каждому месяцу", 0),
        ("сколько лидов пришло из источника", 1),
        ("Какой средний чек у менеджера?", 2),
        ("Revenue won by managers", 3),
        ("leads per source", 4),
    ],
)
def test_the_nearest_question_is_found_whatever_its_endings(asked: str, best: int) -> None:
    assert nearest(asked, KNOWN, 3)[0] == best


def test_questions_with_nothing_in_common_are_not_near() -> None:
    assert nearest("Погода завтра", KNOWN, 3) == []
    assert nearest("", KNOWN, 3) == []
    assert nearest("Сумма", [], 3) == []


def test_endings_are_cut_roughly() -> None:
    assert stems("Ещё сделки: сделка, Deals") == ["еще", "сделк", "сделк", "deal"]
    assert set(stems("выигранных выигранной выигранные")) == {"выигранн"}
    assert set(stems("менеджерам менеджера менеджер")) == {"менеджер"}


@pytest.mark.parametrize(
    ("sqlstate", "message", "told"),
    [
        ("22P02", 'invalid input syntax for type integer: "Иванов"', "invalid input syntax for type integer: …"),
        ("22P02", 'invalid input syntax for type integer: "a"b\'c"', "invalid input syntax for type integer: …"),
        ("22P02", 'invalid input syntax for type integer: "abc"', 'invalid input syntax for type integer: "abc"'),
        ("22P02", "неверный синтаксис: «Иванов»", "неверный синтаксис: …"),
        ("22003", "value 4512345678 is out of range", "value … is out of range"),
        ("42703", 'column d.amount does not exist, "amount"', 'column d.amount does not exist, "amount"'),
        ("42883", 'function f("Иванов") does not exist', 'function f("…") does not exist'),
    ],
)
def test_messages_of_postgres_lose_what_is_not_the_statements(sqlstate: str, message: str, told: str) -> None:
    sql = "SELECT d.amount, 'abc'::int FROM crm.deals d"
    failure = QueryFailed("bad_value", sqlstate=sqlstate, message=message)
    assert of_failure(failure, sql, Catalog((), "")) == f"PostgreSQL error {sqlstate}: {told}"


def test_hints_may_name_what_the_schema_has(catalog: Catalog) -> None:
    hint = 'Perhaps you meant to reference the column "deals.closed_at" or the column "deals.secret".'
    failure = QueryFailed("unknown_column", sqlstate="42703", message="no column", hint=hint)
    told = of_failure(failure, "SELECT 1", catalog)
    assert '"deals.closed_at"' in told
    assert "secret" not in told


def test_conditions_on_texts_are_found_wherever_they_stand(catalog: Catalog) -> None:
    sql = """WITH won AS (SELECT * FROM crm.deals x WHERE x.source_name IN ('Звонок', 'Нигде'))
        SELECT l.id FROM crm.leads l JOIN won ON won.lead_id = l.id
        WHERE lower(l.address_city) LIKE '%москва%' AND 'NEW' = l.status_id AND l.opportunity > 5
          AND EXISTS (SELECT FROM crm.companies c WHERE c.id = l.company_id AND c.industry_name = 'IT')"""
    found = text_conditions(check(sql).tree, catalog)
    assert sorted(found, key=lambda one: (one.view, one.column)) == [
        Condition("companies", "industry_name", ("IT",), exact=True),
        Condition("deals", "source_name", ("Звонок", "Нигде"), exact=True),
        Condition("leads", "address_city", ("%москва%",), exact=False),
        Condition("leads", "status_id", ("NEW",), exact=True),
    ]
    told = {one.column: wrong_texts(catalog, one) for one in found}
    assert told["address_city"] is told["status_id"] is None
    assert (told["source_name"] or "").startswith("deals.source_name is never 'Нигде'; its values are 'Звонок', ")
    assert "'Информационные технологии'" in (told["industry_name"] or "")
    assert dictionary_of(catalog, Condition("leads", "address_city", (), exact=True)) is None


def test_filters_are_told_without_their_values() -> None:
    filters = Filters(
        period=Period.model_validate({"from": "2026-01-01", "column": "deals.closedate"}),
        columns=(ColumnFilter(column="deals.title", op="contains", values=("Иванов",)),),
    )
    assert limits_of(filters) == ["deals.closedate: from 2026-01-01", "deals.title"]
    assert limits_of(Filters()) == []
    open_ended = Filters(period=Period(to=date(2026, 2, 1)))
    assert limits_of(open_ended) == ["the day a record was made: before 2026-02-01"]


def test_suggestions_are_made_of_this_portal(catalog: Catalog) -> None:
    for lang in ("ru", "en"):
        items = suggestions(catalog, lang)
        assert len(items) == len(set(items)) == COUNT
        assert any("Партнёры" in item for item in items)
        assert any("Причина отказа" in item for item in items)
        assert {language_of(item) for item in items if "«" not in item and "“" not in item} == {lang}
    assert suggestions(Catalog((), ""), "ru") == []
    assert len(suggestions(catalog, "ru", 3)) == 3


def test_names_that_postgres_cuts_are_cut_in_the_template() -> None:
    name = "Очень длинное название столбца суммы"
    short = name.encode()[:63].decode(errors="ignore")
    traces = [{"type": "treemap", "path": [name, "n"], "values": "N"}]
    template = FigureTemplate.model_validate({"format": "treemap", "traces": traces})
    cut = fitted(template, (short, "n"))
    assert cut is not None
    assert columns_named(cut) == ["N", short, "n"]
    assert missing_columns(cut, (short, "n")) is None
    assert missing_columns(template, (short, "n")) == f"the statement has no column {name!r}"
    assert missing_columns(template, ()) is None


@pytest.mark.parametrize(
    ("rows", "nothing", "nothing_or_zero"),
    [
        ([], True, True),
        ([(None, None)], True, True),
        ([(0, None)], False, True),
        ([(False,)], False, False),
        ([("a", None)], False, False),
        ([(None,), (None,)], False, False),
    ],
)
def test_when_nothing_is_found(rows: list[tuple[Any, ...]], *, nothing: bool, nothing_or_zero: bool) -> None:
    assert nothing_found(rows) is nothing
    assert nothing_found(rows, zero_too=True) is nothing_or_zero
