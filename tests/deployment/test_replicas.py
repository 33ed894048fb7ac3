"""Two replicas of each API and several run workers against one database, while one process after the other is killed.

Events keep coming and people keep asking. Whatever dies is started again, as Docker and Kubernetes do; the portal and
people reach the APIs through a proxy that asks the other replica when one does not answer, as deploy/proxy/nginx.conf
does.
"""

from __future__ import annotations

import copy
import itertools
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from bitrix.entities import BY_NAME
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.deployment.compose import Machine, compose
from tests.deployment.raw_server import free_port
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from tests.orchestration.test_alerts import Receiver
from warehouse.database import Database

pytestmark = pytest.mark.slow

FOLLOWED = ("deal", "contact", "lead", "company")
REPLICATED = {"webhook-api": "8080", "chart-service": "8090"}
SINGLE = ("code-location", "webserver", "daemon")
RETRY_SECONDS = 0.5


class Proxy(ThreadingHTTPServer):
    """Gives each request to the replicas in turn; what one does not answer, or answers with 502 to 504, to the next."""

    daemon_threads = True

    def __init__(self, targets: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.http = httpx.Client(trust_env=False, timeout=60)
        self._targets = targets
        self._turn = itertools.count()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def order(self) -> list[str]:
        first = next(self._turn) % len(self._targets)
        return [*self._targets[first:], *self._targets[:first]]


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kept = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "accept")}
        answer = None
        for target in self.server.order():
            try:
                answer = self.server.http.request(self.command, target + self.path, content=body, headers=kept)
            except httpx.HTTPError:
                continue
            if answer.status_code not in (502, 503, 504):
                break
        content = answer.content if answer is not None else b""
        self.send_response(answer.status_code if answer is not None else 502)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _pass_on

    def log_message(self, *_: object) -> None:
        pass


class Cluster:
    """All processes, each as its container would be; ``kill`` is followed by what a restart policy does."""

    def __init__(self, machine: Machine, services: dict[str, Any]) -> None:
        self.machine = machine
        self.services = services

    def start(self, name: str) -> None:
        self.machine.start(name, self.services[name])

    def wait_healthy(self, *names: str) -> None:
        for name in names:
            self.machine.wait_healthy(name, self.services[name])

    def kill(self, name: str) -> None:
        """Kill a container: its process and all that it started."""
        process = self.machine.running[name]
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        for child in children:
            if child.is_running():
                child.kill()
        process.wait()
        self.start(name)


@pytest.fixture
def portal() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=7, deals=300), limits=False) as running:
        yield running


@pytest.fixture
def alerts() -> Iterator[Receiver]:
    """Where failed runs are told."""
    with Receiver(200) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


@pytest.fixture
def cluster(database: Database, portal: PortalServer, alerts: Receiver) -> Iterator[tuple[Cluster, Proxy, Proxy]]:
    env = {
        "POSTGRES_PASSWORD": "unused",
        "DATABASE_URL": database.url,
        "BITRIX_WEBHOOK_URL": portal.webhook_url,
        "BITRIX_APPLICATION_TOKEN": "simulated",
        "BITRIX_REQUEST_BURST": "100000",
        "BITRIX_REQUESTS_PER_SECOND": "1000",
        "ALLOW_ANONYMOUS": "true",
        "ALERT_WEBHOOK_URL": alerts.url,
    }
    services = compose(env)["services"]
    ports = {number: str(free_port()) for number in ("3000", "4000")}
    targets: dict[str, list[str]] = {}
    for name, number in REPLICATED.items():
        for replica in ("a", "b"):
            service, port = copy.deepcopy(services[name]), str(free_port())
            service["command"][-1] = port
            service["healthcheck"]["test"][-1] = service["healthcheck"]["test"][-1].replace(number, port)
            services[f"{name}-{replica}"] = service
            targets.setdefault(name, []).append(f"http://127.0.0.1:{port}")
    moved = {"webserver:3000": f"127.0.0.1:{ports['3000']}", "code-location": "127.0.0.1", **ports}
    with ExitStack() as stack:
        machine = Machine(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="b24-replicas-"))), moved)
        stack.callback(machine.stop)
        found = Cluster(machine, services)
        machine.run("migrations", services["migrations"])
        replicas = [f"{name}-{letter}" for name in REPLICATED for letter in "ab"]
        for name in ("code-location", *replicas):
            found.start(name)
        found.wait_healthy("code-location", *replicas)
        for name in ("webserver", "daemon"):
            found.start(name)
        found.wait_healthy("webserver", "daemon")
        proxies = [stack.enter_context(_serving(Proxy(targets[name]))) for name in REPLICATED]
        machine.run("first-sync", services["first-sync"])
        yield found, proxies[0], proxies[1]


@contextmanager
def _serving(proxy: Proxy) -> Iterator[Proxy]:
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
        proxy.http.close()


