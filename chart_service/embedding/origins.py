"""Origins of web sites: which may frame a dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str | None:
    """The origin of an address as browsers write it, ``https://host`` or ``https://host:8443``; None for what has none.

    A path, a slash at the end and a default port are left out, so that origins can be compared as texts.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.username is not None:
        return None
    name = f"[{host}]" if ":" in host else _ascii(host)
    if name is None or not _HOST.fullmatch(name):
        return None
    return f"{parts.scheme}://{name}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


def frame_ancestors(origins: Sequence[str]) -> str:
    """The value of the directive ``frame-ancestors``: these sites, or none."""
    return " ".join(origins) if origins else "'none'"


def origins_of(urls: Iterable[str]) -> tuple[str, ...]:
    """The origins of addresses, each once. Raises ``ValueError`` naming the first that is none."""
    found = []
    for url in urls:
        origin = origin_of(url)
        if origin is None:
            raise ValueError(f"{url[:100]!r} is not a site like https://example.com")
        found.append(origin)
    return tuple(dict.fromkeys(found))


def _ascii(host: str) -> str | None:
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return None
