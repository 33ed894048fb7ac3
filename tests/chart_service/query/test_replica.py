"""Charts from a real streaming replica that lags: what they show is older, and never kept as if it were newer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chart_service.app import create_app
from chart_service.query.replica import _end_of
from cli.portal_rows import load_portal
from demo_portal.portal import Portal
from tests.deployment.raw_server import ADMIN_PASSWORD, RawServer, initialised, run, serving
from tests.webhook_api.conftest import serving as serving_app
from tests.webhook_api.conftest import settings_with
from warehouse.database import Database
from warehouse.embedded_user import server_user
from warehouse.migrate import upgrade

WON = {"sql": "SELECT title FROM crm.deals WHERE id = 1"}


@dataclass
class Pair:
    """A primary with a warehouse, and its replica."""

    database: Database
    replica: RawServer
    charts_url: str

    @contextmanager
    def charts(self, **settings: Any) -> Iterator[httpx.Client]:
        """The chart service that reads from the replica."""
        given = settings_with(self.database, chart_database_url=self.charts_url, **settings)
        with (
            serving_app(create_app(given, self.database)) as url,
            httpx.Client(base_url=url, timeout=30, trust_env=False) as http,
        ):
            yield http

    def change(self, title: str) -> None:
        """What a committed sync leaves: a changed row and a new data version."""
        with self.database.connect("test") as conn:
            conn.execute("UPDATE bitrix.deals SET title = %s WHERE id = 1", (title,))
            conn.execute(
                """UPDATE app.sync_state SET data_version = data_version + 1, last_sync_at = now()
                   WHERE entity = 'deal'"""
            )

    def pause(self) -> None:
        self._on_replica("SELECT pg_wal_replay_pause()")
        while self._on_replica("SELECT pg_get_wal_replay_pause_state()") != "paused":
            time.sleep(0.02)

    def resume(self) -> None:
        self._on_replica("SELECT pg_wal_replay_resume()")

    def _on_replica(self, query: str) -> Any:
        with psycopg.connect(self.replica.admin_url, autocommit=True) as conn:
            row = conn.execute(query.encode()).fetchone()
        return row[0] if row else None


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    options = {"wal_level": "replica", "max_wal_senders": "4"}
    with initialised() as data, serving(data, options) as primary:
        with psycopg.connect(primary.admin_url, autocommit=True) as admin:
            admin.execute("CREATE ROLE b24 LOGIN CREATEROLE PASSWORD 'p'")
            admin.execute("CREATE DATABASE b24 OWNER b24")
        database = Database(f"postgresql://b24:p@127.0.0.1:{primary.port}/b24")
        upgrade(database)
        with database.connect("test", autocommit=True) as conn:
            load_portal(conn, Portal.generate(seed=5, deals=20))
            conn.execute("CREATE ROLE charts LOGIN PASSWORD 'c' IN ROLE chart_reader")
        copy = Path(data.parent) / "copy"
        server_user().allow(copy)
        where = ["--host", "127.0.0.1", "--port", str(primary.port), "--username", "postgres", "--pgdata", str(copy)]
        how = ["--write-recovery-conf", "--checkpoint", "fast", "--no-sync"]
        run("pg_basebackup", *where, *how, env={"PGPASSWORD": ADMIN_PASSWORD})
        with serving(copy, options) as replica:
            yield Pair(database, replica, f"postgresql://charts:c@127.0.0.1:{replica.port}/b24")


def shown(http: httpx.Client) -> dict[str, Any]:
    response = http.post("/api/v1/sql/run", json=WON)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    chart: dict[str, Any] = body["chart"]
    return chart


def until_shown(http: httpx.Client, title: str) -> dict[str, Any]:
    """Wait until the replica's rows are shown and known to be those of the version."""
    deadline = time.monotonic() + 15
    while (body := shown(http))["rows"] != [[title]] or body["as_of"] is None:
        assert time.monotonic() < deadline, body["rows"]
        time.sleep(0.1)
    return body


def test_a_replica_that_lags_is_not_taken_for_newer(pair: Pair) -> None:
    pair.change("before")
    with pair.charts() as http:
        before = until_shown(http, "before")
        fresh = http.get("/api/v1/freshness").json()
        pair.pause()
        try:
            pair.change("after")
            time.sleep(1.2)  # the versions are looked at anew
            behind = shown(http)
            assert behind["rows"] == [["before"]]
            assert behind["data_version"] == before["data_version"]
            assert behind["as_of"] == before["as_of"]
            assert http.get("/api/v1/freshness").json()["data_version"] == fresh["data_version"]
        finally:
            pair.resume()
        after = until_shown(http, "after")
        assert after["data_version"] != before["data_version"]
        assert after["as_of"] > before["as_of"]
        assert http.get("/api/v1/freshness").json()["data_version"] != fresh["data_version"]


def test_a_service_that_starts_while_it_lags_keeps_nothing(pair: Pair) -> None:
    pair.change("one")
    with pair.charts() as http:
        until_shown(http, "one")
    pair.pause()
    try:
        pair.change("two")
        with pair.charts() as http:
            first = shown(http)
            assert (first["rows"], first["as_of"]) == ([["one"]], None)
            pair.resume()
            assert until_shown(http, "two")["as_of"] is not None
    finally:
        pair.resume()


def test_writes_go_to_the_primary(pair: Pair) -> None:
    with pair.charts() as http:
        template = {"format": "bar", "traces": [{"type": "bar", "x": "title", "y": "n"}]}
        chart = {"title": "Deals", "sql": "SELECT title, count(*) AS n FROM deals GROUP BY 1", "template": template}
        made = http.post("/api/v1/charts", json=chart)
        assert made.status_code == 201, made.text
    with pair.database.connect("test") as conn:
        assert conn.execute("SELECT count(*) FROM app.charts WHERE title = 'Deals'").fetchone() == (1,)


def test_a_login_on_the_primary_is_no_replica(pair: Pair) -> None:
    on_primary = Pair(pair.database, pair.replica, pair.database.url.replace("b24:p@", "charts:c@"))
    pair.pause()
    try:
        pair.change("primary")
        with on_primary.charts() as http:
            first = shown(http)
            assert first["rows"] == [["primary"]]
            assert first["as_of"] is not None
            assert shown(http)["data_version"] == first["data_version"]
    finally:
        pair.resume()


@pytest.mark.parametrize(("position", "end"), [(8192 * 5 + 24, 8192 * 5), (8192 * 5 + 40, 8192 * 5), (8200, 8200)])
def test_headers_of_pages_do_not_count(position: int, end: int) -> None:
    assert _end_of(position) == end
