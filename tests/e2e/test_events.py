"""Events are hints: a sync reads the rows that they name, and believes the portal alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import dagster as dg
import psycopg
import pytest

from bitrix.entities import entity_named
from demo_portal.server import PortalServer
from orchestration.event_rows import EventRows
from orchestration.sensors import portal_events
from tests.e2e.conftest import RunJob, assert_exact_copy, checks, metadata
from warehouse.database import Database
from warehouse.events import MAX_ATTEMPTS, OF_FIELDS, Change, pick, queue_counts, store_changes

Connection = psycopg.Connection[Any]


def store(database: Database, changes: Iterable[Change]) -> None:
    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as conn:
            await store_changes(conn, list(changes))

    asyncio.run(run())


def deal(number: int, event: str = "ONCRMDEALUPDATE") -> Change:
    return Change("deal", number, event)


def test_the_rows_that_events_name_are_read(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job()
    first, second, third = server.portal.ids("deal")[:3]
    server.portal.update("deal", first, {"TITLE": "changed"})
    server.portal.update("deal", third, {"TITLE": "changed, but no event came"})
    server.portal.delete("deal", second)
    new = server.portal.add("deal", {"TITLE": "new"})
    names = ("ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMDEALADD")
    store(database, [deal(number, name) for number, name in zip((first, second, new), names, strict=True)])
    shown = metadata(run_job("sync_deal", "events"), "deals")
    assert (shown["inserted"], shown["updated"], shown["deleted"]) == (1, 1, 1)
    rows = dict(conn.execute("SELECT id, title FROM crm.deals").fetchall())
    assert (rows[first], rows[new], second in rows) == ("changed", "new", False)
    assert rows[third] != "changed, but no event came"
    assert queue_counts(conn, ["pending", "picked", "done", "dead"]) == {
        "pending": 0,
        "picked": 0,
        "done": 3,
        "dead": 0,
    }
    run_job("sync_all", "incremental")
    assert_exact_copy(conn, server)


def test_what_an_event_brought_and_is_gone_by_the_next_sync_is_marked(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    """Its id lies above the highest one that the last sync saw."""
    run_job()
    new = [server.portal.add("deal", {"TITLE": "new"}) for _ in range(3)]
    store(database, [deal(number, "ONCRMDEALADD") for number in new])
    assert metadata(run_job("sync_deal", "events"), "deals")["inserted"] == 3
    for number in new[::2]:
        server.portal.delete("deal", number)
    assert metadata(run_job("sync_all", "incremental"), "deals")["deleted"] == 2
    assert_exact_copy(conn, server)


def test_a_forged_delete_deletes_nothing(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job()
    store(database, [deal(number, "ONCRMDEALDELETE") for number in server.portal.ids("deal")])
    assert metadata(run_job("sync_deal", "events"), "deals")["deleted"] == 0
    assert_exact_copy(conn, server)


def test_events_of_an_entity_that_was_never_synced_lead_to_a_full_sync(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    store(database, [deal(server.portal.ids("deal")[0])])
    shown = metadata(run_job("sync_deal", "events"), "deals")
    assert (shown["sync type"], shown["inserted"]) == ("full", len(server.portal.ids("deal")))
    assert queue_counts(conn)["pending"] == 0


def test_a_new_field_follows_its_event(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job()
    server.portal.add_field("deal", "UF_CRM_LATER", "string", title="Позже")
    store(database, [Change("deal", OF_FIELDS, "ONCRMDEALUSERFIELDADD")])
    assert metadata(run_job("sync_deal", "events"), "deals")["columns added"] == "uf_crm_later"
    assert conn.execute("SELECT count(uf_crm_later) FROM crm.deals").fetchone() == (0,)


def test_events_that_fail_wait_and_are_given_up_with_the_reason(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job("sync_deal")
    number = server.portal.ids("deal")[0]
    store(database, [deal(number)])
    server.portal.scopes.discard("crm")
    for _ in range(MAX_ATTEMPTS):
        conn.execute("UPDATE app.webhook_events SET due_at = now()")
        with pytest.raises(dg.Failure, match="scope"):
            run_job("sync_deal", "events", tags={"trigger": "event"})
    [(status, attempts, error)] = conn.execute("SELECT status, attempts, error FROM app.webhook_events").fetchall()
    assert (status, attempts) == ("dead", MAX_ATTEMPTS)
    assert "scope" in error
    server.portal.scopes.add("crm")
    store(database, [deal(number)])  # a later event gives the record a new chance
    run_job("sync_deal", "events")
    assert queue_counts(conn) == {"pending": 0, "picked": 0, "dead": 0}


def test_a_full_sync_reads_what_was_given_up(run_job: RunJob, database: Database, conn: Connection) -> None:
    run_job("sync_deal")
    store(database, [deal(7)])
    conn.execute("UPDATE app.webhook_events SET status = 'dead', error = 'why'")
    check = checks(run_job("sync_deal", "incremental"), "deals")["events_were_followed"]
    assert (check.passed, check.metadata["records given up"].value) == (False, 1)
    assert checks(run_job("sync_deal", "full"), "deals")["events_were_followed"].passed
    assert queue_counts(conn, ["dead", "done"]) == {"dead": 0, "done": 1}


def test_an_event_during_the_sync_is_left_for_the_next(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_job("sync_deal")
    first, second = server.portal.ids("deal")[:2]
    store(database, [deal(first), deal(second)])
    read = EventRows.close

    def meanwhile(rows: EventRows, connection: Connection, *, full: bool) -> int:
        server.portal.update("deal", first, {"TITLE": "changed after it was read"})
        store(database, [deal(first)])
        return read(rows, connection, full=full)

    with monkeypatch.context() as patched:
        patched.setattr(EventRows, "close", meanwhile)
        run_job("sync_deal", "events")
    assert conn.execute("SELECT row_id FROM app.webhook_events WHERE status = 'pending'").fetchall() == [(first,)]
    run_job("sync_deal", "events")
    assert conn.execute("SELECT title FROM crm.deals WHERE id = %s", (first,)).fetchone() == (
        "changed after it was read",
    )
    assert queue_counts(conn, ["pending", "done"]) == {"pending": 0, "done": 2}


def test_events_of_a_killed_sync_are_taken_by_the_next(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job("sync_deal")
    number = server.portal.ids("deal")[0]
    server.portal.update("deal", number, {"TITLE": "changed"})
    store(database, [deal(number)])
    pick(conn, "deal", "a run that was killed", 10)
    run_job("sync_deal", "events")
    assert conn.execute("SELECT title FROM crm.deals WHERE id = %s", (number,)).fetchone() == ("changed",)


def test_rows_that_events_bring_do_not_hide_older_ids(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job("sync_deal")
    past = {"TITLE": "imported", "DATE_MODIFY": "2020-01-01T00:00:00+03:00"}
    imported = server.portal.add("deal", past, raw=True)  # no event, and an old time of change
    store(database, [deal(server.portal.add("deal", {"TITLE": "new"}))])
    shown = metadata(run_job("sync_deal", "events"), "deals")
    assert shown["dagster/row_count"] == len(server.portal.ids("deal")) - 1
    run_job("sync_deal", "incremental")
    assert conn.execute("SELECT title FROM crm.deals WHERE id = %s", (imported,)).fetchone() == ("imported",)
    assert_rows_are_counted(conn)


def test_lost_rights_are_not_taken_for_deletions(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job("sync_deal")
    live = len(server.portal.ids("deal"))
    hidden = server.portal.hide("deal", 0.5)
    store(database, [deal(number, "ONCRMDEALDELETE") for number in sorted(hidden)])
    assert metadata(run_job("sync_deal", "events"), "deals")["deleted"] == 0
    assert conn.execute("SELECT count(*) FROM crm.deals").fetchone() == (live,)
    [(status, error)] = conn.execute("SELECT DISTINCT status, error FROM app.webhook_events").fetchall()
    assert status == "pending"
    assert "lost rights" in error


def test_deleted_rows_are_counted_and_come_back(
    run_job: RunJob, server: PortalServer, database: Database, conn: Connection
) -> None:
    run_job("sync_deal")
    few = sorted(server.portal.hide("deal", 0.02))
    store(database, [deal(number) for number in few])
    assert metadata(run_job("sync_deal", "events"), "deals")["deleted"] == len(few)
    assert_rows_are_counted(conn)
    server.portal.restore()
    store(database, [deal(number) for number in few])
    assert metadata(run_job("sync_deal", "events"), "deals")["updated"] == len(few)
    assert_rows_are_counted(conn)


def assert_rows_are_counted(conn: Connection) -> None:
    counted = conn.execute("SELECT rows_total FROM app.sync_state WHERE entity = 'deal'").fetchone()
    assert counted == conn.execute("SELECT count(*) FROM crm.deals").fetchone()


def tick(instance: dg.DagsterInstance) -> dg.SensorExecutionData:
    from orchestration.definitions import defs

    context = dg.build_sensor_context(instance=instance, repository_def=defs.get_repository_def())
    return portal_events.evaluate_tick(context)


def test_the_sensor_asks_for_one_run_an_entity(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    store(database, [*(deal(number) for number in range(1, 500)), Change("lead", 3, "ONCRMLEADADD")])
    with dg.DagsterInstance.ephemeral() as instance:
        requests = tick(instance).run_requests or []
    assert sorted(request.tags["entity"] for request in requests) == ["deal", "lead"]
    assert all(request.run_config == {"sync_type": "events"} for request in requests)


def test_the_sensor_wakes_up_for_an_event(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    timer = threading.Timer(0.5, store, (database, [deal(1), Change("deal", OF_FIELDS, "ONCRMDEALUSERFIELDADD")]))
    timer.start()
    with dg.DagsterInstance.ephemeral() as instance:
        requests = tick(instance).run_requests or []
    timer.join()
    assert [request.tags["entity"] for request in requests] == ["deal", "field_option"]


def test_the_sensor_leaves_events_to_a_run_that_is_on_its_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setattr("orchestration.sensors.TICK_SECONDS", 1.0)
    store(database, [deal(1)])
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"entity": "deal", "trigger": "event"}
        instance.create_run_for_job(_job(), tags=tags, status=dg.DagsterRunStatus.STARTED)
        found = tick(instance)
    assert not found.run_requests
    assert "on their way" in (found.skip_message or "")


def test_the_sensor_pauses_after_a_run_that_failed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setattr("orchestration.sensors.TICK_SECONDS", 0.5)
    store(database, [deal(1)])
    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(_job(), tags={"entity": "deal", "trigger": "event"})
        instance.report_run_failed(run)
        assert not tick(instance).run_requests
        monkeypatch.setattr("orchestration.sensors.FIRST_PAUSE_SECONDS", 0.0)
        assert tick(instance).run_requests


def _job() -> dg.JobDefinition:
    from orchestration.definitions import defs

    return defs.resolve_job_def(f"sync_{entity_named('deal').name}")
