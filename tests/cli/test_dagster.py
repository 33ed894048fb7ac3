"""``b24 dagster`` and the health check of containers: what they run, and how they fail in one line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from cli.answers import answers
from cli.dagster import command, dagster
from warehouse.database import Database
from warehouse.settings import Settings, load_settings


def b24(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env={**os.environ, "B24_HOME": str(home), "NO_COLOR": "1", **env},
        cwd=home.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_dagster_s_own_programs_and_commands() -> None:
    assert command(["webserver", "--port", "1"]) == [sys.executable, "-m", "dagster_webserver", "--port", "1"]
    assert command(["daemon", "run"]) == [sys.executable, "-m", "dagster._daemon", "run"]
    assert command(["instance", "migrate"]) == [sys.executable, "-m", "dagster", "instance", "migrate"]


def test_a_command_runs_on_this_installation_s_instance(tmp_path: Path, database: Database) -> None:
    done = b24(tmp_path / "home", "dagster", "instance", "info", DATABASE_URL=database.url)
    assert done.returncode == 0, done.stderr
    assert f"$DAGSTER_HOME: {tmp_path / 'home' / 'dagster'}" in done.stdout
    with database.connect("test") as conn:
        assert conn.execute("SELECT count(*) FROM dagster.runs").fetchone() == (0,)


def failed(settings: Settings) -> tuple[int, str]:
    """The status and the line of a command that cannot be run."""
    printed = io.StringIO()
    status = dagster(settings, ["daemon", "run"], Console(file=printed, highlight=False))
    return status, printed.getvalue()


def test_without_a_database_it_starts_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert failed(load_settings(b24_home=home)) == (2, "✗ DATABASE_URL is not set. Set it, or use `b24 up`.\n")
    assert not home.exists()


def test_a_home_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home"
    settings = load_settings(b24_home=home, database_url="postgresql://u@h/d")
    assert failed(settings) == (1, f"✗ B24_HOME {home} cannot be used (Not a directory).\n")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/health" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_health_check_says_what_is_wrong(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # is not asked
    assert answers(service) is None
    assert answers(f"{service}/health") == f"{service}/health answers status 503"
    assert "does not answer" in str(answers("http://127.0.0.1:9"))
    assert "is not an address" in str(answers("file:///etc/passwd"))


def test_the_health_check_s_status_tells(service: str) -> None:
    argv = [sys.executable, "-m", "cli.answers"]
    assert subprocess.run([*argv, service], check=False).returncode == 0
    failed = subprocess.run([*argv, f"{service}/health"], check=False, capture_output=True, text=True)
    assert (failed.returncode, failed.stderr) == (1, f"{service}/health answers status 503\n")
