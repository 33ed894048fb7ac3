"""Cells as plain values that JSON can carry and Plotly can draw."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from chart_service.figures.labels import clean
from chart_service.figures.numbers import grouped

_LARGEST = 1e100  # past it, sums and axes stop being numbers
_EXACT = 2**53  # whole numbers that JavaScript keeps exactly
_WORDS = {"ru": ("да", "нет", "не указано"), "en": ("yes", "no", "not set")}


def number(value: Any) -> int | float | None:
    """The cell as a finite number; None for anything else, NaN and infinity included. True is 1."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if not isinstance(value, int | float | Decimal):
        return None
    try:
        plain = float(value)
    except (OverflowError, ValueError):
        return None
    if not math.isfinite(plain) or abs(plain) > _LARGEST:
        return None
    return int(plain) if plain == int(plain) and abs(plain) <= _EXACT else plain


def wording(value: Any, lang: str) -> str:
    """The cell as text for a person: not escaped, one line. Numbers are written as they are, since they may be ids."""
    yes, no, unset = _WORDS[lang]
    if value is None:
        return unset
    if isinstance(value, bool):
        return yes if value else no
    if isinstance(value, str):
        return clean(value) or unset
    if isinstance(value, int | float | Decimal):
        plain = number(value)
        return clean(str(value)) if plain is None else _bare(plain, lang)
    if isinstance(value, list | tuple):
        return clean(", ".join(wording(item, lang) for item in value[:20])) or unset
    if isinstance(value, dict):
        return clean(json.dumps(value, ensure_ascii=False, default=str))
    return clean(str(value))


def _bare(value: int | float, lang: str) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"{value:.6g}"
    return text.replace(".", ",") if lang == "ru" else text


def raw(value: Any) -> str | int | float | bool | None:
    """The cell as it may stand in JSON beside a mark, for filtering by it: dates in ISO form, structures as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value[:500].encode("utf-8", "ignore").decode()
    if isinstance(value, int | float | Decimal):
        plain = number(value)
        return str(value)[:100] if plain is None else plain
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return wording(value, "en")


def tabular(value: Any, lang: str, digits: int | None) -> str:
    """The cell in a table: a measure's numbers with thousands apart and ``digits`` behind the point, if not None."""
    if value is None:
        return "—"
    plain = number(value) if digits is not None and not isinstance(value, bool) else None
    if plain is not None and digits is not None:
        return grouped(plain, digits, lang)
    if isinstance(value, datetime):
        return f"{value:%d.%m.%Y %H:%M}" if lang == "ru" else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}" if lang == "ru" else value.isoformat()
    return wording(value, lang)
