"""A fresh clone that follows SETUP.md to the letter: an external PostgreSQL, a portal that is not ours.

Only what a reader has to put in is put in: the repository's address, both URLs, a password; and ports, for those of the
documents may be in use on the machine of these tests.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.deployment.raw_server import BIN, RawServer, free_port, initialised, serving
from tests.documentation.commands import Line, lines
from tests.documentation.documents import ROOT, read
from tests.e2e.documented_portal import DocumentedPortal

PASSWORD = "p@ss:w/rd"
WRITTEN = "p%40ss%3Aw%2Frd"
SECTION = "From a clone to a copy"
UP_SECONDS, INSTALL_SECONDS = 180, 1500

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout"),
    pytest.mark.skipif(
        not all(map(shutil.which, ("git", "make", "curl"))), reason="git, make or curl is not installed"
    ),
]


@dataclass
class Reader:
    """Somebody who does what the document says, in a shell."""

    directory: Path
    replaced: dict[str, str]

    def follow(self, line: Line, seconds: float = 120) -> str:
        """Run a line; what it printed. ``cd`` holds for the lines after it."""
        if line.commands()[0][0] == "cd":
            self.directory /= line.commands()[0][1]
            return ""
        text = self.put_in(line.text)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.directory,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=seconds,
        )
        broken = [text for text in done.stdout.splitlines() if text.startswith("✗") and "✗ port: " not in text]
        # Another program of this machine may have one of the default ports: the doctor then says so.
        excused = "doctor" in line.text and not broken and "Traceback" not in done.stdout
        assert done.returncode == 0 or excused, f"{line.text}\n{done.stdout}"
        return done.stdout

    def put_in(self, text: str) -> str:
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        return text

    @staticmethod
    def environment() -> dict[str, str]:
        """A login shell's, with psql and without anything of these tests."""
        kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "HTTP", "SSL_", "LANG"))}
        path = ":".join(part for part in os.environ["PATH"].split(":") if ".venv" not in part)
        return {**kept, "PATH": f"{path}:{BIN}", "HOME": os.environ.get("HOME", "/"), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with initialised() as data, serving(data) as running:
        yield running


def test_setup_to_the_letter(server: RawServer, tmp_path: Path) -> None:
    section = read("SETUP.md").section(SECTION)
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        for statement in section.blocks("sql")[0].replace("…", PASSWORD).split(";\n"):
            admin.execute(statement)  # type: ignore[call-overload]
    url = f"postgresql://b24:{WRITTEN}@127.0.0.1:{server.port}/b24"
    with DocumentedPortal() as portal:
        reader = Reader(
            tmp_path,
            {
                "<repository>": str(ROOT),
                "https://example.bitrix24.ru/rest/1/secret/": portal.webhook_url,
                "postgresql://b24:password@db.example.com:5432/b24": url,
            },
        )
        settings = reader.put_in(section.blocks("ini")[0])
        printed: dict[str, str] = {}
        for line in lines(section):
            words = line.commands()[0]
            if words == ["make", "up"]:
                break
            printed[line.text] = reader.follow(line, INSTALL_SECONDS if words[0] == "make" else 180)
            if words[0] == "cp":
                with (reader.directory / ".env").open("a") as file:
                    file.write(settings)
        _check_what_was_said(printed)
        _check_rows(url, portal)
        _use(reader, portal)
        assert portal.undocumented == []


def _check_what_was_said(printed: dict[str, str]) -> None:
    doctor = printed[".venv/bin/b24 doctor"]
    assert "✓ portal: " in doctor, doctor
    assert "✓ scopes: crm, department, user" in doctor, doctor
    assert "(DATABASE_URL)" in doctor, doctor
    [psql] = [text for command, text in printed.items() if command.startswith("psql")]
    assert re.search(r"^\s+260 \|", psql, re.MULTILINE), psql


def _check_rows(url: str, portal: DocumentedPortal) -> None:
    with psycopg.connect(url) as conn:
        for entity, view in (("deal", "deals"), ("contact", "contacts"), ("lead", "leads"), ("user", "users")):
            found = conn.execute(f"SELECT id FROM crm.{view} ORDER BY id").fetchall()
            assert [row[0] for row in found] == sorted(int(row["ID"]) for row in portal.rows(entity))
        assert conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


def _use(reader: Reader, portal: DocumentedPortal) -> None:
    """`make up` on ports of these tests' own, and the calls of the README."""
    ports = {name: free_port() for name in ("dagster", "api", "charts")}
    options = " ".join(f"--{name}-port {port}" for name, port in ports.items())
    output = reader.directory / "up.txt"
    with output.open("w") as file:
        up = subprocess.Popen(
            ["bash", "-c", f"exec .venv/bin/b24 up {options}"],
            cwd=reader.directory,
            env=reader.environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for("Ctrl-C stops everything.", output, up)
        portal.change("deal", 40, TITLE="Changed meanwhile")
        reader.replaced |= {
            "localhost:8080": f"localhost:{ports['api']}",
            "curl ": "curl --fail --noproxy '*' --silent ",
        }
        answers = [reader.follow(line) for line in lines(read("README.md")) if line.text.startswith("curl")]
        assert len(answers) == 5
        assert '"status":"healthy"' in answers[0]
        assert '"run_url"' in answers[1]
    finally:
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0, output.read_text()


def _wait_for(text: str, output: Path, up: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while text not in output.read_text():
        assert up.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.2)
