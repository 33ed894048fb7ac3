"""The example statements: honest ones must pass, hostile ones must not."""

from __future__ import annotations

import json
from pathlib import Path


def _read(name: str) -> list[tuple[str, str]]:
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [(example["cat"], example["sql"]) for example in map(json.loads, lines)]


HONEST = _read("honest.jsonl")
HOSTILE = _read("hostile.jsonl")
"""(category, statement)."""
