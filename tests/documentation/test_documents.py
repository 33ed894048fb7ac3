"""Links lead somewhere, variables exist, both languages say the same."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from tests.deployment.compose import variables
from tests.documentation.documents import ALL, PAIRS, ROOT, read
from warehouse.settings import Settings

OURS = frozenset(name.upper() for name in Settings.model_fields) | variables()
OF_OTHERS = frozenset(
    {
        *(
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGSSLMODE",
            "DBT_ENV_SECRET_PGPASSWORD",
        ),  # dbt_docs/profiles.yml
        *("COMPOSE_FILE", "B24_LOCK", "DOCKER_GROUP_ID"),
        "OLLAMA_CONTEXT_LENGTH",
        "PYTHON",  # of the Makefile
    }
)
"""Variables that somebody else reads."""

_VARIABLE = re.compile(r"(?<![\w.$])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w(])")
_NOT_VARIABLES = re.compile(
    r"`[^`]*(?:SELECT|CREATE|ALTER|GRANT|INSERT)[^`]*`|ONCRM\w+|UF_\w+|[A-Z_]+_ID\b|SUPABASE_\*"
)
FIELDS = frozenset({"DATE_MODIFY", "CONTACT_IDS", "COMPANY_IDS", "TABLE_FIELDS", "QUERY_LIMIT_EXCEEDED"})
"""Names of Bitrix24, which are written alike."""


@pytest.mark.parametrize("name", ALL)
def test_links_and_images_lead_somewhere(name: str) -> None:
    wrong = []
    for link in read(name).links():
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            wrong.append(link)
    assert not wrong


@pytest.mark.parametrize("name", ALL)
def test_variables_exist(name: str) -> None:
    document = read(name)
    text = " ".join([*document.code(), *document.blocks("sh", "ini")])
    found = set(_VARIABLE.findall(_NOT_VARIABLES.sub("", text)))
    assert found - OURS - OF_OTHERS - FIELDS == set()


def test_every_setting_is_described() -> None:
    described = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert {name for name in Settings.model_fields if f"#{name.upper()}=" not in described} == set()


@pytest.mark.parametrize(("english", "russian"), PAIRS.items())
def test_both_languages_have_the_same_parts(english: str, russian: str) -> None:
    here, there = read(english), read(russian)
    assert [level for level, _ in here.headings()] == [level for level, _ in there.headings()]
    assert [len(block.splitlines()) for block in here.blocks("sh", "ini", "sql", "js", "caddy")] == [
        len(block.splitlines()) for block in there.blocks("sh", "ini", "sql", "js", "caddy")
    ]
    assert _rows(here.prose) == _rows(there.prose)
    assert russian in here.links()
    assert english in there.links()


@pytest.mark.parametrize(("english", "russian"), PAIRS.items())
def test_both_languages_lead_to_the_same_places(english: str, russian: str) -> None:
    counted = [
        Counter(_place(link) for link in read(name).links() if not link.startswith("#")) for name in (english, russian)
    ]
    for own in (english, russian):
        for count in counted:
            count.pop(own, None)
            count.pop(own.replace(".ru.", "."), None)
    assert counted[0] == counted[1]


@pytest.mark.parametrize("name", PAIRS.values())
def test_a_russian_document_is_russian(name: str) -> None:
    prose = re.sub(r"`[^`]*`|\([^)]*\)|\*[^*]+\*", "", read(name).prose)
    words = re.findall(r"[A-Za-zА-Яа-яЁё]{3,}", prose)
    assert sum(bool(re.match("[А-Яа-яЁё]", word)) for word in words) > 0.8 * len(words)


def _anchors(path: Path) -> set[str]:
    return read(str(path.resolve().relative_to(ROOT))).anchors()


def _place(link: str) -> str:
    """A link without its language and its anchor."""
    path = link.partition("#")[0].replace(".ru.md", ".md")
    return str(PurePosixPath(path)) if "://" not in path else path


def _rows(prose: str) -> int:
    return sum(line.startswith("|") for line in prose.splitlines())
