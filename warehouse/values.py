"""Values of list answers made into what PostgreSQL stores.

The classic ``crm.*.list`` methods answer with text for everything, and with several spellings of "no value"
(``""``, ``null``, ``false``, ``[]``, a missing key, ``"0"`` for a reference). All of them become NULL. A value that
does not fit its column raises :class:`Unfit`; the caller keeps it as an issue, never losing the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
from psycopg.types.json import Jsonb

from warehouse.columns import JSONB, UNSTORABLE, Column

Converter = Callable[[Any], Any]

BIGINT_RANGE = range(-(2**63), 2**63)
MAX_DIGITS = 1000
"""Numbers longer than this are noise, and PostgreSQL's numeric ends at 131,072 digits."""

_AUTH_VALUE = re.compile(rb"(auth=)[^&\"\\\s]+")
_HALF_DAY = timedelta(hours=12)


class Unfit(ValueError):
    """A value that its column cannot hold. The text is the reason, without the value."""


def converter(column: Column) -> Converter:
    """The function that turns a raw value of this column's field into what ``COPY`` writes; it may raise Unfit."""
    single = single_converter(column)
    if column.pg_type == JSONB:
        return to_json
    if column.is_array:
        return _many(single)
    return _one(single)


def to_text(value: Any) -> str | None:
    """Text without NUL characters and lone surrogates, which PostgreSQL cannot store."""
    if isinstance(value, str):
        return (UNSTORABLE.sub("", value) if UNSTORABLE.search(value) else value) or None
    if isinstance(value, bool):
        return "true" if value else None  # PHP's false is "no value"
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise Unfit(f"expected text, got {_kind(value)}")


