"""``b24 guard``: run the SQL guard over a file of statements, without a database."""

from __future__ import annotations

import json
import statistics
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from chart_service.guard import Refused, check


def guard(file: Path, *, bench: bool, out: TextIO, log: TextIO) -> int:
    """Answer ``{"ok", "rule", "sql"}`` for each line ``{"sql": …}``; extra keys are ignored.

    ``bench`` prints the time a statement takes on ``log``. Returns the exit status: 0 also when statements are
    refused, 2 when the file cannot be read.
    """
    times: list[float] = []
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        print(f"{file}: {error.strerror}", file=log)
        return 2
    for line in lines:
        if not line.strip():
            continue
        statement = _statement(line)
        begun = time.perf_counter()
        answer = _answer(statement, log)
        times.append((time.perf_counter() - begun) * 1000)
        print(json.dumps(answer), file=out)
    if bench and times:
        print(f"{len(times)} statements, milliseconds each: {_figures(times)}", file=log)
    return 0


def _figures(times: list[float]) -> str:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered):.2f}, p95 {p95:.2f}, max {ordered[-1]:.2f}"


def _statement(line: bytes) -> str | None:
    """The statement of a line. The standard library's reader, because it accepts what no sane writer writes: half of a
    surrogate pair is the guard's to refuse, not this command's to fall over."""
    try:
        given = json.loads(line)
    except ValueError:
        return None
    sql = given.get("sql") if isinstance(given, dict) else None
    return sql if isinstance(sql, str) else None


def _answer(statement: str | None, log: TextIO) -> dict[str, Any]:
    if statement is None:
        return {"ok": False, "rule": "no_statement", "sql": None, "message": 'The line has no text "sql".'}
    try:
        checked = check(statement)
    except Refused as refused:
        return {"ok": False, "rule": refused.rule, "sql": None, "message": refused.message.en, "at": refused.at}
    except Exception:  # a fault of the guard lets nothing through, and the lines after it are still answered
        traceback.print_exc(file=log)
        return {"ok": False, "rule": "guard_failed", "sql": None, "message": "The guard failed on this statement."}
    return {"ok": True, "rule": None, "sql": checked.sql}
