"""Whatever comes in, the answer is a statement that passed or a refusal, and soon."""

from __future__ import annotations

import contextlib
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chart_service.guard import Refused, check
from tests.chart_service.guard.examples import HONEST, HOSTILE

MEGABYTES = 1024 * 1024
STATEMENTS = [sql for _, sql in HONEST + HOSTILE if len(sql) < 2_000]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "x" * 10 * MEGABYTES,
        "(" * 10 * MEGABYTES,
        "SELECT '" + "я" * 5 * MEGABYTES,
        "\x00" * MEGABYTES,
        "SELECT " + "1+" * 9_000 + "1 FROM crm.deals",
        "SELECT " + "- " * 9_000 + "1 FROM crm.deals",
        "SELECT a" + "[1]" * 1_300 + " FROM crm.deals",
        "SELECT " + "(" * 59 + "a" + "[1])" * 59 + " FROM crm.deals",
        "SELECT " + ", ".join(["a[1][2][3][4][5][6]"] * 150) + " FROM crm.deals",
        "SELECT " + ", ".join(["ARRAY[ARRAY[ARRAY[ARRAY[1]]]]"] * 200) + " FROM crm.deals",
        "SELECT " + "a." * 1_900 + "b FROM crm.deals",
        "SELECT " + "'a' " * 3_000 + "FROM crm.deals",
        "SELECT 1 FROM crm.deals " + "JOIN crm.leads USING (id) " * 500,
        "WITH " + ", ".join(f"a{i} AS (SELECT id FROM crm.deals)" for i in range(300)) + " SELECT 1 FROM a1",
        "SELECT " + "ARRAY[" * 59 + "1" + "]" * 59 + " FROM crm.deals",
        "SELECT " + "abs(" * 59 + "1" + ")" * 59 + " FROM crm.deals",
        "SELECT " + "CAST(" * 59 + "1" + " AS text)" * 59 + " FROM crm.deals",
        "SELECT " + "/*" * 9_000 + "*/" * 9_000 + "1 FROM crm.deals",
        "SELECT 1 FROM crm.deals WHERE " + " OR ".join(f"id = {i}" for i in range(700)),
    ],
    ids=lambda text: f"{len(text)} of {text[7:14]!r}",
)
def test_large_and_deep_texts_are_answered_quickly(text: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(Refused):
        check(text)
    assert time.process_time() - begun < 2


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    with contextlib.suppress(Refused):
        check(text)


@settings(max_examples=400, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_mixture_of_statements(chance: random.Random) -> None:
    """Two statements cut and joined anywhere, words swapped and doubled: what passes must still pass when printed."""
    one, other = chance.choice(STATEMENTS), chance.choice(STATEMENTS)
    words = one[: chance.randrange(len(one) + 1)].split(" ") + other[chance.randrange(len(other) + 1) :].split(" ")
    for _ in range(chance.randrange(4)):
        words.insert(chance.randrange(len(words) + 1), chance.choice(words))
    try:
        checked = check(" ".join(words))
    except Refused:
        return
    assert check(checked.sql).relations == checked.relations


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_expression_in_any_place(chance: random.Random) -> None:
    """A part of a hostile statement put where an honest one has a column or a table: the guard finds it anywhere."""
    poison = chance.choice(["pg_sleep(5)", "query_to_xml('SELECT 1', true, true, '')", "current_user", "'a'::regclass"])
    honest = chance.choice([sql for _, sql in HONEST])
    places = [spot for word in ("title", "opportunity", "count(*)") for spot in [honest.find(word)] if spot >= 0]
    if not places:
        return
    spot = chance.choice(places)
    word = next(word for word in ("title", "opportunity", "count(*)") if honest.startswith(word, spot))
    if honest[spot - 1] in ".\"'%_" or honest[spot + len(word) : spot + len(word) + 1] in "\"'":
        return
    with pytest.raises(Refused):
        check(honest[:spot] + f"coalesce({poison}::text, '')" + honest[spot + len(word) :])
