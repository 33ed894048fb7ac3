"""Numbers as people read them in Russian and English: units, short and full forms, and round axis ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NBSP = "\u00a0"
MINUS = "\u2212"
SEPARATORS = {"ru": f",{NBSP}", "en": ".,"}
"""Plotly's ``layout.separators``: of decimals, of thousands."""

_SCALES = {
    "ru": ((1e12, "трлн"), (1e9, "млрд"), (1e6, "млн"), (1e3, "тыс.")),
    "en": ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")),
}
_SYMBOLS = {"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£", "KZT": "₸", "UAH": "₴", "CNY": "¥", "BYN": "Br"}
_PLAIN_BELOW = 10_000  # smaller numbers are shown without a scale: "1 243" says more than "1,24 тыс."
_HUGE = 1e15


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts: texts before and behind it. ``kind`` tells units apart that look alike."""

    kind: str = "number"
    prefix: str = ""
    suffix: str = ""

    def around(self, number: str) -> str:
        """The number with its unit; a minus stands before the unit's prefix."""
        if self.prefix and number.startswith(MINUS):
            return f"{MINUS}{self.prefix}{number[1:]}{self.suffix}"
        return f"{self.prefix}{number}{self.suffix}"


def money(code: str | None, lang: str) -> Unit:
    """The unit of an amount in a currency; without a code, a number that is still told apart from counts."""
    if not code:
        return Unit("money")
    symbol = _SYMBOLS.get(code.upper(), code)
    if lang == "en" and len(symbol) == 1:
        return Unit(f"money {code}", prefix=symbol)
    return Unit(f"money {code}", suffix=NBSP + symbol)


def percent(lang: str) -> Unit:
    """The unit of per cents."""
    return Unit("percent", suffix=f"{NBSP}%" if lang == "ru" else "%")


def days(lang: str) -> Unit:
    """The unit of days."""
    return Unit("days", suffix=f"{NBSP}дн." if lang == "ru" else f"{NBSP}d")


def duration(seconds: Iterable[float | None], lang: str) -> tuple[float, Unit]:
    """What to divide seconds by so that the largest reads well, and the unit of the quotient."""
    largest = max((abs(value) for value in seconds if value is not None), default=0.0)
    for size, ru, en in ((86400.0, "дн.", "d"), (3600.0, "ч", "h"), (60.0, "мин", "min")):
        if largest >= 2 * size:
            return size, Unit(f"duration {en}", suffix=NBSP + (ru if lang == "ru" else en))
    return 1.0, Unit("duration s", suffix=NBSP + ("с" if lang == "ru" else "s"))


def decimals(values: Iterable[float | None], most: int = 2) -> int:
    """Digits behind the point that the values need, at most ``most``; two more where all are below one tenth."""
    known = [abs(value) for value in values if value is not None and value == value]
    if not known or all(value == int(value) for value in known if value < _HUGE):
        return 0
    finest = most + 2 if 0 < max(known) < 0.1 else most
    return next((digits for digits in range(1, finest) if all(abs(round(v, digits) - v) < 1e-9 for v in known)), finest)


def grouped(value: float, digits: int, lang: str) -> str:
    """The number with ``digits`` behind the point and thousands apart."""
    text = f"{value:.3g}" if abs(value) >= _HUGE * 1000.0 else f"{value:,.{digits}f}"
    if lang == "ru":
        text = text.replace(",", NBSP).replace(".", ",")
    return MINUS + text[1:] if text.startswith("-") and text.strip("-0.,\u00a0") else text.lstrip("-")


def full(value: float, unit: Unit, lang: str, digits: int | None = None) -> str:
    """The number in full with its unit: "1 234 567,89 ₽"."""
    return unit.around(grouped(value, decimals([value]) if digits is None else digits, lang))


def scale_of(largest: float, lang: str) -> tuple[float, str]:
    """The divisor and its name for numbers up to ``largest``: (1e6, " млн"). (1, "") below ten thousand."""
    if largest >= _PLAIN_BELOW:
        for size, name in _SCALES[lang]:
            if largest >= size:
                return size, (NBSP if lang == "ru" else "") + name
    return 1.0, ""


def compact(value: float, unit: Unit, lang: str) -> str:
    """The number in three significant digits: "1,23 млн ₽", "₽1.23M". Below ten thousand, all its whole digits."""
    size, name = scale_of(abs(value), lang)
    scaled = value / size
    if name and abs(scaled) >= 999.5 and size < 1e12:
        size, name = scale_of(size * 1000, lang)
        scaled = value / size
    digits = 0 if scaled == int(scaled) else significant(scaled)
    text = grouped(scaled, digits, lang)
    if digits:
        text = text.rstrip("0").rstrip(",.")
    return unit.around(text + name)


def significant(value: float, count: int = 3) -> int:
    """Digits behind the point that show ``count`` significant ones, at most 4."""
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, min(4, count - 1 - math.floor(math.log10(abs(value)))))


@dataclass(frozen=True, slots=True)
class Ticks:
    """A numeric axis: its range, where its ticks stand, and what they say."""

    range: tuple[float, float]
    values: tuple[float, ...]
    texts: tuple[str, ...]


def ticks(low: float, high: float, unit: Unit, lang: str, *, count: int = 5, zero: bool = True) -> Ticks:
    """Round ticks over ``low`` … ``high``. With ``zero`` the axis starts at zero, or goes through it."""
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= max(abs(low), abs(high)) * 1e-9:  # one value, or values that floats hardly tell apart
        room = max(1.0, abs(high) * 0.1)
        low, high = (low, high + room) if zero else (low - room, high + room)
    step = round_step((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = tuple(number * step for number in range(first, last + 1))
    reached = (min(values[0], low), max(values[-1], high))
    return Ticks(reached, tuple(_neat(v) for v in values), tick_texts(values, unit, lang))


def tick_texts(values: Sequence[float], unit: Unit, lang: str) -> tuple[str, ...]:
    """Texts of ticks, all in the scale of the largest: "0", "0,5 млн ₽", "1 млн ₽"."""
    size, name = scale_of(max((abs(value) for value in values), default=0.0), lang)
    scaled = [_neat(value / size) for value in values]
    digits = max((_needed(value) for value in scaled), default=0)
    return tuple(
        "0" if value == 0 and unit.kind != "percent" else unit.around(grouped(value, digits, lang) + name)
        for value in scaled
    )


def round_step(raw: float) -> float:
    """The least of 1, 2, 2.5, 5 times a power of ten that is not below ``raw``, which is positive."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= raw * 0.999)


def _neat(value: float) -> float:
    return float(f"{value:.15g}")


def _needed(value: float) -> int:
    return next((digits for digits in range(6) if abs(round(value, digits) - value) < 1e-9 * max(1, abs(value))), 6)
