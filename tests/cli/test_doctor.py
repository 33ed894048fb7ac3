"""The doctor's findings, one by one."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from cli.doctor import Finding, Mark, check_database, check_local, check_model, check_portal, doctor
from cli.up_lock import only_one
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.conftest import PostgresServer
from warehouse.database import Database
from warehouse.settings import Settings, load_settings, parse_database_url, render_url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "none.env", b24_home=tmp_path / "home")


@pytest.fixture(scope="module")
def portal() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=1, deals=20)) as server:
        yield server


def changed(settings: Settings, **values: object) -> Settings:
    return load_settings(settings.b24_home / "none.env", **{"b24_home": settings.b24_home, **values})


def marks(findings: list[Finding]) -> dict[str, Mark]:
    return {finding.subject: finding.mark for finding in findings}


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_a_good_portal(settings: Settings, portal: PortalServer) -> None:
    findings = check_portal(changed(settings, bitrix_webhook_url=portal.webhook_url))
    assert marks(findings) == {"portal": Mark.FINE, "scopes": Mark.FINE, "rights": Mark.FINE}


def test_no_portal_is_a_note(settings: Settings) -> None:
    assert only(check_portal(settings)).mark is Mark.NOTE


def test_a_wrong_secret_is_told_and_not_repeated(settings: Settings, portal: PortalServer) -> None:
    url = portal.webhook_url.rstrip("/").rsplit("/", 1)[0] + "/hunter2hunter2/"
    finding = only(check_portal(changed(settings, bitrix_webhook_url=url)))
    assert finding.mark is Mark.BROKEN
    assert "INVALID_CREDENTIALS" in finding.text
    assert "hunter2" not in finding.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [("https://x.bitrix24.ru/", "rest"), ("http://x.bitrix24.ru/rest/1/hunter2hunter2/", "HTTPS only")],
)
def test_a_malformed_webhook_url_names_the_variable(settings: Settings, url: str, reason: str) -> None:
    finding = only(check_portal(changed(settings, bitrix_webhook_url=url)))
    assert (finding.mark, finding.subject) == (Mark.BROKEN, "BITRIX_WEBHOOK_URL")
    assert reason in finding.text
    assert "hunter2" not in finding.text


def test_a_portal_that_nobody_answers_at(settings: Settings) -> None:
    with free_port() as port:
        url = f"http://127.0.0.1:{port}/rest/1/hunter2hunter2/"
    finding = only(check_portal(changed(settings, bitrix_webhook_url=url)))
    assert finding.mark is Mark.BROKEN
    assert "Check the portal's address" in finding.text
    assert "hunter2" not in finding.text


def test_missing_scopes_and_a_common_user(settings: Settings) -> None:
    answers = {"profile": '{"result": {"ID": "5", "ADMIN": false}}', "scope": '{"result": ["crm", "user_brief"]}'}
    with answering(answers) as address:
        findings = check_portal(changed(settings, bitrix_webhook_url=f"{address}/rest/5/hunter2hunter2/"))
    assert marks(findings) == {"portal": Mark.FINE, "scopes": Mark.BROKEN, "rights": Mark.NOTE}
    assert "lacks department." in findings[1].text


def test_a_migrated_database(settings: Settings, database: Database) -> None:
    findings = check_database(changed(settings, database_url=database.url))
    assert Mark.BROKEN not in marks(findings).values()
    assert marks(findings)["migrations"] is Mark.FINE


def test_a_database_before_its_first_migration(settings: Settings, empty_database: Database) -> None:
    findings = check_database(changed(settings, database_url=empty_database.url))
    assert "b24 migrate" in {finding.subject: finding.text for finding in findings}["migrations"]


def test_a_reader_who_may_see_too_much(settings: Settings, database: Database) -> None:
    with database.connect() as connection:
        connection.execute("GRANT USAGE ON SCHEMA app TO chart_reader")
    roles = next(
        each for each in check_database(changed(settings, database_url=database.url)) if each.subject == "roles"
    )
    assert roles.mark is Mark.BROKEN
    assert "REVOKE ALL ON SCHEMA app" in roles.text


def test_databases_that_cannot_be_used(settings: Settings, postgres: PostgresServer) -> None:
    good = parse_database_url(postgres.owner_url)
    with free_port() as port:
        closed = good.set(host="127.0.0.1", port=port)
    for url, reason in (
        (closed, "does not answer"),
        (good.set(password="hunter2"), "refuses user"),
        (good.set(database="b24_never_made"), "no such database"),
    ):
        finding = only(check_database(changed(settings, database_url=render_url(url))))
        assert finding.mark is Mark.BROKEN
        assert reason in finding.text
        assert "hunter2" not in finding.text
        assert "\n" not in finding.text


@pytest.mark.parametrize(
    ("path", "status", "mark", "reason"),
    [
        ("models", 200, Mark.FINE, "takes the key"),
        ("models", 401, Mark.BROKEN, "OPENAI_API_KEY"),
        ("models", 404, Mark.NOTE, "OPENAI_BASE_URL"),
    ],
)
def test_model_key(settings: Settings, path: str, status: int, mark: Mark, reason: str) -> None:
    with answering({path: "{}"}, status) as address:
        given = changed(settings, openai_api_key="hunter2", openai_base_url=f"{address}/v1")
        finding = only(check_model(given))
    assert finding.mark is mark
    assert reason in finding.text
    assert "hunter2" not in finding.text


def test_a_model_server_that_nobody_answers_at(settings: Settings) -> None:
    with free_port() as port:
        given = changed(settings, openai_api_key="hunter2", openai_base_url=f"http://127.0.0.1:{port}/v1")
    assert only(check_model(given)).mark is Mark.BROKEN


def test_a_port_in_use_names_its_option_unless_b24_up_uses_it(settings: Settings) -> None:
    with free_port() as port, free_port() as other:
        ports = {"dagster": port, "api": other}
        finding = check_local(settings, ports)[0]
        assert finding.mark is Mark.BROKEN
        assert f"port {port}" in finding.text
        assert "--dagster-port" in finding.text
        with only_one(settings.b24_home, "http://127.0.0.1:1"):
            assert {finding.mark for finding in check_local(settings, ports)} == {Mark.FINE}


def test_exit_status_and_one_line_for_each(settings: Settings, database: Database, portal: PortalServer) -> None:
    given = changed(settings, database_url=database.url, bitrix_webhook_url=portal.webhook_url)
    console = Console(record=True, highlight=False, width=60)
    with free_port() as port, free_port() as other:
        pass
    assert doctor(given, ports={"dagster": port, "api": other}, console=console) == 0
    lines = console.export_text().splitlines()
    assert all(line[0] in "✓!" for line in lines)
    assert (
        doctor(changed(settings, bitrix_webhook_url="x", database_url=database.url), console=Console(quiet=True)) == 1
    )


@contextmanager
def free_port() -> Iterator[int]:
    """A port that is listened on while this is open, and by nobody afterwards."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@contextmanager
def answering(answers: dict[str, str], status: int = 200) -> Iterator[str]:
    """A server that gives fixed JSON answers by the last part of the path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = answers[self.path.rsplit("/", 1)[-1].removesuffix(".json")].encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
