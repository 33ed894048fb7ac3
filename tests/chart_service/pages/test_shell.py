"""What surrounds every page: files that are kept for ever, the policy, texts in two languages."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import chart_service.pages
from chart_service.app import create_app
from chart_service.pages.rendering import json_block
from chart_service.pages.texts import LANGS, preferred_lang, section, sections, text
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

PAGES = Path(chart_service.pages.__file__).parent
FORMS = {"ru": {"one", "few", "many", "other"}, "en": {"one", "other"}}


def every_wording() -> Iterator[tuple[str, str, object]]:
    for name in sections():
        for key, wordings in section(name).items():
            assert set(wordings) == set(LANGS), f"{name}.{key}"
            for lang, wording in wordings.items():
                yield f"{name}.{key}", lang, wording


def test_every_text_is_there_in_both_languages() -> None:
    for key, lang, wording in every_wording():
        if isinstance(wording, str):
            assert wording.strip(), key
        else:
            assert isinstance(wording, dict)
            assert set(wording) == FORMS[lang], f"{key} has not all forms for numbers in {lang}"


def test_both_languages_fill_in_the_same_places() -> None:
    places: dict[str, set[str]] = {}
    for key, _, wording in every_wording():
        text_of_all = wording if isinstance(wording, str) else " ".join(dict(wording).values())  # type: ignore[call-overload]
        found = set(re.findall(r"\{(\w+)\}", text_of_all))
        assert places.setdefault(key, found) == found or "n" in places[key] ^ found, key


def test_every_text_that_pages_name_exists() -> None:
    known = {key for key, _, _ in every_wording()}
    files = [*(PAGES / "templates").glob("*.html"), *(PAGES.parent / "static" / "js").glob("*.js")]
    named = {
        (path.name, key)
        for path in files
        for key in re.findall(r"""\bt\(["']([a-z_]+\.[\w-]+)["']""", path.read_text())
    }
    assert len(named) > 100
    assert {(name, key) for name, key in named if key not in known} == set()


@pytest.mark.parametrize(
    ("cookie", "header", "lang"),
    [
        ("en", "ru", "en"),
        ("xx", "en-GB,en;q=0.9,ru;q=0.5", "en"),
        (None, "de,ru;q=0.8,en;q=0.7", "ru"),
        (None, "", "ru"),
        (None, "en;q=nonsense, ru;q=0.1", "ru"),
    ],
)
def test_the_language_is_the_chosen_else_the_preferred(cookie: str | None, header: str, lang: str) -> None:
    assert preferred_lang(cookie, header) == lang


def test_a_text_with_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        text("shell.no_such_text", "ru")


def test_data_for_modules_cannot_leave_its_element() -> None:
    value = {"a": "</script><script>alert(1)</script>\u2028\u2029&amp;<!--"}
    block = str(json_block(value))
    assert not re.search("[<>&\u2028\u2029]", block)
    assert json.loads(block) == value


def test_a_page_allows_nothing_but_what_is_ours(pages_api: httpx.Client) -> None:
    answers = [pages_api.get("/", headers={"Accept-Language": "en"}) for _ in range(2)]
    policies = [answer.headers["content-security-policy"] for answer in answers]
    assert policies[0] != policies[1], "a nonce is for one answer"
    assert "unsafe" not in policies[0]
    assert "default-src 'none'" in policies[0]
    assert "frame-ancestors 'none'" in policies[0]
    nonce = re.search(r"'nonce-([^']+)'", policies[0])
    assert nonce
    scripts = re.findall(r"<script[^>]*>", answers[0].text)
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script or "application/json" in script for script in scripts)
    assert not re.search(r"\son\w+=|style=", answers[0].text)
    assert answers[0].headers["cache-control"] == "no-store"


def test_files_are_kept_for_ever_under_their_hash(pages_api: httpx.Client) -> None:
    page = pages_api.get("/").text
    address = re.search(r'src="(/static/\w+/js/home\.js)"', page)
    assert address
    file = pages_api.get(address[1])
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-encoding"] == "gzip"
    assert file.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = pages_api.get(address[1], headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == file.content
    old = pages_api.get(re.sub(r"/static/\w+/", "/static/0123456789ab/", address[1]))
    assert old.headers["cache-control"] == "no-cache"
    assert old.content == file.content


def test_plotly_is_the_installed_packages_compressed(pages_api: httpx.Client) -> None:
    page = pages_api.get("/dashboards/sales").text
    address = re.search(r'"plotly":"([^"]+)"', page)
    assert address
    with pages_api.stream("GET", address[1], headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert "immutable" in answer.headers["cache-control"]
    assert len(raw) < 2_000_000
    assert gzip.decompress(raw).startswith(b"/**\n* plotly.js")


@pytest.mark.parametrize(
    "name",
    [
        "..%2fpages/rendering.py",
        "js/%2e%2e/%2e%2e/app.py",
        "js",
        "js/nothing.js",
        "%00",
        "/etc/passwd",
    ],
)
def test_no_other_file_can_be_had(pages_api: httpx.Client, name: str) -> None:
    assert pages_api.get(f"/static/x/{name}").status_code == 404


def test_who_has_not_signed_in_is_sent_to_do_so_and_back(pages_database: Database) -> None:
    settings = settings_with(pages_database, supabase_jwt_secret="a secret of at least thirty-two bytes")
    with (
        serving(create_app(settings, pages_database)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
    ):
        visit = client.get("/dashboards/sales?period=month", headers={"Accept": "text/html"})
        assert visit.status_code == 303
        assert visit.headers["location"] == "/sign-in?next=%2Fdashboards%2Fsales%3Fperiod%3Dmonth"
        assert client.get("/api/v1/dashboards", headers={"Accept": "text/html"}).status_code == 401
