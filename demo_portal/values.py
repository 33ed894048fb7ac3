"""From Python values to the form in which the classic API prints them: nearly everything is a string."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from demo_portal.clock import SERVER_ZONE, parse_instant, print_datetime
from demo_portal.php import as_list
from demo_portal.schema import FieldSpec


def to_wire(field: FieldSpec, value: Any) -> Any:
    """The printed form of a value that somebody stores in this field.

    Follows what the portal does with input: days are printed as midnight UTC in the server's offset, instants in the
    server's offset, amounts with two decimals. What it cannot read it keeps as text, like the portal's string columns.
    """
    if field.multiple:
        if value in (None, False, "") or value == [] or value == {}:
            return False
        return [_scalar(field, item) for item in as_list(value)]
    return _scalar(field, value)


def _scalar(field: FieldSpec, value: Any) -> Any:
    if value is None or isinstance(value, Mapping | list):
        return value
    if isinstance(value, bool):
        return ("1" if value else "0") if field.type == "boolean" else ("Y" if value else "N")
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=SERVER_ZONE)
        if field.type == "date":
            return f"{moment.date().isoformat()}T03:00:00+03:00"
        return print_datetime(int(moment.timestamp()))
    if isinstance(value, date):
        return f"{value.isoformat()}T03:00:00+03:00"
    text = str(value)
    if field.type == "date" and len(text) == 10 and parse_instant(text) is not None:
        return f"{text}T03:00:00+03:00"
    if field.type == "datetime" and text and (epoch := parse_instant(text)) is not None:
        return print_datetime(int(epoch))
    if field.type == "double" and field.code in ("OPPORTUNITY", "TAX_VALUE"):
        return _two_decimals(text)
    return text


def _two_decimals(text: str) -> str:
    try:
        return f"{float(text):.2f}"
    except ValueError:
        return text
