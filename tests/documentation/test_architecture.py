"""The architecture names what is there: each file, each name in a file, each package."""

from __future__ import annotations

import re

import pytest

from tests.documentation.documents import ROOT, read

DOCUMENT = read("ARCHITECTURE.md")
FILES = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.rglob("*")
    if not {".venv", ".git", "node_modules", "__pycache__", ".b24", "build"} & set(path.parts)
)
PATH = re.compile(r"[\w.-]*(?:/[\w.*-]*)+|[\w*-]+\.(?:py|txt|js|yml|toml|md)")
NO_FILES = {".venv/dbt"}
"""What is made when it is needed."""


def named() -> list[str]:
    return sorted({code for code in DOCUMENT.code() if PATH.fullmatch(code) and not code.startswith("/")})


@pytest.mark.parametrize("name", named())
def test_every_file_that_is_named_exists(name: str) -> None:
    pattern = re.compile(rf"(.*/)?{re.escape(name.rstrip('/')).replace(re.escape('*'), '[^/]*')}")
    assert name in NO_FILES or any(pattern.fullmatch(path) for path in FILES)


def test_every_package_is_named() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert {f"{package}/" for package in packages} <= set(DOCUMENT.section("Packages").code())


@pytest.mark.parametrize(
    ("name", "file"),
    [
        *(("ENTITIES", "bitrix/entities.py"), ("ROUTERS", "chart_service/app.py"), ("SERVICES", "cli/services.py")),
        *(("CHECKS", "orchestration/sync_checks.py"), ("REFERENCES", "warehouse/view_labels.py")),
        *(("DATES", "chart_service/guard/filters.py"), ("SignedIn", "webhook_api/auth.py")),
        ("FORMATS", "chart_service/figures/formats/bars.py"),
    ],
)
def test_names_in_files_are_there(name: str, file: str) -> None:
    assert f"`{name}`" in DOCUMENT.section("Where to add").text
    assert re.search(rf"^{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("test", ["tests/test_new_entity.py", "tests/chart_service/figures/test_new_format.py"])
def test_what_is_promised_of_a_new_thing_is_tested(test: str) -> None:
    assert f"`{test}`" in DOCUMENT.section("Where to add").text


@pytest.mark.parametrize("heading", ["Follow a deal", "Follow an event", "Follow a question", "Where to add"])
def test_the_parts_are_there(heading: str) -> None:
    assert DOCUMENT.section(heading).text
