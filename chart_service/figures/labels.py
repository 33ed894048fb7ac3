"""Texts as Plotly shows them. Plotly reads a small HTML of its own in every text, so what comes from rows, from a
model or from a column's name is escaped here, and only here."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

LABEL_LIMIT = 120
"""Characters of a label; longer ones end in an ellipsis."""

# C0 and C1 controls, lone surrogates, marks that turn the direction of the text that follows, joiners and the BOM.
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACES = re.compile(r"[\s\u2028\u2029]+")


def clean(text: str, limit: int = LABEL_LIMIT) -> str:
    """The text on one line without invisible characters, at most ``limit`` characters. Not escaped."""
    flat = _SPACES.sub(_kept_space, _INVISIBLE.sub("", text[: limit * 4])).strip()
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def _kept_space(match: re.Match[str]) -> str:
    return match.group() if match.group() in ("\u00a0", "\u202f") else " "


def escaped(text: str) -> str:
    """The text so that Plotly shows it as it is: neither its HTML nor its ``%{…}`` templates are read in it."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("%{", "%\u2060{")


def shown(text: str, limit: int = LABEL_LIMIT) -> str:
    """``clean`` and ``escaped``."""
    return escaped(clean(text, limit))


def wrapped(text: str, width: int, lines: int = 2) -> str:
    """A cleaned text in at most ``lines`` lines of ``width`` characters, escaped, with Plotly's line breaks."""
    parts = textwrap.wrap(text, max(width, 4), max_lines=lines, placeholder="…", break_on_hyphens=False)
    return "<br>".join(escaped(part) for part in parts) or escaped(text[:width])


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts with " (2)", " (3)" behind repeated ones: Plotly takes equal categories for one."""
    seen: dict[str, int] = {}
    taken: set[str] = set()
    result = []
    for text in texts:
        unique = text
        while unique in taken:
            seen[text] = seen.get(text, 1) + 1
            unique = f"{text} ({seen[text]})"
        taken.add(unique)
        result.append(unique)
    return result


def titled(column: str) -> str:
    """A column's name as a title: ``won_amount`` becomes ``Won amount``. Not escaped."""
    words = clean(column.replace("_", " "))
    return words[:1].upper() + words[1:]
