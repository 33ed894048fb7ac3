"""Our look, light and dark: colours by name, and the Plotly template of each mode.

Builders name colours as ``Tone`` and ``Ramp``; ``paint`` replaces them by a mode's own, so one build serves both.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Mode = Literal["light", "dark"]
PALETTE = 8
"""Colours of a palette: more series than these are folded, since Plotly would invent neon ones."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour by its name in the theme, ``alpha`` from 0 to 1; with ``at``, the colour of a ramp at 0 … 1.

    ``faded``: the share of the card's colour mixed in, for tiles that stand on others.
    """

    name: str
    alpha: float = 1.0
    at: float | None = None
    faded: float = 0.0


@dataclass(frozen=True, slots=True)
class Ramp:
    """A colour scale by its name in the theme: ``sequential`` or ``diverging``."""

    name: Literal["sequential", "diverging"] = "sequential"


def series_tone(number: int, alpha: float = 1.0) -> Tone:
    """The colour of the series of this number, from 0."""
    return Tone(f"c{number % PALETTE + 1}", alpha)


@cache
def theme(mode: Mode) -> dict[str, Any]:
    """The theme's file: ``tones``, ``ramps``, and Plotly's ``template``. Shared: not to be changed."""
    content: dict[str, Any] = json.loads(Path(__file__).with_name(f"theme_{mode}.json").read_text(encoding="utf-8"))
    return content


def paint(part: Any, mode: Mode) -> Any:
    """A copy of a figure's part with the colours of a mode. Lists of plain values are not copied."""
    if isinstance(part, Tone):
        return _colour(part, mode)
    if isinstance(part, Ramp):
        return theme(mode)["ramps"][part.name]
    if isinstance(part, dict):
        return {key: paint(value, mode) for key, value in part.items()}
    if isinstance(part, list) and part and isinstance(part[0], dict | Tone):
        return [paint(value, mode) for value in part]
    return part


def _colour(tone: Tone, mode: Mode) -> str:
    if tone.at is not None:
        red, green, blue = _on_ramp(theme(mode)["ramps"][tone.name], tone.at)
    else:
        red, green, blue = _rgb(theme(mode)["tones"][tone.name])
    if tone.faded:
        paper = _rgb(theme(mode)["tones"]["card"])
        mixed = [one + (two - one) * tone.faded for one, two in zip((red, green, blue), paper, strict=True)]
        red, green, blue = (round(part) for part in mixed)
    if tone.alpha >= 1:
        return f"#{red:02X}{green:02X}{blue:02X}"
    return f"rgba({red},{green},{blue},{tone.alpha:g})"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _on_ramp(ramp: list[list[Any]], at: float) -> tuple[int, int, int]:
    for (low, before), (high, after) in itertools.pairwise(ramp):
        if at <= high:
            share = max(0.0, (at - low) / (high - low))
            pairs = zip(_rgb(before), _rgb(after), strict=True)
            red, green, blue = (round(one + (two - one) * share) for one, two in pairs)
            return red, green, blue
    return _rgb(ramp[-1][1])