def to_integer(value: Any) -> int | None:
    """A whole number within bigint; ``"410"``, ``410``, ``410.0``."""
    if isinstance(value, str) and len(value) < 19 and value.isdecimal():
        return int(value)  # nearly every value takes this way
    number = to_number(value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise Unfit("expected a whole number")
    whole = int(number)
    if whole not in BIGINT_RANGE:
        raise Unfit("whole number beyond 64 bits")
    return whole


def to_reference(value: Any) -> int | None:
    """The id of another record; 0 means none (except for pipelines, where 0 is the default pipeline)."""
    return to_integer(value) or None


def to_number(value: Any) -> Decimal | None:
    """An exact decimal; ``"19999.99"``, ``"1.0E+25"``, ``19000``."""
    return None if value is False else _decimal(value)


def to_boolean(value: Any) -> bool | None:
    """``Y``/``N`` (char), ``1``/``0`` (user fields), JSON booleans."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().upper()
    if text in ("Y", "1", "TRUE"):
        return True
    if text in ("N", "0", "FALSE"):
        return False
    if text == "":
        return None
    raise Unfit("expected Y, N, 1 or 0")


def to_timestamp(value: Any) -> datetime | None:
    """ISO text with an offset, as an instant."""
    moment = None if value is False else _iso(value)
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise Unfit("date and time without a time zone")
    if 1 < moment.year < 9999:
        return moment
    try:
        return moment.astimezone(UTC)  # at the edges the same instant may lie beyond what readers can show
    except OverflowError:
        raise Unfit("date beyond the years 1 to 9999") from None


def to_date(value: Any) -> date | None:
    """A calendar day.

    Bitrix24 prints a date as midnight UTC shifted to the server's offset (``2024-08-30T03:00:00+03:00``), so the day is
    the nearest midnight in UTC, never the first ten characters.
    """
    if value is False:
        return None
    if isinstance(value, str) and len(value) == 10:
        moment = _iso(value)
        return moment.date() if moment else None
    instant = to_timestamp(value)
    if instant is None:
        return None
    try:
        return (instant.astimezone(UTC) + _HALF_DAY).date()
    except OverflowError:
        raise Unfit("date beyond the years 1 to 9999") from None


def to_file_id(value: Any) -> int | None:
    """The file's id only: its URLs carry an access token and change with every call."""
    if isinstance(value, Mapping):
        value = value.get("id", value.get("ID"))
        if value is None:
            raise Unfit("file without an id")
    return to_reference(value)


def to_json(value: Any) -> Jsonb | None:
    """Any value as jsonb, without unstorable characters and without access tokens in URLs."""
    if value is None or value is False or value == "" or value == []:
        return None
    return Jsonb(encode_json(value), _ready)


def encode_json(value: Any) -> bytes:
    """JSON text that ``jsonb`` accepts: no NUL, no lone surrogates, values of ``auth=`` masked."""
    try:
        encoded = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except (orjson.JSONEncodeError, TypeError):
        encoded = orjson.dumps(_scrubbed(value), option=orjson.OPT_NON_STR_KEYS, default=str)
    if b"\\u0000" in encoded:
        encoded = orjson.dumps(_scrubbed(value), option=orjson.OPT_NON_STR_KEYS, default=str)
    return _AUTH_VALUE.sub(rb"\1***", encoded) if b"auth=" in encoded else encoded


def money_amount(value: Any) -> Decimal | None:
    """The number of ``"300|RUB"``."""
    return _decimal(_money(value)[0]) if isinstance(value, str) else to_number(value)


def money_currency(value: Any) -> str | None:
    """The currency code of ``"300|RUB"``."""
    return to_text(_money(value)[1]) if isinstance(value, str) else None


def _money(value: str) -> tuple[str, str]:
    amount, _, currency = value.partition("|")
    if "|" in currency:
        raise Unfit("expected an amount and a currency")
    return amount, currency


_BY_TYPE: Mapping[str, Converter] = {
    "integer": to_integer,
    "int": to_integer,
    "crm_category": to_integer,
    "double": to_number,
    "money": money_amount,
    "char": to_boolean,
    "boolean": to_boolean,
    "date": to_date,
    "datetime": to_timestamp,
    "file": to_file_id,
    "string": to_text,
    "text": to_text,
    "url": to_text,
    "address": to_text,
    "crm": to_text,
    "crm_currency": to_text,
    "crm_status": to_text,
}


def single_converter(column: Column) -> Converter:
    """What converts one value of this column's field that is there."""
    if column.part == "currency":
        return money_currency
    return _BY_TYPE.get(column.field.type, to_reference)


def _one(convert: Converter) -> Converter:
    def one(value: Any) -> Any:
        if type(value) is str:
            return convert(value) if value else None
        if value is None or value == []:
            return None
        if isinstance(value, list):
            if len(value) > 1:
                raise Unfit(f"{len(value)} values for a single-valued field")
            value = value[0]
            if value is None or value == "":
                return None
        return convert(value)

    return one


def _many(convert: Converter) -> Converter:
    def many(value: Any) -> Any:
        if value is None or value is False or value == "":
            return None
        if isinstance(value, Mapping) and not ("id" in value or "ID" in value):
            value = list(value.values())  # a list with gaps arrives as a map
        elif not isinstance(value, list):
            value = [value]
        items = [convert(item) for item in value if item is not None and item is not False and item != ""]
        return [item for item in items if item is not None] or None

    return many


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, float):
        value = repr(value)
    elif isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unfit(f"expected a number, got {_kind(value)}")
    text = str(value).strip()
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Unfit("expected a number") from None
    if not number.is_finite():
        raise Unfit("not a finite number")
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise Unfit(f"number of more than {MAX_DIGITS:,} digits")
    return number


def _iso(value: Any) -> datetime | None:
    if not isinstance(value, str):
        if isinstance(value, Mapping) and not value:
            return None  # an empty PHP date object
        raise Unfit(f"expected a date, got {_kind(value)}")
    text = value.strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unfit("expected an ISO date within the years 1 to 9999") from None


def _ready(encoded: bytes) -> bytes:
    """The ``dumps`` of values that are JSON text already."""
    return encoded


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return UNSTORABLE.sub("", value)
    if isinstance(value, Mapping):
        return {UNSTORABLE.sub("", str(key)): _scrubbed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    return value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list) else f"a {type(value).__name__}"
