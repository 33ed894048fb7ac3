"""Whatever a portal does, whichever syncs run, fail or are killed: once all is quiet, the mirror equals the portal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bitrix.client import PortalClient
from bitrix.entities import Entity, entity_named
from bitrix.errors import BitrixError
from bitrix.limits import LeakyBucket, OperatingBudget
from bitrix.webhook_url import WebhookUrl
from demo_portal.faults import FaultKind
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration import row_writer
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncReport, SyncRequest, SyncType
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from tests.e2e.test_faults import PASSING, quickly
from tests.e2e.test_portal_limits import PortalTime
from warehouse.database import Database
from warehouse.events import Change, store_changes

LOSSY = {FaultKind.WRONG_TOTAL, FaultKind.NO_TOTAL, FaultKind.SHORT_PAGE, FaultKind.GAP, FaultKind.DUPLICATE}
"""Faults whose answers look right: an incremental sync cannot know what was left out."""

NAMES = ("deal", "deal_stage_history", "status")
TABLES = {name: entity_named(name).table for name in NAMES}


class Killed(BaseException):
    """The process is gone: nothing after this moment happens."""


@dataclass(slots=True)
class Kill:
    """Ends a sync at its n-th request or at its n-th write."""

    at_request: int | None = None
    at_write: int | None = None
    done: bool = False

    def strike(self) -> None:
        self.done = True
        raise Killed


class KillingTransport(httpx.AsyncHTTPTransport):
    """Counts requests until the one that is never answered."""

    def __init__(self, kill: Kill) -> None:
        super().__init__()
        self._kill = kill
        self._requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._requests += 1
        if self._kill.done or self._requests == self._kill.at_request:
            self._kill.strike()
        return await super().handle_async_request(request)


ids = st.integers(0, 10_000)
few_ids = st.sets(ids, max_size=40)


class Interleavings(RuleBasedStateMachine):
    """Changes of the portal, faults, and syncs that end well, badly or not at all."""

    server: ClassVar[PortalServer]
    database: ClassVar[Database]
    fields: ClassVar[dict[str, Any]] = {}

    @initialize(rows=st.integers(0, 150), synced=st.sampled_from([True, True, True, False]))
    def begin(self, rows: int, synced: bool) -> None:
        self.portal = Portal(seed=1)
        self.server.mount(self.portal, limits=False)
        self.statuses = 0
        self.add(rows)
        self.change_dictionary(3, False)
        with self.database.connect("test", autocommit=True) as conn:
            have = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'bitrix'").fetchall()
            names = [f"bitrix.{name}" for (name,) in have]
            state = ("sync_state", "sync_logs", "sync_issues", "full_syncs", "webhook_events")
            conn.execute(f"TRUNCATE {', '.join([*names, *(f'app.{name}' for name in state)])}")
        # What no incremental sync can see until the next full one; what an exact comparison cannot tell apart.
        self.unseen = dict.fromkeys(NAMES, True)
        self.vanished = self.returned = False
        self.set_back = False
        self.lossy = False
        for name in NAMES if synced else ():
            self._judge(name, self._run(name, "full"))

    def chosen(self, numbers: set[int]) -> list[int]:
        visible = self.portal.ids("deal")
        return sorted({visible[number % len(visible)] for number in numbers}) if visible else []

    # -- the portal

    @rule(number=st.sampled_from([1, 2, 49, 50, 51, 120]))
    def add(self, number: int) -> None:
        for _ in range(number):
            self.portal.add("deal", {"TITLE": "new", "OPPORTUNITY": 7})

    @rule(numbers=few_ids, text=st.text(max_size=12))
    def edit(self, numbers: set[int], text: str) -> None:
        for number in self.chosen(numbers):
            self.portal.update("deal", number, {"TITLE": f"edited {text}".replace("\ud800", "")})

    @rule(numbers=few_ids)
    def move(self, numbers: set[int]) -> None:
        for number in self.chosen(numbers):
            self.portal.update("deal", number, {"STAGE_ID": "WON"})

    @rule(numbers=few_ids)
    def edit_without_a_trace(self, numbers: set[int]) -> None:
        for number in self.chosen(numbers):
            self.portal.update("deal", number, {"COMMENTS": "nobody touched it"}, touch=False)
            self.unseen["deal"] = True

    @rule(numbers=st.sets(ids, max_size=4))
    def import_over(self, numbers: set[int]) -> None:
        for number in self.chosen(numbers):
            values = {"TITLE": "imported", "DATE_MODIFY": "2019-01-01T00:00:00+03:00"}
            self.portal.update("deal", number, values, raw=True)
            self.unseen["deal"] = True

    @rule(number=st.sampled_from([1, 60]))
    def import_old(self, number: int) -> None:
        for _ in range(number):
            self.portal.add("deal", {"TITLE": "old", "DATE_MODIFY": "2019-01-01T00:00:00+03:00"}, raw=True)

    @rule(numbers=few_ids)
    def delete(self, numbers: set[int]) -> None:
        for number in self.chosen(numbers):
            self.portal.delete("deal", number)
            self.vanished = True

    @rule(numbers=few_ids)
    def lose_rights(self, numbers: set[int]) -> None:
        gone = {str(number) for number in self.chosen(numbers)}
        if gone:
            self.portal.hide("deal", lambda row: row["ID"] in gone)
            self.vanished = True

    @precondition(lambda self: any(table.hidden for table in self.portal.tables.values()))
    @rule()
    def get_rights_back(self) -> None:
        self.portal.restore()
        self.returned = True

    @rule(number=st.integers(0, 4), remove=st.booleans())
    def change_dictionary(self, number: int, remove: bool) -> None:
        if remove:
            del self.portal.statuses[:number]
            return
        for _ in range(number):
            self.statuses += 1
            code = f"S{self.statuses}"
            row = {"ID": str(self.statuses), "ENTITY_ID": "SOURCE", "STATUS_ID": code, "NAME": code, "SORT": "10"}
            self.portal.statuses.append({**row, "SYSTEM": "N", "SEMANTICS": None, "EXTRA": []})

    @rule(minutes=st.sampled_from([1, 30, 600, -3, -90]))
    def time_passes(self, minutes: int) -> None:
        if minutes > 0 and self.set_back:
            self.unseen["deal"] = True  # there and back between two syncs: nothing tells
        self.set_back = self.set_back or minutes < 0
        self.portal.clock.advance(minutes * 60)

    @rule(numbers=few_ids, made_up=st.sets(st.integers(1, 10**6), max_size=3))
    def tell_of_events(self, numbers: set[int], made_up: set[int]) -> None:
        changes = [Change("deal", number, "ONCRMDEALUPDATE") for number in {*self.chosen(numbers), *made_up}]
        if changes:
            asyncio.run(self._store(changes))

    async def _store(self, changes: list[Change]) -> None:
        async with await psycopg.AsyncConnection.connect(self.database.url, autocommit=True) as conn:
            await store_changes(conn, changes)

    # -- what goes wrong

    @rule(
        kind=st.sampled_from([kind for kind in PASSING if kind != FaultKind.HANG]),
        times=st.integers(1, 3),
        after=st.integers(0, 3),
    )
    def go_wrong(self, kind: FaultKind, times: int, after: int) -> None:
        self.server.faults.add(kind, times=times, after=after)
        self.lossy = self.lossy or kind in LOSSY

    @rule()
    def go_right(self) -> None:
        self.server.faults.clear()
        self.lossy = False

    # -- syncs

    @rule(name=st.sampled_from(NAMES), sync_type=st.sampled_from(["full", "incremental", "incremental", "events"]))
    def sync(self, name: str, sync_type: SyncType) -> None:
        if sync_type == "events" and name != "deal":
            return
        try:
            report = self._run(name, sync_type)
        except BitrixError:
            return  # faults may last; what was committed stays
        self._judge(name, report)

    @rule(sync_type=st.sampled_from(["incremental", "incremental", "full"]))
    def sync_deals(self, sync_type: SyncType) -> None:
        self.sync("deal", sync_type)

    @rule(times=st.integers(1, 3))
    def a_working_day(self, times: int) -> None:
        """What happens most: some changes, then what the schedule starts."""
        for _ in range(times):
            self.portal.random_changes(8, seed=self.portal.tables["deal"].last_id)
            self.vanished = True
            self.sync("deal", "incremental")

    @rule(
        name=st.sampled_from(NAMES),
        sync_type=st.sampled_from(["full", "incremental", "events"]),
        kill=st.builds(Kill, at_request=st.none() | st.integers(1, 6), at_write=st.none() | st.integers(1, 3)),
    )
    def kill_a_sync(self, name: str, sync_type: SyncType, kill: Kill) -> None:
        if sync_type == "events" and name != "deal":
            return
        kill = Kill(kill.at_request, kill.at_write)
        try:
            report = self._run(name, sync_type, kill)
        except (BitrixError, Killed):
            return
        self._judge(name, report)

    def _run(self, name: str, sync_type: SyncType, kill: Kill | None = None, *, accept: bool = False) -> SyncReport:
        kill = kill or Kill()
        writes = 0
        real, really_appending = row_writer.merge, row_writer.appending

        def merge(*arguments: Any, **options: Any) -> Any:
            nonlocal writes
            writes += 1
            done = real(*arguments, **options)
            if kill.done or writes == kill.at_write:
                kill.strike()
            return done

        @contextmanager
        def appending(*arguments: Any) -> Iterator[Any]:
            nonlocal writes
            with really_appending(*arguments) as write:
                yield write
            writes += 1
            if kill.done or writes == kill.at_write:
                kill.strike()

        def connect() -> psycopg.Connection[Any]:
            if kill.done:
                raise psycopg.OperationalError("the process is gone")
            return self.database.connect("sync")

        async def run() -> SyncReport:
            passing = PortalTime(self.portal)
            async with PortalClient(
                WebhookUrl.parse(self.server.webhook_url),
                bucket=LeakyBucket(capacity=100_000, leak=1000),
                budget=OperatingBudget(clock=passing, sleep=passing.sleep),
                sleep=quickly,
                batch_size=2,
                transport=KillingTransport(kill),
            ) as client:
                request = SyncRequest(entity_named(name), sync_type, accept_deletions=accept)
                return await sync_entity(client, connect, request)

        row_writer.merge, row_writer.appending = merge, appending
        try:
            return asyncio.run(run())
        finally:
            row_writer.merge, row_writer.appending = real, really_appending

    def _judge(self, name: str, report: SyncReport) -> None:
        """After a sync that must have seen everything, the mirror is exact."""
        if report.sync_type == "events":
            return
        seen = report.sync_type == "full" and not report.resumed
        counted = self._scalar("SELECT counts_failed_at IS NULL FROM app.sync_state WHERE entity = %s", name)
        if name == "status":
            seen = True  # read whole, every time
        if name == "deal" and self.vanished and self.returned and not seen:
            self.unseen["deal"] = True  # as many gone as came back among the same ids: the counts are equal
        believed = not self.lossy and not report.comparison.held_back
        if believed and (seen or (report.sync_type == "incremental" and not self.unseen[name] and counted)):
            self._assert_exact(name)
        if believed and seen:
            self.unseen[name] = False
        if report.comparison.held_back or self.lossy or report.resumed:
            self.unseen[name] = True
        if name == "deal":
            self.vanished = self.returned = self.set_back = False

    def _assert_exact(self, name: str) -> None:
        entity: Entity = entity_named(name)
        if name not in self.fields:
            self.fields[name] = fields_of(entity, self.server)
        with self.database.connect("test", autocommit=True) as conn:
            rows = self.portal.rows(name)
            found = differences(conn, name, entity.table, self.fields[name], rows, entity.key)
        assert not found, f"{len(found)} differences, the first: {found[:5]}"

    def _scalar(self, query: str, *values: Any) -> Any:
        with self.database.connect("test", autocommit=True) as conn:
            row = conn.execute(query, values).fetchone()  # type: ignore[arg-type]
            return row[0] if row else None

    @invariant()
    def at_most_one_entry_runs(self) -> None:
        running = self._scalar("SELECT count(*) FROM app.sync_logs WHERE status = 'running'")
        assert running <= len(NAMES)

    def teardown(self) -> None:
        """Quiet: faults end, rights are back, one full sync whose deletions are believed, and one of the changes."""
        if not hasattr(self, "portal"):
            return
        self.server.faults.clear()
        for name in NAMES:
            self._run(name, "full", accept=True)
            self._run(name, "incremental", accept=True)
            if self.unseen[name]:
                self._run(name, "full", accept=True)
            self._assert_exact(name)
            count = self._scalar("SELECT rows_total FROM app.sync_state WHERE entity = %s", name)
            assert count == len(self.portal.rows(name))
        assert self._scalar("SELECT count(*) FROM app.full_syncs") == 0
        assert self._scalar("SELECT count(*) FROM app.sync_logs WHERE status = 'running'") == 0


@pytest.fixture
def prepared(database: Database) -> Iterator[None]:
    with PortalServer(Portal(seed=1), limits=False) as server:
        Interleavings.server, Interleavings.database = server, database
        Interleavings.fields = {}
        yield


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Interleavings,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_any_interleaving_ends_in_an_exact_mirror(prepared: None) -> None:
    run(examples=int(os.environ.get("INTERLEAVINGS", "6")), steps=12)


@pytest.mark.slow
def test_a_thousand_interleavings(prepared: None) -> None:
    run(examples=1000, steps=20)
