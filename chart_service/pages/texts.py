"""Every text that pages show, in Russian and English: ``texts/<section>.json``, a key to both languages.

A text may have forms for numbers: an object of plural categories (``one``, ``few``, ``many``, ``other``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

FOLDER = Path(__file__).with_name("texts")
Lang = Literal["ru", "en"]
LANGS: tuple[Lang, ...] = get_args(Lang)
Wording = str | Mapping[str, str]


@cache
def section(name: str) -> Mapping[str, Mapping[Lang, Wording]]:
    """The texts of one section: key -> language -> text. Raises ``FileNotFoundError`` for an unknown one."""
    content: dict[str, dict[Lang, Wording]] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def sections() -> list[str]:
    """The names of all sections."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def texts_of(names: Sequence[str], lang: Lang) -> dict[str, Wording]:
    """All texts of some sections in a language, by ``section.key``."""
    return {f"{name}.{key}": text[lang] for name in names for key, text in section(name).items()}


def text(key: str, lang: Lang, **values: object) -> str:
    """The text ``section.key`` with its ``{places}`` filled. Raises ``KeyError`` for an unknown key."""
    name, _, rest = key.partition(".")
    wording = section(name)[rest][lang]
    if not isinstance(wording, str):
        raise KeyError(f"{key} has forms for numbers: it is for scripts")
    for place, value in values.items():
        wording = wording.replace("{" + place + "}", str(value))
    return wording


def preferred_lang(cookie: str | None, accept_language: str) -> Lang:
    """The language of a request: the cookie's, else the first of ``Accept-Language`` that we speak, else Russian."""
    for lang in LANGS:
        if cookie == lang:
            return lang
    wanted: list[tuple[float, Lang]] = []
    for part in accept_language[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        for lang in LANGS:
            if tag.lower().split("-")[0] == lang:
                wanted.append((_weight(weight), lang))
    return max(wanted, key=lambda item: item[0])[1] if wanted else "ru"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
