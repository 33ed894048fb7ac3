"""Programs that are measured: each in a process of its own, whose peak memory the operating system tells."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from rich.console import Console

F = TypeVar("F")

EXCERPT = 2000
"""Characters of a failed program's output that are shown."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a program printed as JSON, its wall seconds from start to exit, and the most memory that it held, in MB."""

    answer: Any
    seconds: float
    peak_mb: float


def show(figures: F, console: Console, table: Callable[[Console, F], None], *, as_json: bool) -> None:
    """Print figures: as JSON on standard output, or as a table for people."""
    if as_json:
        print(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
    else:
        table(console, figures)


def measure(module: str, *arguments: str, environment: Mapping[str, str], what: str) -> Measured:
    """Run ``python -m module arguments`` and read the JSON that it prints last.

    The peak is that of the program alone: PostgreSQL and the portal are processes of their own. Raises
    ``RuntimeError`` with ``what`` and the end of its output when it fails.
    """
    argv: Sequence[str] = [sys.executable, "-m", module, *arguments]
    begun = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(argv, env={**os.environ, **environment}, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begun
        output.seek(0)
        errors.seek(0)
        printed = output.read()
        if process.returncode:
            shown = (printed + errors.read()).decode(errors="replace")[-EXCERPT:]
            raise RuntimeError(f"{what} failed: {shown}")
    megabytes = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return Measured(orjson.loads(printed), seconds, megabytes)
