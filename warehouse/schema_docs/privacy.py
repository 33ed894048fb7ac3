"""Which values may be shown in a document that everybody reads. Whatever is not allowed here is not shown.

Names, phones, addresses and free text are in text columns, and no value of a text column is ever shown. Codes are
shown with the labels that the portal's settings give them. Of numbers and dates only ranges are shown, rounded, and
only where the column can hold nothing about a single person.
"""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal

from warehouse.view import Kind

LEAST_ROWS = 10
"""A range of fewer values than these would be the values themselves."""

_RANGE_TYPES = frozenset({"int8", "numeric", "date", "timestamptz"})

_STANDARD = frozenset(
    {
        *("OPPORTUNITY", "TAX_VALUE", "PROBABILITY", "REVENUE", "AMOUNT"),
        *("DATE_CREATE", "DATE_MODIFY", "MOVED_TIME", "CREATED_TIME", "BEGINDATE", "CLOSEDATE", "DATE_CLOSED"),
        *("LAST_ACTIVITY_TIME", "DATE_UPDATE"),
    }
)
"""Standard fields whose range says something about the business and nothing about a person."""

_USER_TYPES = frozenset({"double", "money", "integer", "date", "datetime"})

_ABOUT_A_PERSON = re.compile(
    r"рожд|возраст|паспорт|снилс|инн\b|полис|удостовер|телефон|моб|номер|карт|сч[её]т|адрес|индекс|зарплат|оклад|"
    r"birth|age\b|passport|tax.?id|\binn\b|ssn|insurance|licen[cs]e|phone|mobile|number|card|account|address|zip|salary|wage",
    re.IGNORECASE,
)

_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # e-mail
    r"|(?<!\w)\+?\d[\d\s().-]{8,}\d(?!\w)"  # ten digits or more: a phone, a passport, a card
)


def may_show_range(entity: str, kind: Kind, pg_type: str, *, code: str, field_type: str, title: str) -> bool:
    """Whether smallest and largest value of a column may be shown, rounded."""
    if pg_type not in _RANGE_TYPES or entity == "user":
        return False
    if kind == "derived":
        return True
    if kind != "field":
        return False
    if not code.upper().startswith("UF_"):
        return code.upper() in _STANDARD
    return field_type in _USER_TYPES and not _ABOUT_A_PERSON.search(f"{title} {code.replace('_', ' ')}")


def without_contacts(text: str) -> str:
    """A title or label with e-mail addresses and long numbers masked: people do type them into settings."""
    return _CONTACT.sub("***", text)


def rounded_range(low: object, high: object) -> tuple[str, str] | None:
    """Both ends made coarse and wider: numbers to two digits, dates to their month. None for anything else."""
    if isinstance(low, date) and isinstance(high, date):
        return _month(low), _month(high)
    if isinstance(low, int | Decimal) and isinstance(high, int | Decimal):
        return _two_digits(Decimal(low), up=False), _two_digits(Decimal(high), up=True)
    return None


def _month(moment: date | datetime) -> str:
    return f"{moment.year:04d}-{moment.month:02d}"


def _two_digits(number: Decimal, *, up: bool) -> str:
    if number == 0:
        return "0"
    step = Decimal(1).scaleb(number.adjusted() - 1)
    steps = number / step
    whole = Decimal(math.ceil(steps) if up else math.floor(steps)) * step
    return f"{whole.normalize():f}" if abs(whole.adjusted()) <= 15 else f"{whole:.1E}"
