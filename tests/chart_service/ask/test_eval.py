"""``b24 eval``: our own questions have right answers, and a model is judged by rows, not by words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chart_service.ask.evaluation import OWN_SET, EvalError, gold_rows, read_gold
from chart_service.ask.same_rows import same_rows
from chart_service.ask.worked_examples import WORKED
from chart_service.chart_data import ChartRequest, Charts
from chart_service.figures import FORMATS, FigureTemplate
from chart_service.query import DataVersions, Runner
from chart_service.query.statements import Statements
from chart_service.rows import Column, Rows
from cli.eval import evaluate
from tests.chart_service.ask.model_server import KEY, ModelServer, answer, failed, figure_of
from tests.webhook_api.conftest import settings_with
from warehouse.database import Database
from webhook_api.pool import connection_pool


async def test_our_own_questions_have_answers(warehouse: Database) -> None:
    gold = read_gold(OWN_SET)
    assert len(gold) >= 40
    assert min(sum(one.lang == lang for one in gold) for lang in ("ru", "en")) >= 20
    assert {form for one in gold for form in one.formats} <= set(FORMATS)
    assert len({one.question for one in gold}) == len(gold)
    settings = settings_with(warehouse)
    async with connection_pool(warehouse) as pool:
        statements = Statements(settings, Runner(warehouse, settings), DataVersions(pool))
        charts = Charts(statements)
        for one in gold:
            assert (await gold_rows(one, charts)).rows, one.question
        for question, intent in WORKED:
            if intent["answerable"]:
                template = FigureTemplate.model_validate(intent["figure"])
                drawn = (await charts.draw(ChartRequest(intent["sql"], template, lang="en"))).data()
                assert drawn["format"] == template.format, question
        await statements.aclose()


RIGHT = "SELECT d.pipeline_name AS p, count(*) AS n FROM crm.deals d GROUP BY 1 ORDER BY 2 DESC"
GOLD = [
    {"question": "По воронкам?", "lang": "ru", "sql": RIGHT, "format": ["bar", "donut"]},
    {"question": "Всего?", "lang": "ru", "sql": "SELECT count(*) AS n FROM crm.deals d"},
    {"question": "Удали", "lang": "en", "sql": RIGHT},
    {"question": "Slow?", "lang": "en", "sql": RIGHT},
    {"question": "What?", "lang": "en", "sql": RIGHT},
]
ANSWERS = {
    "По воронкам?": answer(
        'SELECT count(*) AS "Сделки", d.pipeline_name AS "Воронка" FROM crm.deals d GROUP BY 2 ORDER BY 1 DESC',
        figure_of("table", "table"),
    ),
    "Всего?": answer("SELECT count(*) AS n FROM crm.leads l"),
    "Удали": answer("DELETE FROM crm.deals"),
    "Slow?": failed(401, "no"),
    "What?": answer(None, clarification="Which deals?"),
}


def test_a_model_is_judged(
    warehouse: Database, model: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.answers = ANSWERS
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(one) for one in GOLD))
    settings = settings_with(warehouse, openai_api_key=KEY, openai_base_url=model.url)

    def run(*, as_json: bool) -> int:
        console = Console(width=200, stderr=as_json)
        return evaluate(settings, questions, limit=None, at_once=2, as_json=as_json, console=console)

    assert run(as_json=True) == 0
    told = json.loads("{" + capsys.readouterr().out.partition("{")[2])  # the command's log goes elsewhere
    verdicts = {one["question"]: (one["verdict"], one["code"], one["chart"]) for one in told["questions"]}
    assert verdicts == {
        "По воронкам?": ("match", "", False),
        "Всего?": ("other_rows", "", None),
        "Удали": ("refused", "not_a_query", None),
        "Slow?": ("failed", "model_key_refused", None),
        "What?": ("question_back", "Which deals?", None),
    }
    ru, en, everything = told["summary"]
    assert (ru["lang"], ru["questions"], ru["execution_match"], ru["chart_match"]) == ("ru", 2, 0.5, 0.0)
    assert (en["refused"], en["failed"], en["questions_back"], en["repairs"]) == (1, 1, 1, 2)
    assert everything["cost_usd"] == pytest.approx(6 * 0.00114, abs=1e-5)  # the refused one was asked three times
    calls = model.calls
    assert run(as_json=False) == 0
    assert model.calls == 2 * calls  # nothing comes from the cache
    text = capsys.readouterr().out
    assert "Всего?: other_rows" in text
    assert "По воронкам?: drawn as table" in text
    assert "50%" in text


BAD_FILES = ["", "no JSON", '{"question": "?"}', '{"question": "?", "lang": "de", "sql": "SELECT 1"}', "[]"]


def test_wrong_questions_are_told_by_line(warehouse: Database, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    for content in BAD_FILES:
        path.write_text(content)
        with pytest.raises(EvalError, match=r"questions\.jsonl"):
            read_gold(path)
    with pytest.raises(EvalError, match="cannot be read"):
        read_gold(tmp_path / "none.jsonl")
    path.write_text(json.dumps({"question": "?", "lang": "en", "sql": "DROP TABLE crm.deals"}))
    console = Console(width=200, record=True)
    settings = settings_with(warehouse, openai_api_key=KEY, openai_base_url="http://127.0.0.1:9/v1")
    assert evaluate(settings, path, limit=None, at_once=1, as_json=False, console=console) == 2
    assert "the gold statement of “?” is refused" in console.export_text()


def rows(*values: tuple[Any, ...]) -> Rows:
    width = len(values[0]) if values else 0
    return Rows(tuple(Column(f"c{at}", "text") for at in range(width)), values)


MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


def pairs() -> Iterator[tuple[bool, Rows, Rows, bool]]:
    """Whether they are the same, the wanted rows, others, and whether order counts."""
    two = rows(("a", 1), ("b", 2))
    yield True, two, rows((2, "b"), (1, "a")), False
    yield False, two, rows((2, "b"), (1, "a")), True
    yield True, two, rows(("a", Decimal("1.0"), "x"), ("b", 2.001, "y")), True
    yield False, two, rows(("a", 1.2), ("b", 2)), False
    yield False, two, rows(("a", 2), ("b", 1)), False
    yield False, two, rows(("a", 1), ("b", 2), ("c", 3)), False
    yield False, two, rows(("a",), ("b",)), False
    yield False, two, rows(("a", 1, 0, 0, 0), ("b", 2, 0, 0, 0)), False
    yield True, rows((date(2026, 1, 1), None)), rows(("2026-01", "Не указано")), False
    yield True, rows((date(2026, 1, 1),)), rows((MIDNIGHT,)), False
    yield True, rows(("x", 1), ("y", 1)), rows(("y", 1), ("x", 1)), False
    yield True, rows(("y", 5), ("x", 5), ("z", 1)), rows(("x", 5), ("y", 5), ("z", 1)), True
    yield True, rows((1, 2), (3, 4)), rows((4, 3), (2, 1)), False
    yield False, rows((1, 2), (3, 4)), rows((1, 4), (3, 2)), False
    yield True, rows(([1, 2],)), rows(((1, 2),)), False
    yield False, rows((True,)), rows((1,)), False
    yield True, rows((1000, "a"), (1001, "b")), rows((1001.4, "b"), (1000.4, "a")), False


@pytest.mark.parametrize(("same", "wanted", "got", "ordered"), list(pairs()))
def test_rows_are_compared_whatever_stands_around_them(*, same: bool, wanted: Rows, got: Rows, ordered: bool) -> None:
    assert same_rows(wanted, got, ordered=ordered) is same
