"""Portals and servers for the tests of the simulated portal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from demo_portal.clock import SERVER_ZONE
from demo_portal.limits import LimitSettings
from demo_portal.portal import Portal
from demo_portal.server import PortalServer

NOW = datetime(2025, 6, 16, 12, 0, tzinfo=SERVER_ZONE)


class Caller:
    """Calls methods of a served portal with a plain HTTP client."""

    def __init__(self, server: PortalServer) -> None:
        self.server = server
        self.portal = server.portal
        self.http = httpx.Client(base_url=server.webhook_url, timeout=20, trust_env=False)

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """The whole answer, whatever its status."""
        answer: dict[str, Any] = json.loads(self.http.post(method, json=params).content)
        return answer

    def result(self, method: str, **params: Any) -> Any:
        """The ``result`` of an answer that must be a success."""
        answer = self(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    def ids(self, method: str, **params: Any) -> list[int]:
        """Ids of the rows of a list answer, in its order."""
        return [int(row["ID"]) for row in self.result(method, **params)]

    def batch(self, halt: int = 0, **commands: str) -> dict[str, Any]:
        """The ``result`` of a batch."""
        answer: dict[str, Any] = self.result("batch", halt=halt, cmd=commands)
        return answer

    def control(self, verb: str, action: str, **body: Any) -> Any:
        """The answer of a control request that must be a success."""
        url = f"{self.server.base_url}/_portal/{action}"
        answer = self.http.request(verb, url, json=body if verb == "POST" else None)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]


@pytest.fixture(scope="session")
def business() -> Portal:
    """A portal of some size. Read it only."""
    return Portal.generate(seed=1, deals=3000, now=NOW)


@pytest.fixture(scope="session")
def shared(business: Portal) -> Iterator[Caller]:
    """A server of that portal without limits. Read it only."""
    with PortalServer(business, limits=False) as server:
        caller = Caller(server)
        with caller.http:
            yield caller


@pytest.fixture
def portal() -> Portal:
    """A small portal of the test's own."""
    return Portal.generate(seed=2, deals=120, now=NOW)


@pytest.fixture
def limits() -> LimitSettings:
    """The limits of the test's own server; not enforced unless the test says so."""
    return LimitSettings(enforced=False)


@pytest.fixture(scope="session")
def changing_server() -> Iterator[PortalServer]:
    """A server that is given another portal for every test."""
    with PortalServer(Portal(), limits=False) as server:
        yield server


@pytest.fixture
def call(changing_server: PortalServer, portal: Portal, limits: LimitSettings) -> Iterator[Caller]:
    """A server of the test's own portal."""
    changing_server.mount(portal, limits=limits)
    caller = Caller(changing_server)
    with caller.http:
        yield caller
