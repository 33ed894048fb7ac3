"""What a column's name and values tell of it: unit, whether its numbers may be added up, whether it is an id."""

from __future__ import annotations

import re

from chart_service.figures import numbers
from chart_service.figures.numbers import Unit
from chart_service.figures.shape import MeasureRef
from chart_service.figures.trace import Layout, ValueFormat

_ADDS = re.compile(
    r"count|(?:^|_)cnt|sum|total|amount|opportunity|revenue|qty|quantity|number_of|deals|leads|contacts|companies|calls"
    r"|кол-?во|количеств|сумм|выручк|число|сделок|лидов|всего|оборот",
    re.IGNORECASE,
)
_NEVER_ADDS = re.compile(
    r"avg|average|mean|median|(?:^|_)rate|ratio|share|percent|pct|conversion|(?:^|_)(?:min|max)(?:$|_)|(?:^|_)p\d\d|per_"
    r"|distinct|unique|cumul|running|средн|медиан|дол[яи]|процент|конверси|(?:^|[_ ])(?:мин|макс)|на_одн"
    r"|накоп|уникальн|%",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"amount|opportunity|revenue|price|money|income|check|сумм|выручк|цена|чек|оборот|стоимост|доход", re.IGNORECASE
)
_COUNT = re.compile(r"count|(?:^|_)cnt|кол-?во|количеств|число", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(?:^|_)(?:id|sort|code|number|номер)$", re.IGNORECASE)
_REFERENCE = re.compile(
    r"(?:^|_)(?:prev|previous|last|prior|before|plan|target|goal)(?:_|$)|прошл|предыдущ|план|цель|было", re.IGNORECASE
)
_CURRENCY = re.compile(r"currency|валют", re.IGNORECASE)


def may_be_added(column: str, value_format: ValueFormat | None) -> bool | None:
    """True for sums and counts, False for averages, shares and the like, None where nothing tells."""
    if value_format in ("percent", "fraction", "days", "duration") or _NEVER_ADDS.search(column):
        return False
    return True if _ADDS.search(column) else None


def is_identifier(column: str) -> bool:
    """A numeric column whose numbers name things: an id, a sort order."""
    return bool(_IDENTIFIER.search(column))


def is_reference(column: str) -> bool:
    """A column that others are compared with: a previous value, a plan."""
    return bool(_REFERENCE.search(column))


def is_currency(column: str) -> bool:
    """A column that says what currency the row's amounts are in."""
    return bool(_CURRENCY.search(column))


def is_money(ref: MeasureRef, layout: Layout) -> bool:
    """A measure that is an amount of money, as the template says, or else as its name does."""
    said = value_format(ref, layout)
    if said is not None:
        return said == "money"
    return bool(_MONEY.search(ref.column)) and not _COUNT.search(ref.column)


def value_format(ref: MeasureRef, layout: Layout) -> ValueFormat | None:
    """The format of a measure: its own, or else the layout's, which is not meant for counts beside it."""
    if ref.value_format is None and (ref.bare or _COUNT.search(ref.column)):
        return None
    return ref.value_format or layout.value_format


def unit_and_factor(
    ref: MeasureRef, layout: Layout, currency: str | None, values: list[float | None], lang: str
) -> tuple[Unit, float]:
    """The unit of a measure's numbers, and what to multiply them by first."""
    said = value_format(ref, layout)
    if said == "percent":
        return numbers.percent(lang), 1.0
    if said == "fraction":
        return numbers.percent(lang), 100.0
    if said == "days":
        return numbers.days(lang), 1.0
    if said == "duration":
        divisor, unit = numbers.duration(values, lang)
        return unit, 1 / divisor
    if is_money(ref, layout):
        return numbers.money(currency, lang), 1.0
    return Unit(), 1.0
