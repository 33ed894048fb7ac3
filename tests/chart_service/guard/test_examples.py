"""Honest statements pass, hostile ones do not, and both quickly."""

from __future__ import annotations

import statistics
import time

import pytest

from chart_service.guard import Refused, check
from tests.chart_service.guard.examples import HONEST, HOSTILE


def refusal_of(statement: str) -> Refused | None:
    try:
        check(statement)
    except Refused as refused:
        return refused
    return None


def test_there_are_enough_examples() -> None:
    assert len(HONEST) >= 250
    assert len(HOSTILE) >= 250


def test_honest_statements_pass() -> None:
    refused = [(refusal, sql) for _, sql in HONEST if (refusal := refusal_of(sql))]
    assert not refused


def test_hostile_statements_are_refused() -> None:
    passed = [(category, sql) for category, sql in HOSTILE if refusal_of(sql) is None]
    assert not passed


def test_every_refusal_speaks_to_a_person() -> None:
    for _, sql in HOSTILE:
        refusal = refusal_of(sql)
        assert refusal is not None
        for text in (refusal.message.ru, refusal.message.en):
            assert 10 < len(text) < 250
            assert text.isprintable()


def test_what_passed_passes_again_and_is_the_same() -> None:
    for _, sql in HONEST:
        once = check(sql)
        again = check(once.sql)
        assert (again.sql, again.relations) == (once.sql, once.relations)


def test_comments_are_gone() -> None:
    assert "отчёт" not in check("SELECT /* отчёт */ count(*) -- всего\nFROM crm.deals").sql


@pytest.mark.parametrize("examples", [HONEST, HOSTILE], ids=["honest", "hostile"])
def test_a_statement_takes_a_few_milliseconds(examples: list[tuple[str, str]]) -> None:
    times = []
    for _, sql in examples:
        begun = time.process_time()
        refusal_of(sql)
        times.append(time.process_time() - begun)
    assert statistics.median(times) < 0.005
    assert max(times) < 1
