"""Runs a simulated portal: in this thread for the command line, in a thread of its own for tests."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType

import uvicorn

from demo_portal.clock import Clock
from demo_portal.events import EventSender
from demo_portal.faults import Faults
from demo_portal.http import PortalApp
from demo_portal.limits import LimitSettings
from demo_portal.portal import Portal
from demo_portal.service import Service, Stats

START_TIMEOUT = 10


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8070,
    deals: int = 2000,
    seed: int = 1,
    limits: bool = True,
    latency: float = 0.0,
    page_latency: float = 0.0,
    until: datetime | None = None,
    events: tuple[str, str] | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Generate a portal and answer until interrupted (Ctrl-C returns normally).

    Its two years of business end at ``until`` (default: the present), so that a later start makes the same rows; its
    clock shows the present in either case.

    ``latency`` and ``page_latency`` delay an answer and each page in it, in seconds. ``events``: the address that every
    change is posted to, and the application token that the posts carry. ``on_ready`` gets the webhook URL
    once the port answers. Raises ``OSError`` if the port is taken.
    """
    listener = _listen(host, port)
    try:
        portal = Portal.generate(seed=seed, deals=deals, now=until)
        portal.clock = Clock()
        if events is not None:
            portal.on_event(*events)
        settings = LimitSettings(enforced=limits, latency=latency, page_latency=page_latency)
        server = _server(PortalApp(Service(portal, settings)))
        url = _webhook_url(portal, listener)
        if on_ready is not None:
            threading.Thread(target=lambda: _wait(server) and on_ready(url), daemon=True).start()
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return  # uvicorn has closed the connections and hands the signal on
    finally:
        listener.close()


class PortalServer:
    """A portal answering on the loopback interface from a thread of this process.

    ::

        with PortalServer(Portal.generate(deals=100), limits=False) as server:
            client = Client(server.webhook_url)
            ...
            assert server.requests == 2
            assert server.commands["crm.deal.list"] == 2

    ``limits``: True for the real portal's, False for none, or ``LimitSettings``, which may be changed while it runs.
    """

    def __init__(
        self, portal: Portal, *, limits: bool | LimitSettings = True, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.webhook_url = ""
        self.base_url = ""
        self._app = PortalApp(Service(portal, _settings(limits)))
        self._address = (host, port)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._listener: socket.socket | None = None

    def mount(self, portal: Portal, *, limits: bool | LimitSettings = True) -> None:
        """Answer for another portal from now on, with counters and limits of its own: quicker than a new server.

        ``webhook_url`` changes, since every portal has its own secret.
        """
        self._app.service = Service(portal, _settings(limits))
        self._address_portal()

    @property
    def service(self) -> Service:
        """What answers below HTTP."""
        return self._app.service

    @property
    def portal(self) -> Portal:
        """The portal that is served."""
        return self._app.service.portal

    @property
    def limits(self) -> LimitSettings:
        """The limits; may be changed while it runs."""
        return self._app.service.settings

    @property
    def stats(self) -> Stats:
        """All counters."""
        return self.service.stats

    @property
    def requests(self) -> int:
        """HTTP requests to the portal since the start or the last reset, refused ones included."""
        return self.service.stats.requests

    @property
    def commands(self) -> dict[str, int]:
        """How often each method was run, in batches or alone."""
        return self.service.stats.commands

    @property
    def faults(self) -> Faults:
        """The portal's fault switches."""
        return self.portal.faults

    @property
    def events(self) -> EventSender:
        """The portal's event sender."""
        return self.portal.events

    def reset_stats(self) -> None:
        """Counters, bucket and operating time from zero."""
        self.service.stats.reset()
        self.service.bucket.reset()
        self.service.operating.reset()

    def start(self) -> PortalServer:
        """Begin to answer. Raises ``OSError`` if the port is taken, ``RuntimeError`` if the server does not start."""
        self._listener = _listen(*self._address)
        self._server = _server(self._app)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="demo-portal", daemon=True
        )
        self._thread.start()
        self._address_portal()
        if not _wait(self._server):
            raise RuntimeError(f"the simulated portal did not start within {START_TIMEOUT} s")
        return self

    def _address_portal(self) -> None:
        if self._listener is None:
            return
        self.webhook_url = _webhook_url(self.portal, self._listener)
        self.base_url = self.webhook_url.partition("/rest/")[0]
        self.portal.events.domain = self.base_url.partition("//")[2]
        self.portal.events.scheme = "http"

    def stop(self) -> None:
        """Stop answering and close all connections."""
        if self._server is not None and self._thread is not None and self._listener is not None:
            self._server.should_exit = True
            self._thread.join()
            self._listener.close()
            self._server = self._listener = None

    def __enter__(self) -> PortalServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _settings(limits: bool | LimitSettings) -> LimitSettings:
    return limits if isinstance(limits, LimitSettings) else LimitSettings(enforced=limits)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except BaseException:
        listener.close()
        raise
    return listener


def _server(app: PortalApp) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        interface="asgi3",
        lifespan="off",
        proxy_headers=False,
        log_config=None,
        log_level="error",
        access_log=False,  # it would hold the secret of the webhook
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _webhook_url(portal: Portal, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{shown}:{port}/rest/{portal.user_id}/{portal.secret}/"


def _wait(server: uvicorn.Server) -> bool:
    deadline = time.monotonic() + START_TIMEOUT
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    return server.started
