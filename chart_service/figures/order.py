"""In what order categories stand: time and numbers by themselves, ordered lists as the statement has them, the rest by
value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from chart_service.figures import measures
from chart_service.figures.chart import Dimension, Key
from chart_service.rows import Rows

_NAMED_ORDER = re.compile(
    r"stage|status|step|phase|level|bucket|range|band|size|age|month|week|day|quarter|hour|grade|priority|semantic"
    r"|стади|статус|этап|шаг|диапазон|возраст|месяц|недел|день|дни|квартал|час|приоритет|разряд",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\s*[<>≤≥]?\s*[QqTКк]?\d")
_CALENDAR = tuple(
    {name: number for number, name in enumerate(names.split())}
    for names in (
        "пн вт ср чт пт сб вс",
        "понедельник вторник среда четверг пятница суббота воскресенье",
        "mon tue wed thu fri sat sun",
        "monday tuesday wednesday thursday friday saturday sunday",
        "янв фев мар апр май июн июл авг сен окт ноя дек",
        "январь февраль март апрель май июнь июль август сентябрь октябрь ноябрь декабрь",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "january february march april may june july august september october november december",
    )
)


def calendar_order(keys: Sequence[Key]) -> dict[Key, int] | None:
    """Positions of keys that are all days of the week, or all months, by name; None for any other."""
    words = {key: str(key).casefold().rstrip(".") for key in keys}
    for names in _CALENDAR:
        if words and all(word in names for word in words.values()):
            return {key: names[word] for key, word in words.items()}
    return None


def natural(dimension: Dimension) -> list[Key] | None:
    """The keys in an order that they have by themselves: moments, numbers, days, months. None where they have none.

    Keys without a value come last.
    """
    keys = dimension.distinct()
    moments = sorted(key for key in keys if isinstance(key, datetime))
    if moments:
        return [*moments, *(key for key in keys if not isinstance(key, datetime))]
    numbers = sorted(key for key in keys if isinstance(key, int | float))
    others = [key for key in keys if not isinstance(key, int | float)]
    if numbers and len(others) <= 1 and not measures.is_identifier(dimension.column):
        return [*numbers, *others]
    positions = calendar_order(keys)
    return sorted(keys, key=positions.__getitem__) if positions else None


def is_ordered(dimension: Dimension, rows: Rows) -> bool:
    """Whether the order of the rows says something: a stage, a range, or a column of positions beside it."""
    keys = dimension.distinct()
    if _NAMED_ORDER.search(dimension.column) or all(_NUMBERED.match(str(key)) for key in keys):
        return True
    return any(re.search(r"(?:^|_)sort$", name, re.IGNORECASE) for name in rows.names())


def arranged(dimension: Dimension, totals: Mapping[Key, float], rows: Rows) -> list[Key]:
    """The keys of a dimension as they should stand: largest first, unless their order says something."""
    by_nature = natural(dimension)
    if by_nature is not None:
        return by_nature
    keys = dimension.distinct()
    if is_ordered(dimension, rows) or _sorted(keys, totals):
        return keys
    return sorted(keys, key=lambda key: -totals.get(key, 0))


def _sorted(keys: Sequence[Key], totals: Mapping[Key, float]) -> bool:
    """Whether the statement has sorted the rows: by what they measure, or by name."""
    sizes = [totals.get(key, 0) for key in keys]
    names = [str(key).casefold() for key in keys]
    return sizes == sorted(sizes) or sizes == sorted(sizes, reverse=True) or names == sorted(names)
