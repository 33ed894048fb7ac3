"""The licences of what an image holds: each was read, and one that nobody has read does not come in unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "deploy" / "runtime.lock"

PERMISSIVE = {
    *("0BSD", "3-Clause BSD", "Apache", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0"),
    *("PSF-2.0", "Python Software Foundation", "Unlicense", "Zlib"),
}
WITH_DUTIES = {
    "certifi": "MPL-2.0: changes of its own files stay open",
    "orjson": "MPL-2.0: changes of its own files stay open",
    "tqdm": "MPL-2.0: changes of its own files stay open",
    "pglast": "GPL-3.0-or-later: who passes on an image that holds it offers all sources, ours too, under that licence",
    "psycopg": "LGPL-3.0: may be replaced by whoever gets the image",
    "psycopg-binary": "LGPL-3.0: may be replaced by whoever gets the image",
    "psycopg-pool": "LGPL-3.0: may be replaced by whoever gets the image",
    "psycopg2-binary": "LGPL-3.0: may be replaced by whoever gets the image",
}
"""Packages whose licences ask something of who passes them on, and what."""

ELSEWHERE = {"colorama", "httpx2-jsfetch", "pyreadline3", "pywin32"}
"""Packages for other systems: named by the lock, installed by no image."""


def locked() -> Iterator[str]:
    for line in LOCK.read_text().splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==", line):
            yield found[1]


def licences(package: str) -> set[str]:
    """The names of a package's licences, any of which or all of which hold."""
    known = metadata.metadata(package)
    text = known.get("License-Expression")
    if not text:
        classifiers = [item.split(" :: ")[-1] for item in known.get_all("Classifier") or [] if "License ::" in item]
        text = " AND ".join(classifiers) or known.get("License") or "unknown"
    names = (name.strip("() ") for name in re.split(r"\s+(?:AND|OR)\s+", text))
    return {re.sub(r"\s*(Software )?License.*", "", name) for name in names}


def test_every_licence_was_read() -> None:
    found = {package: licences(package) - PERMISSIVE for package in set(locked()) - ELSEWHERE}
    unread = {package: names for package, names in found.items() if names and package not in WITH_DUTIES}
    assert not unread, "read these licences, then list them here and in docs/supply-chain.md"


def test_the_list_holds_nothing_that_is_gone() -> None:
    assert WITH_DUTIES.keys() <= set(locked())


def test_people_are_told() -> None:
    told = (ROOT / "docs" / "supply-chain.md").read_text()
    assert [package for package in WITH_DUTIES if f"`{package}`" not in told] == []
