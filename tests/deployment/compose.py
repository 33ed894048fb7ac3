"""docker-compose.yml as Compose reads it, and its services run as their containers would be, without an engine."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

ROOT = Path(__file__).parents[2]
OVERRIDES = ("deploy/docker/external-database.yaml", "deploy/docker/runs-in-containers.yaml")
_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z][A-Z0-9_]*)(?:(?P<sign>:-|:\?)(?P<rest>(?:[^{}]|\$\{[^{}]*\})*))?\}")


class MissingError(Exception):
    """What Compose prints when a variable is required and not set."""


def compose(env: Mapping[str, str]) -> dict[str, Any]:
    """The file with this environment."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, Any] = _interpolated(document, env)
    return found


def variables() -> frozenset[str]:
    """Every variable that the file and those that may be added to it read."""
    files = [ROOT / "docker-compose.yml", *(ROOT / name for name in OVERRIDES)]
    return frozenset(name for file in files for name in re.findall(r"\$\{([A-Z][A-Z0-9_]*)", file.read_text()))


def _interpolated(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(item, env) for key, item in value.items()}
    if isinstance(value, list):
        return [_interpolated(item, env) for item in value]
    return interpolate(value, env) if isinstance(value, str) else value


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """``${NAME}``, ``${NAME:-default}``, ``${NAME:?message}``, nested."""

    def replaced(found: re.Match[str]) -> str:
        given = env.get(found["name"], "")
        if given or found["sign"] is None:
            return given
        rest = interpolate(found["rest"], env)
        if found["sign"] == ":?":
            raise MissingError(f"required variable {found['name']} is missing a value: {rest}")
        return rest

    return _VARIABLE.sub(replaced, text)


def image_environment() -> dict[str, str]:
    """What the Dockerfile's last stage sets."""
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2].replace("\\\n", " ")
    lines = [line[4:] for line in last.splitlines() if line.startswith("ENV ")]
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def build_context() -> list[str]:
    """Files that .dockerignore lets into the image, of those that git knows or will know."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in rules if line.startswith("!")}
    hidden = [line for line in rules if line and line[0] not in "!#*"]
    return [
        name
        for name in listed
        if (name in allowed or name.split("/")[0] in allowed)
        and not any(name == rule or name.startswith(f"{rule}/") for rule in hidden)
        and (ROOT / name).is_file()
    ]


@functools.cache
def _as_nobody() -> tuple[str, ...]:
    """For root: words before a command that make it an unprivileged user's, who may read everything and write nothing.

    Reading is granted because the interpreter of the tests may lie in a home directory; in the image it does not.
    """
    may = "-all,+dac_read_search"
    words = ("setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups")
    words += (f"--inh-caps={may}", f"--ambient-caps={may}", f"--bounding-set={may}", "--")
    if os.geteuid() or not shutil.which("setpriv"):
        return ()
    tried = subprocess.run([*words, sys.executable, "-c", ""], check=False, capture_output=True)
    return words if tried.returncode == 0 else ()


@dataclass
class Machine:
    """Where services run as their containers would: a read-only copy of the image's files, a volume, nothing else.

    ``moved`` replaces what names a place: host names of services and ports, by those of this machine.
    """

    home: Path
    moved: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.chmod(0o755)
        self.code = self.home / "code"
        for name in build_context():
            target = self.code / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
        for path in [self.code, *self.code.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
        self.state = self.home / "state"
        self.state.mkdir()
        self.state.chmod(0o700)
        if _as_nobody():
            os.chown(self.state, 10001, 10001)
        self.without_volume = self.home / "without_volume"
        self.without_volume.mkdir(mode=0o555)

    def environment(self, service: Mapping[str, Any]) -> dict[str, str]:
        """All that the service's process gets: the image's variables and its own."""
        image = {
            **image_environment(),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "PYTHONPATH": str(self.code),  # in the image the package is installed from its own directory
        }
        mounted = any(volume.startswith("state:") for volume in service.get("volumes", []))
        home = str(self.state if mounted else self.without_volume)
        image = {name: value.replace("/var/lib/b24", home) for name, value in image.items()}
        given = {name: self._moved(str(value)) for name, value in service.get("environment", {}).items()}
        return {**image, **given}

    def start(self, name: str, service: Mapping[str, Any], **env: str) -> subprocess.Popen[bytes]:
        """Start a service's command; its output goes to ``<name>.log``."""
        with self.log_path(name).open("ab") as output:
            process = subprocess.Popen(
                self._argv(service["command"]),
                env={**self.environment(service), **env},
                cwd=self.code,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running[name] = process
        return process

    def run(self, name: str, service: Mapping[str, Any], seconds: float = 120) -> str:
        """Run a service that ends by itself; its output."""
        status = self.start(name, service).wait(seconds)
        assert status == 0, self.log(name)
        return self.log(name)

    def wait_healthy(self, name: str, service: Mapping[str, Any], seconds: float = 90) -> None:
        """Wait until the service's health check succeeds, as Compose does for what depends on it."""
        test = service["healthcheck"]["test"]
        assert test[0] == "CMD"
        deadline = time.monotonic() + seconds
        while True:
            check = subprocess.run(
                self._argv(test[1:]),
                env=self.environment(service),
                cwd=self.code,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=60,
            )
            if check.returncode == 0:
                return
            assert self.running[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, f"{check.stdout!r} {check.stderr!r}\n{self.log(name)}"
            time.sleep(0.5)  # each check is a process

    def log_path(self, name: str) -> Path:
        return self.home / f"{name}.log"

    def log(self, name: str) -> str:
        """What a service has written."""
        return self.log_path(name).read_text()

    def stop(self) -> None:
        """End everything that was started here, and its children."""
        family = []
        for process in self.running.values():
            if process.poll() is None:
                family += [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
                process.terminate()
        _, left = psutil.wait_procs(family, 2)  # a test's containers need no grace
        for process in left:
            process.kill()
        for process in self.running.values():
            process.wait()
        for path in [self.code, *self.code.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)

    def _argv(self, command: Sequence[str]) -> list[str]:
        return [*_as_nobody(), *(self._moved(word) for word in command)]

    def _moved(self, text: str) -> str:
        for old, new in self.moved.items():
            text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w.])", new, text)
        return text
