"""How long a result may be kept although no row changes: a statement that asks what time it is ages by itself."""

from __future__ import annotations

import re
import time
from datetime import datetime
from zoneinfo import ZoneInfo

from warehouse.view_derived import AGEING_COLUMNS

NOW_SECONDS = 300
"""For how long "now" is the same to a chart."""
AGEING_SECONDS = 3600
"""Days in a stage have one decimal: they change every 2.4 hours."""

_NOW_WORD = r"(?:now\(\)|current_timestamp|localtimestamp)"
_WHOLE_DAY = re.compile(
    rf"date_trunc\('(?:day|week|month|quarter|year|decade)', {_NOW_WORD}\)"
    rf"|cast\({_NOW_WORD} as date\)|{_NOW_WORD}::(?:pg_catalog\.)?date"
)
_NOW = re.compile(
    r"\b(?:now|current_timestamp|localtimestamp|current_time|localtime|statement_timestamp|transaction_timestamp"
    r"|clock_timestamp|timeofday)\b"
)
_TODAY = re.compile(r"\b(?:current_date|today|yesterday|tomorrow|age)\b")
_AGEING = re.compile(rf"\b(?:{'|'.join(sorted(AGEING_COLUMNS))})\b|(?:\bselect|\bdistinct|,|\.)\s*\*")


def moment(sql: str, zone: ZoneInfo, *, at: float | None = None) -> str:
    """What of the present time the statement's result depends on: the same text as long as it may be kept.

    ``sql`` is a checked statement; words in its texts only make the time shorter. ``at``: seconds since the epoch.
    """
    at = time.time() if at is None else at
    text = sql.lower()
    rest = _WHOLE_DAY.sub(" current_date ", text)
    parts = []
    if _NOW.search(rest):
        parts.append(f"now {int(at // NOW_SECONDS)}")
    if _AGEING.search(rest):
        parts.append(f"hour {int(at // AGEING_SECONDS)}")
    if _TODAY.search(rest):
        parts.append(datetime.fromtimestamp(at, zone).date().isoformat())
    return " ".join(parts)
