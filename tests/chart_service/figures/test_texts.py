"""Numbers, dates and labels as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest

from chart_service.figures import dates, labels, numbers
from chart_service.figures.numbers import Unit

RUB_RU, RUB_EN, USD_EN = numbers.money("RUB", "ru"), numbers.money("RUB", "en"), numbers.money("USD", "en")
PLAIN = Unit()


@pytest.mark.parametrize(
    ("value", "unit", "lang", "text"),
    [
        (0, PLAIN, "ru", "0"),
        (1243, PLAIN, "ru", "1\u00a0243"),
        (1243, PLAIN, "en", "1,243"),
        (12_345, PLAIN, "ru", "12,3\u00a0тыс."),
        (12_345, PLAIN, "en", "12.3K"),
        (1_234_567, RUB_RU, "ru", "1,23\u00a0млн\u00a0₽"),
        (1_234_567, RUB_EN, "en", "₽1.23M"),
        (-1_234_567, USD_EN, "en", "−$1.23M"),
        (999_999, PLAIN, "en", "1M"),
        (79_412_345.5, RUB_RU, "ru", "79,4\u00a0млн\u00a0₽"),
        (3_200_000_000, RUB_RU, "ru", "3,2\u00a0млрд\u00a0₽"),
        (12.5, numbers.percent("ru"), "ru", "12,5\u00a0%"),
        (12.5, numbers.percent("en"), "en", "12.5%"),
        (0.00123, PLAIN, "en", "0.0012"),
        (5e15, PLAIN, "en", "5,000T"),
    ],
)
def test_short_numbers(value: float, unit: Unit, lang: str, text: str) -> None:
    assert numbers.compact(value, unit, lang) == text


@pytest.mark.parametrize(
    ("value", "unit", "lang", "text"),
    [
        (1_234_567.89, RUB_RU, "ru", "1\u00a0234\u00a0567,89\u00a0₽"),
        (1_234_567.89, USD_EN, "en", "$1,234,567.89"),
        (-0.001, PLAIN, "en", "−0.001"),
        (1e30, PLAIN, "en", "1e+30"),
        (7, numbers.days("ru"), "ru", "7\u00a0дн."),
    ],
)
def test_full_numbers(value: float, unit: Unit, lang: str, text: str) -> None:
    assert numbers.full(value, unit, lang) == text


def test_ticks_are_round_share_a_scale_and_have_three_digits_at_most() -> None:
    axis = numbers.ticks(0, 4_470_000, RUB_RU, "ru")
    assert axis.texts == (
        "0",
        "1\u00a0млн\u00a0₽",
        "2\u00a0млн\u00a0₽",
        "3\u00a0млн\u00a0₽",
        "4\u00a0млн\u00a0₽",
        "5\u00a0млн\u00a0₽",
    )
    assert numbers.ticks(0, 2.2e6, PLAIN, "en").texts == ("0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M")
    for high in (3, 17, 140, 990, 12_000, 333_333, 7.7e8):
        for text in numbers.ticks(0, high, PLAIN, "en").texts:
            assert len([c for c in text if c.isdigit()]) <= 4, text


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (5, 5), (1e30, 1e30), (-1e-12, 1e-12), (1e15, 1e15 + 0.25), (-7, -7), (-1e99, 1e99)]
)
def test_ticks_of_odd_ranges(low: float, high: float) -> None:
    for zero in (True, False):
        axis = numbers.ticks(low, high, PLAIN, "ru", zero=zero)
        assert axis.range[0] < axis.range[1]
        assert axis.range[0] <= low
        assert axis.range[1] >= high
        assert 2 <= len(axis.values) <= 12
        assert len(axis.values) == len(axis.texts)


def test_currencies_that_nobody_listed_are_their_code() -> None:
    assert numbers.full(5, numbers.money("XAU", "en"), "en") == "5\u00a0XAU"
    assert numbers.money("RUB", "ru") != numbers.money("USD", "ru")


def test_seconds_are_shown_in_what_suits_the_largest() -> None:
    assert numbers.duration([30, None], "ru") == (1.0, Unit("duration s", suffix="\u00a0с"))
    assert numbers.duration([7200], "en")[0] == 3600
    assert numbers.duration([864_000, 5], "ru")[1].suffix == "\u00a0дн."


def _days(*texts: str) -> list[datetime]:
    return [datetime.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("moments", "column", "grain"),
    [
        (_days("2025-01-01", "2026-01-01"), "y", "year"),
        (_days("2026-01-01"), "month", "month"),
        (_days("2026-01-01", "2026-04-01"), "quarter", "quarter"),
        (_days("2026-01-01", "2026-04-01"), "created", "month"),
        (_days("2026-01-05", "2026-01-12", "2026-01-26"), "d", "week"),
        (_days("2026-01-05", "2026-01-07"), "d", "day"),
        (_days("2026-01-05", "2026-01-05T14:00"), "d", "hour"),
        (_days("2026-01-05T14:07"), "d", "moment"),
    ],
)
def test_what_dates_are_the_starts_of(moments: list[datetime], column: str, grain: str) -> None:
    assert dates.grain_of(moments, column) == grain


def test_periods_in_words() -> None:
    at = datetime(2026, 1, 5, 14, 30)
    assert dates.period(at, "month", "ru") == "Январь 2026"
    assert dates.period(at, "month", "en") == "January 2026"
    assert dates.period(at, "day", "ru") == "5 января 2026"
    assert dates.period(at, "day", "en") == "January 5, 2026"
    assert dates.period(at, "quarter", "ru") == "I кв. 2026"
    assert dates.period(at, "quarter", "en") == "Q1 2026"
    assert dates.period(at, "moment", "ru") == "5 января 2026, 14:30"


def test_the_year_stands_where_it_begins() -> None:
    months = dates.sequence(_days("2025-11-01", "2026-02-01"), "month")
    assert [text for _, text in dates.axis_texts(months, "month", "ru")] == ["ноя<br>2025", "дек", "янв<br>2026", "фев"]


def test_no_axis_of_moments_has_more_than_eight_ticks() -> None:
    first = datetime(2020, 1, 31, 23, 59)
    for seconds in (1, 3600, 86_400, 40 * 86_400, 400 * 86_400, 9000 * 86_400, 2_000_000 * 86_400):
        last = datetime.fromtimestamp(first.timestamp() + seconds)
        assert len(dates.axis_moments(first, last, "ru")) <= 8


def test_holes_are_filled_only_where_that_is_not_too_long() -> None:
    assert len(dates.sequence(_days("2026-01-01", "2026-12-01"), "month")) == 12
    far = _days("2020-01-01", "2026-01-02")
    assert dates.sequence(far, "day") == far
    late = _days("9999-11-01", "9999-12-01")
    assert dates.sequence(late, "month") == late


def test_texts_are_dates_only_when_all_of_them_are() -> None:
    assert dates.from_texts(["2026-01", None]) == [datetime(2026, 1, 1), None]
    assert dates.from_texts(["2026-01", "soon"]) is None
    assert dates.from_texts(["2026-02-30"]) is None
    assert dates.from_texts([None]) is None


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("a & b", "a &amp; b"),
        ("%{x}", "%\u2060{x}"),
        ("a\x00\x1b\u202eb\ud800", "ab"),
        ("one\n\ttwo", "one two"),
        ("1\u00a0000", "1\u00a0000"),
        ("&lt;img&gt;", "&amp;lt;img&amp;gt;"),
    ],
)
def test_labels_are_shown_as_they_are(text: str, safe: str) -> None:
    assert labels.shown(text) == safe


def test_long_labels_end_in_an_ellipsis_before_they_are_escaped() -> None:
    text = labels.shown("<" * 500, 10)
    assert text == "&lt;" * 9 + "…"


def test_wrapped_labels_are_escaped_line_by_line() -> None:
    assert labels.wrapped("<b>one two three", 8) == "&lt;b&gt;one<br>two…"


def test_equal_labels_are_told_apart() -> None:
    assert labels.distinct(["a", "a", "a (2)", "a"]) == ["a", "a (2)", "a (2) (2)", "a (3)"]
