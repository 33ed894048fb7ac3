"""Event posting, received by a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from demo_portal.portal import Portal
from tests.demo_portal.conftest import Caller

Posted = list[dict[str, str]]


@pytest.fixture
def handler() -> Iterator[tuple[str, Posted]]:
    """A handler's URL and the bodies posted to it."""
    posted: Posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
            posted.append({key: values[0] for key, values in parse_qs(body).items()})
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_mutation_posts_its_event(portal: Portal, handler: tuple[str, Posted]) -> None:
    url, posted = handler
    portal.on_event(url, "secret-token")
    deal = portal.add("deal", {"TITLE": "Event"})
    portal.update("deal", deal, {"TITLE": "Changed"})
    portal.update("deal", deal, {"CATEGORY_ID": "1"})
    portal.delete("deal", deal)
    portal.add_field("deal", "UF_CRM_X", "string")
    portal.events.flush()
    names = ["ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMDEALUSERFIELDADD"]
    assert [body["event"] for body in posted] == names, "an outgoing webhook hears nothing of a move between pipelines"
    first = posted[0]
    assert first["data[FIELDS][ID]"] == str(deal)
    assert first["auth[application_token]"] == "secret-token"
    assert first["ts"].isdigit()
    assert "auth[access_token]" not in first
    assert posted[3]["data[FIELDS][FIELD_NAME]"] == "UF_CRM_X"


def test_an_application_hears_of_moves(call: Caller, handler: tuple[str, Posted]) -> None:
    url, posted = handler
    call.portal.register_application("access", "app-token")
    params = {"auth": "access", "event": "ONCRMDEALMOVETOCATEGORY", "handler": url}
    assert call.http.post(f"{call.server.base_url}/rest/event.bind", json=params).json()["result"] is True
    deal = call.portal.add("deal", {"TITLE": "Move"})
    call.portal.update("deal", deal, {"CATEGORY_ID": "3"})
    call.portal.events.flush()
    assert [body["event"] for body in posted] == ["ONCRMDEALMOVETOCATEGORY"]
    assert posted[0]["data[FIELDS][STAGE_ID]"] == "C3:NEW"
    assert posted[0]["auth[access_token]"] == "access"
    assert posted[0]["auth[domain]"] == call.server.base_url.partition("//")[2]


def test_failures_are_not_retried(portal: Portal, handler: tuple[str, Posted]) -> None:
    url, posted = handler
    portal.on_event(f"{url}/broken", "t")
    portal.add("deal", {})
    portal.events.unsubscribe()
    portal.on_event("http://127.0.0.1:1/nobody", "t")
    portal.add("deal", {})
    portal.events.flush()
    assert len(posted) == 1
    assert (portal.events.sent, portal.events.failed) == (0, 2)


def test_a_subscription_may_name_its_events(portal: Portal, handler: tuple[str, Posted]) -> None:
    url, posted = handler
    portal.on_event(url, "t", ["ONCRMLEADADD"])
    portal.add("deal", {})
    portal.add("lead", {})
    portal.events.flush()
    assert [body["event"] for body in posted] == ["ONCRMLEADADD"]