class Life:
    """What goes on meanwhile: records change in the portal, people ask the APIs. Collects what people would see."""

    def __init__(self, portal: PortalServer, api: Proxy, charts: Proxy) -> None:
        self.errors: list[str] = []
        self.answers = 0
        self.retries = 0
        self._end = threading.Event()
        self._portal = portal
        self._api, self._charts = api, charts
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._change, self._ask)]

    def __enter__(self) -> Life:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _change(self) -> None:
        for seed in itertools.count(100):
            if self._end.wait(0.4):
                return
            self._portal.portal.random_changes(4, seed, deletions=True)

    def _ask(self) -> None:
        count = {"sql": "SELECT stage_name, count(*) AS n FROM crm.deals GROUP BY 1"}
        calls: list[tuple[str, str, Any]] = [
            ("GET", f"{self._api.url}/api/v1/sync/status", None),
            ("POST", f"{self._charts.url}/api/v1/sql/run", count),
            ("GET", f"{self._charts.url}/api/v1/freshness", None),
        ]
        with httpx.Client(trust_env=False, timeout=60) as http:
            for method, url, body in itertools.cycle(calls):
                if self._end.wait(0.1):
                    return
                answer = http.request(method, url, json=body)
                if not answer.is_success:
                    self.retries += 1
                    time.sleep(RETRY_SECONDS)
                    answer = http.request(method, url, json=body)
                if not answer.is_success:
                    self.errors.append(
                        f"{method} {url.partition('/api/')[2]}: {answer.status_code} {answer.text[:200]}"
                    )
                self.answers += 1


def until(conn: psycopg.Connection[Any], query: str, seconds: float = 180) -> None:
    """Wait until a query answers true."""
    deadline = time.monotonic() + seconds
    while conn.execute(query.encode()).fetchone() != (True,):
        assert time.monotonic() < deadline, query
        time.sleep(0.5)


def test_killing_any_one_process_loses_no_event_and_shows_no_error(
    cluster: tuple[Cluster, Proxy, Proxy], portal: PortalServer, database: Database, alerts: Receiver
) -> None:
    processes, api, charts = cluster
    with database.connect("test", autocommit=True) as conn:
        # Only events may bring what changes: no schedule shall make up for one that was lost.
        conn.execute(
            """INSERT INTO app.sync_config (entity, enabled, sync_interval_minutes)
               SELECT entity, true, 10080 FROM app.sync_state"""
        )
        portal.portal.on_event(f"{api.url}/api/v1/webhooks/bitrix", "simulated")
        at_once = 0
        with Life(portal, api, charts) as life:
            for name in [*(f"{name}-{letter}" for name in REPLICATED for letter in "ab"), *SINGLE]:
                time.sleep(3)
                processes.kill(name)
                processes.wait_healthy(name)
            portal.limits.latency = 1.0  # so that runs last long enough to be seen beside each other
            for _ in range(2):
                at_once = max(at_once, _kill_a_run_worker(conn))
        portal.limits.latency = 0.0
        until(conn, "SELECT count(*) = 0 FROM app.webhook_events WHERE status <> 'done'")
        found = [
            difference
            for name in FOLLOWED
            for difference in differences(
                conn,
                name,
                BY_NAME[name].table,
                fields_of(BY_NAME[name], portal),
                portal.portal.rows(name),
                BY_NAME[name].key,
            )
        ]
        dead = conn.execute("SELECT count(*) FROM app.sync_logs WHERE status = 'running'").fetchone()
    assert portal.events.sent > 100
    assert portal.events.failed == 0
    assert not found, f"{len(found)} differences, the first: " + "\n".join(found[:10])
    assert life.errors == []
    assert life.answers > 100
    assert at_once >= 2, "no two runs went on at the same time"
    assert dead == (0,)
    told = {body["job"] for body in alerts.bodies}
    assert told, "runs were killed and nobody was told"
    assert told <= {f"sync_{name}" for name in FOLLOWED}


def _kill_a_run_worker(conn: psycopg.Connection[Any]) -> int:
    """Kill a process that executes a run while another does, too; returns how many there were."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        workers = [int(tag.rsplit(":", 2)[1]) for (tag,) in conn.execute(_WORKERS).fetchall()]
        if len(workers) >= 2:
            os.kill(workers[0], signal.SIGKILL)
            return len(workers)
        time.sleep(0.05)
    runs = conn.execute("SELECT pipeline_name, status, count(*) FROM dagster.runs GROUP BY 1, 2 ORDER BY 1").fetchall()
    raise AssertionError(f"no two runs were seen at once: {runs}")


_WORKERS = """
SELECT t.value FROM dagster.runs r JOIN dagster.run_tags t USING (run_id)
WHERE r.status = 'STARTED' AND t.key = 'process'"""
