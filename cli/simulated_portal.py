"""The simulated portal as a process of its own, for an installation that has no ``BITRIX_WEBHOOK_URL``.

The process chooses a free port and writes its webhook URL into a file that only its user can read: the URL holds a
secret, and arguments are visible to everybody.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx

from cli.supervise import Service, StopSignals, Supervisor

NAME = "portal"
READY_SECONDS = 90.0
DEALS_A_SECOND = 2000
"""A slow machine makes so many rows ready; a large portal is waited for longer."""
DEALS = 2000


class SimulatedPortal:
    """One simulated portal: the process to run, and its address once it answers."""

    def __init__(self, url_file: Path, deals: int = DEALS, *, limits: bool = True) -> None:
        self._url_file = url_file
        self._ready_seconds = READY_SECONDS + deals / DEALS_A_SECOND
        argv = [sys.executable, "-m", "cli.simulated_portal", str(url_file), str(deals), "limits" if limits else "free"]
        self.service = Service(NAME, argv)

    @property
    def webhook_url(self) -> str:
        """What ``BITRIX_WEBHOOK_URL`` would be; a secret. Raises ``FileNotFoundError`` before it answers."""
        return self._url_file.read_text()

    @property
    def address(self) -> str:
        """Host and port, without the secret."""
        return self.webhook_url.partition("/rest/")[0]

    def post_events_to(self, url: str, token: str) -> None:
        """Let it tell of every change, as an outgoing webhook does. Raises ``httpx.HTTPError``."""
        body = {"url": url, "application_token": token}
        httpx.post(f"{self.address}/_portal/events", json=body, timeout=5, trust_env=False).raise_for_status()

    def answers(self) -> bool:
        """Whether it answers calls."""
        return _answering(self._url_file) is not None

    @contextlib.contextmanager
    def running(self, supervisor: Supervisor) -> Iterator[SimulatedPortal]:
        """Start it under ``supervisor``, which also ends it; yields when it answers. Raises ``StartError``."""
        self._url_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._url_file.unlink(missing_ok=True)
        try:
            supervisor.start(self.service)
            supervisor.wait(NAME, self.answers, self._ready_seconds)
            yield self
        finally:
            self._url_file.unlink(missing_ok=True)


def shared_url_file(home: Path) -> Path:
    """Where the portal of ``b24 up`` writes its URL, for other commands to find."""
    return home / "run" / "portal.url"


@contextlib.contextmanager
def portal_for_command(home: Path, deals: int = DEALS) -> Iterator[str]:
    """The webhook URL of a simulated portal: that of a running ``b24 up``, else of one that runs while this is open.

    Raises ``cli.supervise.StartError``, and ``cli.supervise.Stopped`` on Ctrl-C.
    """
    found = _answering(shared_url_file(home))
    if found is not None:
        yield found
        return
    portal = SimulatedPortal(home / "run" / f"portal-{os.getpid()}.url", deals)
    with StopSignals() as signals, Supervisor(home / "logs", signals) as supervisor, portal.running(supervisor):
        yield portal.webhook_url


def _answering(url_file: Path) -> str | None:
    """The URL in this file if a portal answers there; the file may be missing, or left by a portal that was killed."""
    try:
        url = url_file.read_text()
        answer = httpx.post(f"{url}profile", timeout=5, trust_env=False)
    except (FileNotFoundError, PermissionError, httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol):
        return None
    return url if answer.status_code == httpx.codes.OK else None


def _serve(url_file: Path, deals: int, *, limits: bool) -> None:
    from demo_portal.server import serve

    def announce(url: str) -> None:
        draft = url_file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(url)
        draft.replace(url_file)

    serve(port=0, deals=deals, limits=limits, until=_first_start(url_file.parents[1]), on_ready=announce)


def _first_start(home: Path) -> datetime:
    """When this installation's portal was first started: a later one gets the same rows, so nothing seems changed."""
    path = home / "portal-since"  # beside the data that came from it; run/ is for what ends with a process
    try:
        return datetime.fromisoformat(path.read_text())
    except (FileNotFoundError, ValueError):
        now = datetime.now(UTC)
        path.write_text(now.isoformat())
        return now


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]), limits=sys.argv[3] == "limits")
