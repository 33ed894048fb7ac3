"""Which addresses are the same site."""

from __future__ import annotations

import pytest

from chart_service.embedding.origins import frame_ancestors, origin_of, origins_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Host.Example", "https://host.example"),
        ("https://host.example/a/b?c#d", "https://host.example"),
        ("https://host.example:443/", "https://host.example"),
        ("http://host.example:443", "http://host.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("https://сайт.рф", "https://xn--80aswg.xn--p1ai"),
        ("host.example", None),
        ("https://", None),
        ("ftp://host.example", None),
        ("javascript:alert(1)", None),
        ("https://user@host.example", None),
        ("https://host.example:port", None),
        ("https://host.example;script-src *", None),
        ("https://host example", None),
        ("https://*.example", None),
        ("https://host.example'", None),
        ("null", None),
    ],
)
def test_origins(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


def test_the_policy_s_directive() -> None:
    assert frame_ancestors(origins_of(["https://a.example/x", "https://a.example", "http://b"])) == (
        "https://a.example http://b"
    )
    assert frame_ancestors(()) == "'none'"
    with pytest.raises(ValueError, match="is not a site"):
        origins_of(["https://a.example", "b"])
