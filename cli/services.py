"""The services of a local installation, as data: adding one is adding a row to :data:`SERVICES`."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli.supervise import Service, StartError
from warehouse.database import Database
from webhook_api.dagster_api import DagsterApi, DagsterUnreachable

ROOT = Path(__file__).parents[1]
SOCKET_PATH_BYTES = 100
"""The kernel's limit for the path of a Unix socket is 108 bytes on Linux and 104 on macOS."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one installation's services live: addresses, directories, and the environment that they get."""

    home: Path
    host: str
    ports: Mapping[str, int]
    code_server_socket: Path
    env: Mapping[str, str]

    def url(self, key: str) -> str:
        """The base URL of the service with this port key."""
        return f"http://{self.host}:{self.ports[key]}"


@dataclass(frozen=True, slots=True)
class Row:
    """One service: how it is started, and how to tell that it answers.

    ``port_key`` names its port in ``Place.ports`` and its option of ``b24 up`` (``--<port_key>-port``); None: it has no
    port. ``after`` must answer before it is started. ``address`` is shown to people.
    """

    name: str
    title: str
    argv: Callable[[Place], Sequence[str]]
    answers: Callable[[Place], bool]
    port_key: str | None = None
    default_port: int = 0
    after: tuple[str, ...] = ()
    address: Callable[[Place], str] | None = None

    def service(self, place: Place) -> Service:
        """The process to run."""
        return Service(self.name, self.argv(place), place.env)


def _socket_answers(place: Place) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(place.code_server_socket))
        except OSError:
            return False
        return True


def _webserver_answers(place: Place) -> bool:
    try:
        return httpx.get(f"{place.url('dagster')}/server_info", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _daemon_answers(place: Place) -> bool:
    try:
        with DagsterApi(place.url("dagster")) as api:
            return api.daemon_healthy()
    except DagsterUnreachable:
        return False


def _code_server(place: Place) -> list[str]:
    argv = [sys.executable, "-m", "dagster", "code-server", "start", "--socket", str(place.code_server_socket)]
    module = ["--module-name", "orchestration.definitions", "--working-directory", str(ROOT)]
    return [*argv, *module, "--location-name", "b24", "--use-python-environment-entry-point"]


def _webserver(place: Place) -> list[str]:
    argv = [sys.executable, "-m", "dagster_webserver", "--host", place.host, "--port", str(place.ports["dagster"])]
    return [*argv, "--workspace", str(ROOT / "workspace.yaml")]


def _daemon(place: Place) -> list[str]:
    return [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(ROOT / "workspace.yaml")]


def _api(place: Place) -> list[str]:
    return [sys.executable, "-m", "webhook_api", "--host", place.host, "--port", str(place.ports["api"])]


def _charts(place: Place) -> list[str]:
    return [sys.executable, "-m", "chart_service", "--host", place.host, "--port", str(place.ports["charts"])]


def _serves(key: str) -> Callable[[Place], bool]:
    def answers(place: Place) -> bool:
        try:
            return httpx.get(f"{place.url(key)}/openapi.json", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return answers


SERVICES: tuple[Row, ...] = (
    Row("code-server", "Code location", _code_server, _socket_answers),
    Row(
        "webserver",
        "Dagster UI",
        _webserver,
        _webserver_answers,
        port_key="dagster",
        default_port=3000,
        after=("code-server",),
        address=lambda place: place.url("dagster"),
    ),
    Row("daemon", "Dagster daemon", _daemon, _daemon_answers, after=("code-server",)),
    Row(
        "webhook-api",
        "Control API",
        _api,
        _serves("api"),
        port_key="api",
        default_port=8080,
        address=lambda place: f"{place.url('api')}/docs",
    ),
    Row(
        "chart-service",
        "Charts",
        _charts,
        _serves("charts"),
        port_key="charts",
        default_port=8090,
        address=lambda place: place.url("charts"),
    ),
)


@contextlib.contextmanager
def code_server_socket(home: Path) -> Iterator[Path]:
    """Where the code server listens: below ``home``, or in a private temporary directory if that path is too long."""
    path = home / "run" / "code.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        with tempfile.TemporaryDirectory(prefix="b24-") as directory:
            yield Path(directory) / path.name
        return
    path.unlink(missing_ok=True)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def check_ports(host: str, ports: Mapping[str, int]) -> None:
    """Raise ``StartError`` that names the port and its option if something else listens on one of these."""
    for key, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise StartError(
                    f"port {port} on {host} cannot be used ({error.strerror}). Stop what uses it, "
                    f"or choose another: b24 up --{key}-port PORT"
                ) from None


def dagster_environment(home: Path, database: Database) -> dict[str, str]:
    """The environment in which Dagster finds its instance; prepares ``DAGSTER_HOME`` (``<home>/dagster``).

    Holds the database password: for the environment of a process only.
    """
    directory = home / "dagster"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    link = directory / "dagster.yaml"
    if not link.is_symlink() or link.readlink() != ROOT / "dagster.yaml":
        draft = directory / f"dagster.yaml.{os.getpid()}"  # renamed into place: several services may do this at once
        draft.unlink(missing_ok=True)
        draft.symlink_to(ROOT / "dagster.yaml")
        draft.replace(link)
    return {
        "B24_HOME": str(home),
        "DAGSTER_HOME": str(directory),
        "DATABASE_URL": database.url,
        "B24_DAGSTER_DATABASE_URL": database.dagster_url(),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONUNBUFFERED": "1",
    }
