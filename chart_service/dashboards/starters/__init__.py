"""The dashboards that come with the service, as data: ``sales.toml``, ``leads.toml``, ``team.toml``.

They read standard fields only, so they are valid on any portal.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chart_service.dashboards.document import Item

NAMES = ("sales", "leads", "team")
"""In the order in which they are listed."""
LANGS = ("ru", "en")
OWN = "ru"
"""The language in which they are stored; the other one is kept beside it."""

_BOTH = re.compile(r"\[\[(.*?)\|(.*?)\]\]")


@dataclass(frozen=True, slots=True)
class StarterChart:
    """A chart that comes with the service: ``title``, ``description``, ``sql`` and ``template`` by language, and where
    it stands: x, y, width, height."""

    key: str
    texts: dict[str, dict[str, Any]]
    at: tuple[int, int, int, int]

    def item(self, chart_id: int) -> Item:
        """Its place on the dashboard."""
        x, y, w, h = self.at
        return Item(id=self.key, kind="chart", chart_id=chart_id, x=x, y=y, w=w, h=h)


@dataclass(frozen=True, slots=True)
class Starter:
    """A dashboard that comes with the service: ``title`` and ``description`` by language."""

    name: str
    slug: str
    texts: dict[str, dict[str, Any]]
    charts: tuple[StarterChart, ...]


@cache
def starters() -> tuple[Starter, ...]:
    """All of them, in order."""
    return tuple(_read(name) for name in NAMES)


def _read(name: str) -> Starter:
    path = Path(__file__).with_name(f"{name}.toml")
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    charts = tuple(
        StarterChart(item["key"], _by_lang(item, ("title", "description", "sql", "template")), tuple(item["at"]))
        for item in content["items"]
    )
    return Starter(name, content["slug"], _by_lang(content, ("title", "description")), charts)


def _by_lang(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return {lang: {name: _said(content[name], lang) for name in names} for lang in LANGS}


def _said(value: Any, lang: str) -> Any:
    """The value with each ``[[по-русски|in English]]`` in one language."""
    if isinstance(value, str):
        return _BOTH.sub(lambda match: match.group(1 + LANGS.index(lang)), value).strip()
    if isinstance(value, list):
        return [_said(item, lang) for item in value]
    if isinstance(value, dict):
        return {key: _said(item, lang) for key, item in value.items()}
    return value
