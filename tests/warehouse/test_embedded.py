"""The embedded server: shared, stopped by the last, and whole again after any process of it was killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from warehouse.embedded import embedded_server
from warehouse.embedded_user import EmbeddedServerError

USER = """
import sys
from pathlib import Path
from warehouse.embedded import embedded_server
with embedded_server(Path(sys.argv[1])) as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""
Start = Callable[[], "User"]


class User:
    """A process that uses the server until it is told to leave or killed."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def port(self) -> int:
        assert self.process.stdout is not None
        for line in self.process.stdout:  # the log may come first
            if line.strip().isdigit():
                return int(line)
        raise AssertionError("the process ended without a server")

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory whose server has run once, so that a test need not wait for initdb."""
    home = tmp_path_factory.mktemp("prepared") / "home"
    with embedded_server(home) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS value")
    return home


@pytest.fixture
def home(prepared: Path, tmp_path: Path) -> Path:
    """A copy of that home directory, for one test."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-a", str(prepared), str(copy)], check=True)
    return copy


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Starts processes that use the server; those that a test leaves behind are killed."""
    users: list[User] = []

    def begin() -> User:
        users.append(User(home))
        return users[-1]

    yield begin
    for user in users:
        user.kill()
    assert gone(home)


def servers(home: Path) -> list[psutil.Process]:
    """The postmaster and the keeper of this home directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if str(home) in command and ("embedded_keeper" in command or "/postgres" in command.split(" ")[0]):
            found.append(process)
    return found


def gone(home: Path, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while servers(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not servers(home)


def kept(home: Path) -> int:
    with embedded_server(home) as server, psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT value FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_first_start_gives_a_database_to_a_login_without_superuser(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "new") as server, psycopg.connect(server.url) as connection:
        row = connection.execute(
            """SELECT current_user, current_database(), rolsuper, rolcreaterole,
                   current_setting('server_version_num')::int / 10000, lower('ЁЖ')
               FROM pg_roles WHERE rolname = current_user"""
        ).fetchone()
        assert row == ("b24", "b24", False, True, 18, "ёж")
    assert servers(tmp_path / "new") == []


def test_it_listens_on_loopback_only_and_wants_the_password(home: Path) -> None:
    with embedded_server(home) as server:
        local = [each.laddr for each in psutil.net_connections("tcp")]
        listening = {address.ip for address in local if address and address.port == server.port}
        assert listening == {"127.0.0.1"}
        with pytest.raises(psycopg.OperationalError, match="authentication failed"):
            psycopg.connect(f"postgresql://b24:wrong@127.0.0.1:{server.port}/b24")
    assert stat.S_IMODE((home / "postgres.json").stat().st_mode) == 0o600
    assert not (home / "postgres.password").exists()


def test_it_stops_with_its_user_and_is_found_again_at_the_same_port(home: Path) -> None:
    with embedded_server(home) as first:
        pass
    assert servers(home) == []
    with embedded_server(home) as second:
        assert second == first
    assert kept(home) == 42


def test_commands_share_one_server_and_the_last_one_stops_it(home: Path, start: Start) -> None:
    users = [start() for _ in range(3)]
    assert len({user.port() for user in users}) == 1
    users[0].leave()
    users[1].kill()
    assert kept(home) == 42
    assert len(servers(home)) == 2
    users[2].leave()
    assert servers(home) == []


def test_it_stops_when_its_only_user_is_killed(home: Path, start: Start) -> None:
    user = start()
    user.port()
    user.kill()
    assert gone(home)
    assert not (home / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("victim", ["embedded_keeper", "/postgres"])
def test_it_is_whole_after_its_own_process_was_killed(home: Path, start: Start, victim: str) -> None:
    start().port()
    for process in servers(home):
        command = process.cmdline()
        if victim in (command[0] if victim == "/postgres" else " ".join(command)):
            process.kill()
    assert kept(home) == 42


def test_postmaster_pid_of_another_living_process_heals(home: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], user=_owner(home)) as other:
        lines = [str(other.pid), str(home / "postgres"), "0", "5432", "", "127.0.0.1", "", "ready"]
        (home / "postgres" / "postmaster.pid").write_text("\n".join(lines))
        assert kept(home) == 42
        other.kill()


def test_a_taken_port_is_changed_and_remembered(home: Path) -> None:
    with embedded_server(home) as before:
        pass
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past the connections that were just closed
        other.bind(("127.0.0.1", before.port))
        other.listen()
        with embedded_server(home) as during:
            assert during.port != before.port
    with embedded_server(home) as after:
        assert after.port == during.port


def test_an_interrupted_first_start_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18")
    (tmp_path / "postgres.password").write_text("old")
    with embedded_server(tmp_path) as server:
        psycopg.connect(server.url).close()


def test_it_stops_when_its_home_directory_is_removed(home: Path) -> None:
    with embedded_server(home):
        shutil.rmtree(home)
        assert gone(home)


def test_lost_passwords_are_told(home: Path) -> None:
    (home / "postgres.json").unlink()
    with pytest.raises(EmbeddedServerError, match=r"postgres\.json is missing.*move .* away"), embedded_server(home):
        pass
    assert servers(home) == []


def test_data_of_another_major_version_is_told(home: Path) -> None:
    (home / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedServerError, match=r"was made by PostgreSQL 15"), embedded_server(home):
        pass


def test_a_server_that_does_not_start_shows_the_end_of_its_log(home: Path) -> None:
    (home / "postgres" / "postgresql.auto.conf").write_text("shared_buffers_typo = 1\n")
    with pytest.raises(EmbeddedServerError, match=r"(?s)did not start.*shared_buffers_typo"), embedded_server(home):
        pass
    assert servers(home) == []


def test_ctrl_c_for_a_command_does_not_reach_the_server(home: Path, start: Start) -> None:
    first, second = start(), start()
    assert first.port() == second.port()
    os.kill(first.process.pid, signal.SIGINT)
    first.process.communicate()
    assert kept(home) == 42


def _owner(home: Path) -> int:
    return (home / "postgres").stat().st_uid
