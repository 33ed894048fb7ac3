"""A site that embeds dashboards with the SDK as it is on npm, and its backend, which gets or signs the guest tokens."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.chart_service.embedding.conftest import host_signed, log_in

SDK = Path(__file__).parents[3] / ".venv/npm/node_modules/@superset-ui/embedded-sdk/bundle/index.js"

PAGE = """<!doctype html><meta charset="utf-8"><title>Host</title>
<style>iframe { border: 0; width: 1000px; height: 700px } div { margin-bottom: 10px }</style>
<div id="one"></div><div id="two"></div>
<script src="/sdk.js"></script>
<script>
  window.masks = [];
  window.embed = async (place, domain, id, query, options) => {
    const fetchGuestToken = async () => (await (await fetch("/token?" + new URLSearchParams(query))).json()).token;
    const mountPoint = document.getElementById(place);
    if (options.ownPermalinks) options.resolvePermalinkUrl = ({ key }) => `https://host.example/p/${key}`;
    window[place + "Dashboard"] = await supersetEmbeddedSdk.embedDashboard(
      { id, supersetDomain: domain, mountPoint, fetchGuestToken, ...options });
    return true;
  };
</script>"""


class HostSite:
    """The site. ``api`` is the service as its backend calls it; ``tokens`` counts those that its pages were given."""

    def __init__(self, api: httpx.Client) -> None:
        self.api = api
        self.url = ""
        self.tokens = 0

    def token(self, query: dict[str, str]) -> str:
        """A guest token: from the service, or with ``seconds`` signed here."""
        self.tokens += 1
        rules = [{"clause": query["rule"]}] if "rule" in query else []
        resources = [{"type": "dashboard", "id": query["id"]}]
        if "seconds" in query:
            now = time.time()
            return host_signed(resources=resources, rls_rules=rules, iat=now, exp=now + float(query["seconds"]))
        body = {"user": {"username": "viewer"}, "resources": resources, "rls": rules}
        answer = self.api.post("/api/v1/security/guest_token/", json=body, headers=log_in(self.api))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])


@contextmanager
def host_site(api: httpx.Client, name: str = "localhost") -> Iterator[HostSite]:
    """The site, answering while this is open. Skips the test where the SDK is not installed."""
    if not SDK.exists():
        pytest.skip("the SDK is not installed: run make browser-packages")
    site = HostSite(api)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/sdk.js":
                self._say(SDK.read_bytes(), "text/javascript")
            elif parts.path == "/token":
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                self._say(json.dumps({"token": site.token(query)}).encode(), "application/json")
            else:
                self._say(PAGE.encode(), "text/html; charset=utf-8")

        def _say(self, content: bytes, media_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.url = f"http://{name}:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
