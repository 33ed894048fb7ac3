import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrix import WebhookUrl, WebhookUrlError, redact

SECRET = "abc123def456ghi7"
REAL = f"https://x.bitrix24.ru/rest/1/{SECRET}/"


@pytest.mark.parametrize(
    "pasted",
    [
        REAL,
        REAL.rstrip("/"),
        f"{REAL}profile.json",
        f"{REAL}crm.deal.list?start=-1",
        f"  '{REAL}'  ",
        f"«{REAL}»",
        f'"{REAL}",',
        f"<{REAL}>\n",
        f"x.bitrix24.ru/rest/1/{SECRET}/",
        f"HTTPS://X.Bitrix24.ru//rest//1//{SECRET}//",
        f"https://x.bitrix24.ru/rest/api/1/{SECRET}/",
        f"\ufeff{REAL}\u200b",
    ],
)
def test_whatever_people_paste_is_one_url(pasted: str) -> None:
    url = WebhookUrl.parse(pasted)
    assert url.reveal("profile") == f"{REAL}profile"
    assert str(url) == "https://x.bitrix24.ru/rest/1/***/"
    assert url == WebhookUrl.parse(REAL)


@pytest.mark.parametrize(
    ("pasted", "origin"),
    [
        ("https://crm.firma.ru:8443/rest/17/secret9/", "https://crm.firma.ru:8443"),
        ("https://портал.рф/rest/17/secret9/", "https://портал.рф"),
        ("http://127.0.0.1:8070/rest/17/secret9/", "http://127.0.0.1:8070"),
        ("http://localhost/rest/17/secret9", "http://localhost"),
        ("http://[::1]:80/rest/17/secret9", "http://[::1]:80"),
    ],
)
def test_own_domains_ports_and_loopback(pasted: str, origin: str) -> None:
    url = WebhookUrl.parse(pasted)
    assert (url.origin, url.user_id) == (origin, 17)


def test_a_portal_in_a_folder_keeps_its_prefix() -> None:
    url = WebhookUrl.parse("https://intra.firma.ru/portal/rest/5/secret9/profile")
    assert url.reveal("m") == "https://intra.firma.ru/portal/rest/5/secret9/m"


@pytest.mark.parametrize(
    ("pasted", "says"),
    [
        ("", "empty"),
        ("  '' ", "empty"),
        (f"http://x.bitrix24.ru/rest/1/{SECRET}/", "HTTPS only"),
        (f"ftp://x.bitrix24.ru/rest/1/{SECRET}/", "https://"),
        (f"https:///rest/1/{SECRET}/", "no host"),
        (f"https://x.bitrix24.ru:{SECRET}/rest/1/{SECRET}/", "host and port"),
        (f"https://me:{SECRET}@x.bitrix24.ru/rest/1/{SECRET}/", "password"),
        ("https://x.bitrix24.ru/crm/deal/list/", "no /rest/ part"),
        (f"https://x.bitrix24.ru/rest/{SECRET}/", "no user number"),
        ("https://x.bitrix24.ru/rest/1/", "no secret"),
        ("https://x.bitrix24.ru/rest/1/profile.json", "no secret"),
        ("https://x.bitrix24.ru/rest/", "no /rest/ part"),
    ],
)
def test_a_wrong_url_says_what_is_wrong_without_the_secret(pasted: str, says: str) -> None:
    with pytest.raises(WebhookUrlError) as caught:
        WebhookUrl.parse(pasted)
    assert says in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text() | st.from_regex(r"(https?://)?[^/]{0,9}/rest/[^/]{0,4}/.{0,9}"))
def test_any_text_is_refused_or_read_as_one_url(text: str) -> None:
    try:
        url = WebhookUrl.parse(text)
    except WebhookUrlError:
        return
    assert WebhookUrl.parse(url.reveal()) == url


def test_no_way_of_showing_it_shows_the_secret() -> None:
    url = WebhookUrl.parse(REAL)
    for shown in (str(url), repr(url), f"{url}", repr({"url": url}), url.redact(f"?token={SECRET}")):
        assert SECRET not in shown
    assert pickle.loads(pickle.dumps(url)) == url  # noqa: S301


@pytest.mark.parametrize(
    "text",
    [
        f"POST {REAL}crm.deal.list failed",
        f'{{"url":"https:\\/\\/x.bitrix24.ru\\/rest\\/1\\/{SECRET}\\/profile"}}',
        f"next=https%3A%2F%2Fx.bitrix24.ru%2Frest%2F1%2F{SECRET}%2Fprofile",
        f"/bitrix/show_file.php?auth={SECRET}&ownerId=1",
        f"auth[access_token]={SECRET}&ts=1",
        f"auth%5Bapplication_token%5D={SECRET}",
        f"back=%2Fshow.php%3Fauth%3D{SECRET}",
        f'{{"auth": {{"refresh_token": "{SECRET}"}}}}',
        f'{{"AUTH_ID":"{SECRET}"}}',
    ],
)
def test_redact_finds_secrets_in_any_text(text: str) -> None:
    assert SECRET not in redact(text)
    assert "***" in redact(text)


def test_redact_leaves_other_text_alone() -> None:
    text = "crm.deal.list: the author of /rest/ said: authority=7, page 2"
    assert redact(text) == text
