"""Starting, stopping and changing a served portal."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from demo_portal.table import Table
from tests.demo_portal.conftest import NOW, Caller

ROOT = Path(__file__).parents[2]


def test_the_command_line_server_answers_and_stops_on_ctrl_c() -> None:
    program = (
        "from demo_portal.server import serve; serve(port=0, deals=20, on_ready=lambda url: print(url, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        assert httpx.get(url + "profile").json()["result"]["ID"] == "1"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""


def test_a_taken_port_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        PortalServer(Portal(), port=taken.getsockname()[1]).start()


def test_a_server_can_be_given_another_portal(call: Caller) -> None:
    old_url = call.server.webhook_url
    call.server.mount(Portal.generate(seed=9, deals=7, now=NOW), limits=False)
    assert httpx.get(old_url + "profile").status_code == 401
    answer = httpx.get(call.server.webhook_url + "crm.deal.list").json()
    assert answer["total"] == 7
    assert call.server.requests == 2


def test_a_stopped_server_does_not_answer() -> None:
    with PortalServer(Portal.generate(deals=3)) as server:
        url = server.webhook_url
        assert httpx.get(url + "profile").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url + "profile")


def test_the_portal_may_change_while_it_answers(call: Caller) -> None:
    """Every answer is a state that the portal was in: no row twice, no row half changed."""
    portal, stop = call.portal, threading.Event()

    def change() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            portal.random_changes(5, seed=turn)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            rows = call.result("crm.deal.list", order={"ID": "ASC"}, start=-1)
            ids = [int(row["ID"]) for row in rows]
            assert ids == sorted(set(ids))
            assert all((row["CLOSED"] == "Y") is (row["STAGE_SEMANTIC_ID"] != "P") for row in rows)
    finally:
        stop.set()
        thread.join()


def test_ids_only_grow() -> None:
    table = Table("deal", ["ID"])
    table.append(5, ["5"], 0)
    with pytest.raises(ValueError, match="ids only grow"):
        table.append(5, ["5"], 0)
