"""``b24 up`` as a user meets it: one real installation started, used, ended; and every way in which it cannot start."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from cli.services import dagster_environment
from cli.simulated_portal import portal_for_command, shared_url_file
from warehouse.database import open_database
from warehouse.settings import load_settings

UP_SECONDS = 120

# Writes a run that has begun and will never end into Dagster's storage.
STARTED_RUN = """
import sys
import dagster as dg
tags = {"entity": "all"} | ({"process": sys.argv[2], "entity": "elsewhere"} if sys.argv[2] else {})
with dg.DagsterInstance.get() as instance:
    run = dg.DagsterRun(job_name="sync_all", run_id=sys.argv[1], tags=tags, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
"""


class Up:
    """A ``b24 up`` process; its output goes to a file."""

    def __init__(self, home: Path, *options: str, **env: str) -> None:
        self.home = home
        self.output = home.parent / "output.txt"
        self.port = free_port()
        ports = [
            *("--dagster-port", str(self.port), "--api-port", str(free_port())),
            *("--charts-port", str(free_port())),
        ]
        argv = [sys.executable, "-m", "cli.main", "up", *ports, "--deals", "60", *options]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                argv,
                env={**os.environ, "B24_HOME": str(home), "NO_COLOR": "1", **env},
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=home.parent,
            )

    def wait_for(self, text: str, seconds: float = UP_SECONDS) -> str:
        deadline = time.monotonic() + seconds
        while text not in (printed := self.output.read_text()):
            assert self.process.poll() is None, printed
            assert time.monotonic() < deadline, printed
            time.sleep(0.1)
        return printed

    def end(self, number: signal.Signals, seconds: float = 30) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def family(self) -> list[psutil.Process]:
        """Every process that belongs to this installation."""
        found = []
        for process in psutil.process_iter():
            try:
                env = process.environ()
                mine = env.get("B24_HOME") == str(self.home) or str(self.home) in " ".join(process.cmdline())
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
            if mine:
                found.append(process)
        return found

    def gone(self, seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while self.family() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.family() == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_up(home: Path, *options: str, **env: str) -> tuple[int, str]:
    """Run ``b24 up`` that is expected to end by itself; its status and what it printed."""
    up = Up(home, *options, **env)
    status = up.process.wait(UP_SECONDS)
    assert up.gone()
    return status, up.output.read_text()


def one_line(text: str) -> str:
    """The line of the failure; steps that went well may stand before it, a traceback may not."""
    assert "Traceback" not in text
    failures = [line for line in text.splitlines() if not line.startswith("✓")]
    assert len(failures) == 1, text
    return failures[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A ``b24 up`` with embedded PostgreSQL and simulated portal, after its first sync."""
    up = Up(tmp_path_factory.mktemp("up") / "home")
    try:
        up.wait_for("Ctrl-C stops everything.")
        yield up
    finally:
        if up.process.poll() is None:
            up.process.kill()
            up.process.wait()


def test_every_step_is_told_with_its_seconds_and_every_address(running: Up) -> None:
    text = running.output.read_text()
    for step in (
        "PostgreSQL",
        "Migrations",
        "Simulated portal",
        "Code location",
        "Dagster UI",
        "Dagster daemon",
        "Sync",
    ):
        assert re.search(rf"^✓ {step}.* \d+\.\d s$", text, re.MULTILINE), step
    assert f"http://127.0.0.1:{running.port}" in text
    assert httpx.get(f"http://127.0.0.1:{running.port}/server_info", trust_env=False).is_success


def test_the_api_finds_everything_well(running: Up) -> None:
    address = re.search(r"(http://127\.0\.0\.1:\d+)/docs", running.output.read_text())
    assert address is not None
    response = httpx.get(f"{address[1]}/health", trust_env=False, timeout=20)
    assert response.status_code == 200, response.text
    assert response.json()["scheduler"] == {"running": True}
    assert httpx.get(f"{address[1]}/api/v1/sync/status", trust_env=False).json()["overall_status"] == "completed"


def test_the_portal_is_copied(running: Up) -> None:
    with open_database(load_settings(b24_home=running.home)) as database, database.connect() as connection:
        failed = connection.execute("SELECT entity, error FROM app.sync_logs WHERE status <> 'succeeded'").fetchall()
        deals = connection.execute("SELECT count(*) FROM crm.deals").fetchone()
    assert failed == []
    assert deals is not None
    assert deals[0] >= 50


def test_another_command_finds_the_simulated_portal(running: Up) -> None:
    with portal_for_command(running.home) as url:
        assert url == shared_url_file(running.home).read_text()


def test_no_secret_is_in_an_argument_or_a_log(running: Up) -> None:
    with open_database(load_settings(b24_home=running.home)) as database:
        password = psycopg.conninfo.conninfo_to_dict(database.url)["password"]
    portal = shared_url_file(running.home).read_text().rstrip("/").rsplit("/", 1)[1]
    texts = [" ".join(process.cmdline()) for process in running.family()]
    texts += [path.read_text() for path in (running.home / "logs").iterdir()] + [running.output.read_text()]
    for secret in (str(password), portal):
        assert not [text for text in texts if secret in text]


def test_a_second_one_says_that_the_first_runs(running: Up) -> None:
    other = Up(running.home, **{})
    assert other.process.wait(UP_SECONDS) == 1
    line = one_line(other.output.read_text())
    assert f"already runs for {running.home} (process {running.process.pid}, http://127.0.0.1:{running.port})" in line


def test_sigterm_ends_everything_and_leaves_nothing(running: Up) -> None:
    assert running.end(signal.SIGTERM) == 0
    assert running.gone(0)
    assert running.output.read_text().endswith("Stopped.\n")
    left = {path.name for path in (running.home / "run").iterdir()}
    assert left <= {"up.lock", "postgres.users", "postgres.change", "postgres.keeper"}
    assert all((running.home / "run" / name).read_bytes() == b"" for name in left)
    assert not (running.home / "postgres" / "postmaster.pid").exists()


def test_killed_it_leaves_no_process_and_starts_again(running: Up) -> None:
    again = Up(running.home, "--no-first-sync")
    again.wait_for("Ctrl-C stops everything.")
    assert again.end(signal.SIGKILL) == -signal.SIGKILL
    third = Up(running.home, "--no-first-sync")
    third.wait_for("✓ Migrations")  # it waits for the watchdog of the killed one
    assert third.end(signal.SIGINT) == 0
    assert third.gone(0)


def test_runs_whose_process_is_gone_are_ended(running: Up) -> None:
    """A run that was going on when the machine went down would hold up every later sync of the same entity."""
    dead, elsewhere = str(uuid.uuid4()), str(uuid.uuid4())
    settings = load_settings(b24_home=running.home)
    with open_database(settings) as database:
        env = {**os.environ, **dagster_environment(running.home, database)}
        for run_id, process in ((dead, ""), (elsewhere, "another-host:1:1")):
            subprocess.run([sys.executable, "-c", STARTED_RUN, run_id, process], env=env, check=True, timeout=60)
    up = Up(running.home)
    up.wait_for("✓ Sync")
    with open_database(settings) as database, database.connect() as connection:
        rows = connection.execute(
            "SELECT run_id, status FROM dagster.runs WHERE run_id = ANY(%s)", [[dead, elsewhere]]
        ).fetchall()
    assert dict(rows) == {dead: "CANCELED", elsewhere: "STARTED"}
    assert up.end(signal.SIGTERM) == 0


def test_a_service_that_dies_ends_everything(running: Up) -> None:
    up = Up(running.home, "--no-first-sync")
    up.wait_for("Ctrl-C stops everything.")
    next(process for process in up.family() if "dagster._daemon" in process.cmdline()).kill()
    assert up.process.wait(30) == 1
    assert up.gone(0)
    assert "✗ daemon was ended by signal 9" in up.output.read_text()


def test_a_taken_port_names_its_option(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, text = run_up(tmp_path / "home", "--dagster-port", str(port))
    assert status == 1
    assert f"port {port}" in one_line(text)
    assert "--dagster-port" in one_line(text)


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    status, text = run_up(tmp_path / "home", DATABASE_URL="mysql://u:hunter2@h/d")
    assert status != 0
    assert one_line(text) == "DATABASE_URL: must start with postgresql://"


def test_an_unusable_webhook_url_is_one_line(tmp_path: Path) -> None:
    status, text = run_up(tmp_path / "home", BITRIX_WEBHOOK_URL="https://x.bitrix24.ru/rest/hunter2/")
    assert not (tmp_path / "home" / "postgres").exists()
    assert status == 1
    assert one_line(text).startswith("✗ BITRIX_WEBHOOK_URL: ")
    assert "hunter2" not in text


def test_a_home_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    up = Up(tmp_path / "home", B24_HOME=str(tmp_path / "file" / "home"))
    assert up.process.wait(UP_SECONDS) == 1
    assert "Point B24_HOME to a directory of your own" in one_line(up.output.read_text())
