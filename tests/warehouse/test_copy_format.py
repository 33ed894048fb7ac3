"""Cells of a binary COPY: the bytes that psycopg sends, whatever was remembered before."""

from __future__ import annotations

import tracemalloc
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import adapters
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format

from bitrix.fields import Field
from warehouse import copy_format
from warehouse.columns import Column, wanted_parts
from warehouse.copy_format import NULL, PageEncoder, Refusal
from warehouse.values import Unfit, converter


def column(field_type: str, *, multiple: bool = False) -> Column:
    field = Field("F", field_type, multiple)
    return Column("f", dict(wanted_parts(field))["value"], field)


def sent(of: Column, value: Any) -> bytes:
    """What psycopg makes of the converted value."""
    converted = converter(of)(value)
    if converted is None:
        return NULL
    transformer = Transformer()
    transformer.set_dumper_types([adapters.types.get_oid(of.pg_type)], Format.BINARY)
    cell = transformer.dump_sequence([converted], [PyFormat.BINARY])[0]
    assert cell is not None
    return len(cell).to_bytes(4, "big") + bytes(cell)


VALUES: dict[tuple[str, bool], list[Any]] = {
    ("integer", False): ["7", 7, "7", 7.0, "", None, "0", ["7"], False, 0],
    ("string", False): ["a", "a", "я" * 5000, "", None, "a\x00", ["a"], 1, True, 1.0, "1", False],
    ("integer", True): [["7", "8"], ["7"], [], ["0"]],
    ("user", False): ["7", "0", "00", 0, "-7", " 7 ", "٧", "9" * 18, "7", None, ""],
    ("double", False): ["1.50", "1.5", 1.5, 0.1, "1.50", None],
    ("char", False): ["Y", "N", True, "1", 1, False, "0", None],
    ("boolean", False): ["1", True, 1, "0", 0, False],
    ("datetime", False): ["2026-01-01T10:00:00+03:00", {}, "", "2026-01-01T10:00:00+03:00", " 2026-01-01T10:00:00Z "],
    ("date", False): ["2026-01-01T03:00:00+03:00", "2026-01-01", False],
    ("string", True): [["a"], ["a", "b"], ["a"], [], False, None, {"0": "a"}, ["a" * 99], "a", 0, ["1"], [1]],
    ("enumeration", True): [[1, 2], ["1", "2"], [1.0], [1], [1, 2], [], False, 0, "3", list(range(20))],
    ("unheard_of", False): [{"a": 1}, [1], ["1"], "text", False, None, 0, 0.0, "", []],
}


@pytest.mark.parametrize(("kind", "values"), VALUES.items(), ids=str)
def test_every_cell_is_what_psycopg_sends(kind: tuple[str, bool], values: list[Any]) -> None:
    of = column(kind[0], multiple=kind[1])
    encoder = PageEncoder([of])
    for value in [*values, *reversed(values)]:
        assert encoder.columns([[value]]) == [[sent(of, value)]], value
        assert encoder.refused == []
    for page in (values, values * 3, values[::-1]):
        for fresh in (encoder, PageEncoder([of])):
            assert fresh.columns([page]) == [[sent(of, value) for value in page]]
            assert fresh.refused == []


def cell_or_refusal(of: Column, value: Any) -> tuple[bytes, list[Refusal]]:
    try:
        return sent(of, value), []
    except Unfit as error:
        return NULL, [Refusal(0, "F", value, str(error))]


ODD = st.text("0123456789.-+eE \x00я٧\ud800", max_size=22) | st.sampled_from(
    [None, False, True, "", 0, 1.5, [], ["1"], {}]
)


USUAL = st.integers(0, 10**6).map(str) | st.datetimes().map(lambda moment: f"{moment.isoformat()[:19]}+03:00")


@pytest.mark.parametrize("remembered", [4096, 3])
@pytest.mark.parametrize("kind", ["integer", "user", "file", "double", "money", "string", "datetime", "date", "char"])
@given(pages=st.lists(st.lists(ODD | USUAL, max_size=6), max_size=4))
def test_a_page_is_what_its_values_are_alone(kind: str, remembered: int, pages: list[list[Any]]) -> None:
    of = column(kind)
    encoder = PageEncoder([of])
    with patch.object(copy_format, "_REMEMBERED", remembered):
        for page in pages:
            alone = [cell_or_refusal(of, value) for value in page]
            assert encoder.columns([page]) == [[cell for cell, _ in alone]]
            refusals = [one._replace(row=row) for row, (_, refused) in enumerate(alone) for one in refused]
            assert encoder.refused == refusals


ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.lists(st.tuples(st.datetimes(), st.sampled_from(["T", " "]), st.sampled_from(["auto", "seconds"])), min_size=1),
    ZONES,
)
def test_a_moment_is_the_same_whether_its_day_was_seen_or_not(
    moments: list[tuple[datetime, str, str]], zone: tzinfo
) -> None:
    of = column("datetime")
    encoder = PageEncoder([of])
    for moment, between, precision in moments:
        for other in (moment, moment.replace(hour=23, minute=59), moment.replace(hour=0, second=7)):
            value = other.replace(tzinfo=zone).isoformat(between, precision)
            wanted, refused = cell_or_refusal(of, value)
            assert encoder.columns([[value]]) == [[wanted]]
            assert encoder.refused == refused


def test_a_moment_without_a_zone_does_not_fit_on_a_day_that_was_seen() -> None:
    encoder = PageEncoder([column("datetime")])
    assert encoder.columns([["2026-01-01T10:00:00+03:00"]]) != [[NULL]]
    for value in ("2026-01-01T10:00:00", "2026-01-01T10:61:00+03:00", "2026-01-01T+03:00", "2026-01-01T10:00:0x+03:00"):
        assert encoder.columns([[value]]) == [[NULL]]
        assert [refusal.value for refusal in encoder.refused] == [value]


def test_what_does_not_fit_is_null_and_said_each_time() -> None:
    encoder = PageEncoder([column("integer"), column("string"), column("double")])
    for _ in range(2):
        cells = encoder.columns([["7", "many", "many"], ["a", ["a", "b"], "b"], ["1", "2", "3"]])
        assert cells[0] == [sent(column("integer"), "7"), NULL, NULL]
        assert cells[1] == [sent(column("string"), "a"), NULL, sent(column("string"), "b")]
        assert cells[2] == [sent(column("double"), value) for value in "123"]
        assert encoder.refused == [
            Refusal(1, "F", "many", "expected a number"),
            Refusal(2, "F", "many", "expected a number"),
            Refusal(1, "F", ["a", "b"], "2 values for a single-valued field"),
        ]
    assert encoder.columns([["1"], ["a"], ["1"]])[0] != [NULL]
    assert encoder.refused == []


def test_memory_does_not_grow_with_what_was_seen() -> None:
    """Twice as many different values take no more memory."""
    encoder = PageEncoder([column("integer"), column("integer", multiple=True)])
    grown = []
    tracemalloc.start()
    try:
        for start in range(0, 30_000, 10_000):
            before = tracemalloc.get_traced_memory()[0]
            for number in range(start, start + 10_000):
                encoder.columns([[str(number)], [[str(number)]]])
            grown.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert grown[0] > 100_000
    assert grown[1] < 5000
    assert grown[2] < 5000
