"""``b24 up``: start everything in order, say where it is, bring the warehouse up to date, stay."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bitrix.webhook_url import WebhookUrl
from cli.dead_runs import end_dead_runs, try_end_dead_runs
from cli.doctor import Mark, check_portal
from cli.first_sync import follow, launch
from cli.services import SERVICES, Place, check_ports, code_server_socket, dagster_environment
from cli.simulated_portal import DEALS, SimulatedPortal, shared_url_file
from cli.supervise import StartError, Stopped, StopSignals, Supervisor
from cli.up_lock import only_one
from warehouse.database import Database, DatabaseError, open_database
from warehouse.migrate import upgrade
from warehouse.settings import Settings
from webhook_api.dagster_api import DagsterError

SERVICE_SECONDS = 120.0
WATCH_SECONDS = 0.5
ROUND_SECONDS = 30.0


def up(
    settings: Settings,
    *,
    ports: Mapping[str, int] | None = None,
    host: str = "127.0.0.1",
    portal_deals: int = DEALS,
    first_sync: bool = True,
    console: Console | None = None,
) -> int:
    """Run the whole installation until Ctrl-C, SIGTERM or SIGHUP. Returns the exit status.

    ``ports`` overrides default ports by ``Row.port_key``. Whatever goes wrong is told in one line on ``console``.
    """
    console = console or Console(highlight=False)
    chosen = {row.port_key: row.default_port for row in SERVICES if row.port_key} | dict(ports or {})
    with StopSignals() as signals:
        try:
            with contextlib.ExitStack() as stack:
                lock = stack.enter_context(only_one(settings.b24_home, f"http://{host}:{chosen['dagster']}"))
                check_ports(host, chosen)
                installation = _Installation(settings, console, signals, stack, lock)
                installation.start(host, chosen, portal_deals)
                installation.stay(first_sync)
        except Stopped:
            console.print("Stopped.")
            return 0
        except (StartError, DatabaseError) as error:
            console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
            return 1


class _Installation:
    """What has been started so far; ``stack`` undoes it in reverse order."""

    def __init__(
        self, settings: Settings, console: Console, signals: StopSignals, stack: contextlib.ExitStack, lock: int
    ) -> None:
        self._settings = settings
        self._home = settings.b24_home
        self._console = console
        self._stack = stack
        self._signals = signals
        self._lock = lock
        self._begun = time.monotonic()
        self._began_at = time.time()
        self._simulated: SimulatedPortal | None = None

    def start(self, host: str, ports: Mapping[str, int], portal_deals: int) -> None:
        """Start everything, each as soon as what it needs answers. Raises ``StartError``, ``DatabaseError``."""
        if self._settings.bitrix_webhook_url is not None:
            self._check_portal()
        self._database = self._start_database()
        self._supervisor = self._stack.enter_context(Supervisor(self._home / "logs", self._signals, [self._lock]))
        webhook_url, portal_address = self._start_portal(portal_deals)
        socket = self._stack.enter_context(code_server_socket(self._home))
        env = dagster_environment(self._home, self._database)
        env |= {
            "BITRIX_WEBHOOK_URL": webhook_url,
            "B24_CODE_SERVER_SOCKET": str(socket),
            "DAGSTER_URL": f"http://{host}:{ports['dagster']}",
        }
        place = Place(self._home, host, ports, socket, env)
        self._start_services(place)
        self._follow_events(place)
        self._place = place
        self._print_addresses(place, portal_address)

    def stay(self, first_sync: bool) -> NoReturn:
        """Bring the warehouse up to date if ``first_sync``, then watch the services until a signal ends it."""
        dagster = self._place.url("dagster")
        try:
            end_dead_runs(dagster, self._began_at)
        except DagsterError as error:
            raise StartError(str(error)) from None
        if first_sync:
            run_id = launch(dagster, self._database, self._supervisor.check)
            follow(dagster, run_id, self._database, self._console, self._supervisor.check)
        self._console.print("Ctrl-C stops everything.")
        next_round = time.monotonic() + ROUND_SECONDS
        while True:
            self._supervisor.check()
            if time.monotonic() > next_round:
                next_round = time.monotonic() + ROUND_SECONDS
                self._supervisor.trim_logs()
                try_end_dead_runs(dagster, self._began_at)
            time.sleep(WATCH_SECONDS)

    def _start_database(self) -> Database:
        with self._step("PostgreSQL") as told:
            database = self._stack.enter_context(open_database(self._settings))
            version = database.wait_until_ready()
            told.append(f"{version}, {'embedded, ' if database.embedded else ''}{database.address}")
        with self._step("Migrations") as told:
            told.append(f"revision {upgrade(database).head}")
        return database

    def _check_portal(self) -> None:
        with self._step("Bitrix24 portal") as told:
            findings = check_portal(self._settings)
            for finding in findings:
                if finding.mark is Mark.BROKEN:
                    raise StartError(f"{finding.subject}: {finding.text}")
            told.append(findings[0].text)

    def _start_portal(self, deals: int) -> tuple[str, str]:
        """The webhook URL, and the portal's address for people."""
        if self._settings.bitrix_webhook_url is not None:
            text = self._settings.bitrix_webhook_url.get_secret_value()
            return text, WebhookUrl.parse(text).origin
        portal = SimulatedPortal(shared_url_file(self._home), deals)
        with self._step("Simulated portal") as told:
            self._stack.enter_context(portal.running(self._supervisor))
            told.append(f"{deals} deals; set BITRIX_WEBHOOK_URL to use your own portal")
        self._simulated = portal
        return portal.webhook_url, portal.address

    def _follow_events(self, place: Place) -> None:
        """Let the simulated portal post its events: rows then follow changes within seconds, as they will for real."""
        if self._simulated is None:
            return
        token = self._settings.bitrix_application_token
        with self._step("Events of the simulated portal"):
            self._simulated.post_events_to(
                f"{place.url('api')}/api/v1/webhooks/bitrix", token.get_secret_value() if token else "simulated"
            )

    def _start_services(self, place: Place) -> None:
        begun: dict[str, float] = {}
        answered: set[str] = set()
        while len(answered) < len(SERVICES):
            for row in SERVICES:
                if row.name not in begun and answered.issuperset(row.after):
                    begun[row.name] = time.monotonic()
                    self._supervisor.start(row.service(place))
                if row.name in begun and row.name not in answered and row.answers(place):
                    answered.add(row.name)
                    self._tell(row.title, "", begun[row.name])
            self._supervisor.check()
            for name in begun.keys() - answered:
                if time.monotonic() - begun[name] > SERVICE_SECONDS:
                    self._supervisor.wait(name, lambda: False, 0)
            time.sleep(0.05)

    def _print_addresses(self, place: Place, portal_address: str) -> None:
        table = Table(title=f"b24 is up in {time.monotonic() - self._begun:.1f} s", title_justify="left", box=None)
        table.add_column("what")
        table.add_column("where", overflow="fold")
        for row in SERVICES:
            if row.address is not None:
                table.add_row(row.title, row.address(place))
        where = f"{self._database.address}, user {self._database.user}"
        if self._database.embedded:
            where += f" (password in {self._home / 'postgres.json'})"
        table.add_row("PostgreSQL", where)
        table.add_row("Portal", portal_address)
        table.add_row("Logs", str(self._home / "logs"))
        self._console.print(table)

    @contextlib.contextmanager
    def _step(self, title: str) -> Iterator[list[str]]:
        begun = time.monotonic()
        told: list[str] = []
        yield told
        self._tell(title, ", ".join(told), begun)

    def _tell(self, title: str, detail: str, begun: float) -> None:
        seconds = f"{time.monotonic() - begun:.1f} s"
        text = f"{title} ({detail})" if detail else title
        self._console.print(f"[green]✓[/green] {escape(text)}  [dim]{seconds}[/dim]", soft_wrap=True)
