"""Texts of what comes with the service, in the reader's language for as long as nobody has changed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Translations = Mapping[str, Mapping[str, Any]]
"""Values by name, by language; the chart's or dashboard's own language among them."""


def translated(values: Mapping[str, Any], own: str, lang: str, translations: Translations) -> dict[str, Any]:
    """The values in ``lang``: those that still are what ``translations`` has for ``own``, the language they came in.

    A value that a person changed is theirs in every language.
    """
    came, wanted = translations.get(own, {}), translations.get(lang, {})
    return {
        name: wanted[name] if name in wanted and came.get(name) == value else value for name, value in values.items()
    }


def untranslated(values: Mapping[str, Any], own: str, translations: Translations) -> dict[str, Any]:
    """The reverse, for what a person sends back: a text that came in any language is stored in ``own``."""
    came = translations.get(own, {})
    known = {name: [words[name] for words in translations.values() if name in words] for name in came}
    return {name: came[name] if value in known.get(name, ()) else value for name, value in values.items()}


def chart_in(chart: Mapping[str, Any], lang: str, translations: Translations) -> dict[str, Any]:
    """A chart's ``title``, ``description``, ``sql`` and ``template`` in a language.

    Statement and template go together, since the template names the statement's columns: they are translated only
    where neither was changed.
    """
    own = chart["lang"]
    came = translations.get(own, {})
    drawn = ("sql", "template")
    unchanged = all(chart[name] == came.get(name) for name in drawn)
    texts = translated({name: chart[name] for name in ("title", "description")}, own, lang, translations)
    plot = {name: chart[name] for name in drawn}
    return {**chart, **texts, **(translated(plot, own, lang, translations) if unchanged else plot)}
