"""Full and incremental syncs end in an exact copy, at the least cost, and write nothing twice."""

from __future__ import annotations

import json
import logging
from typing import Any

import psycopg
import pytest

from bitrix.entities import ENTITIES
from demo_portal.portal import CRM
from demo_portal.server import PortalServer
from tests.e2e.conftest import RunJob, assert_exact_copy, metadata

Connection = psycopg.Connection[Any]


def test_a_full_sync_is_an_exact_copy_of_everything(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    result = run_job()
    assert result.success
    assert_exact_copy(conn, server)
    shown = metadata(result, "deals")
    live = len(server.portal.rows("deal"))
    assert (shown["dagster/row_count"], shown["fetched"], shown["inserted"], shown["updated"]) == (live, live, live, 0)
    assert shown["columns added"].startswith("id, title")
    log = conn.execute("SELECT entity, sync_type, status, error FROM app.sync_logs ORDER BY entity").fetchall()
    assert log == [(entity.name, "full", "succeeded", None) for entity in sorted(ENTITIES, key=lambda item: item.name)]


def test_nasty_rows_cost_neither_cells_nor_rows(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    for entity in CRM:
        assert server.portal.add_nasty(entity)
    assert run_job().success
    assert_exact_copy(conn, server)
    assert conn.execute("SELECT count(*) > 10 FROM app.sync_issues").fetchone() == (True,)
    again = run_job()
    assert all(
        metadata(again, entity.table)["unchanged"] == metadata(again, entity.table)["fetched"] for entity in ENTITIES
    )


def test_a_second_full_sync_writes_nothing(run_job: RunJob, conn: Connection) -> None:
    run_job()
    before = conn.execute("SELECT xmin, ctid FROM bitrix.deals ORDER BY id").fetchall()
    result = run_job()
    for entity in ENTITIES:
        shown = metadata(result, entity.table)
        assert (shown["inserted"], shown["updated"], shown["columns added"]) == (0, 0, "none"), entity.name
    assert conn.execute("SELECT xmin, ctid FROM bitrix.deals ORDER BY id").fetchall() == before


def test_an_incremental_sync_brings_exactly_what_changed(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    run_job()
    server.portal.clock.advance(3600)  # beyond the overlap of the window
    run_job(sync_type="incremental")
    written = {entity: ids(conn, entity) for entity in CRM}
    changes = server.portal.random_changes(100, seed=3, deletions=False)
    result = run_job(sync_type="incremental")
    for entity in CRM:
        changed = changes[entity]["added"] | changes[entity]["updated"]
        shown = metadata(result, table(entity))
        assert shown["sync type"] == "incremental"
        assert (shown["inserted"], shown["updated"]) == (len(changes[entity]["added"]), len(changes[entity]["updated"]))
        assert {row for row, when in ids(conn, entity).items() if written[entity].get(row) != when} == changed
    assert_exact_copy(conn, server)
    again = run_job(sync_type="incremental")
    for entity in CRM:
        assert (metadata(again, table(entity))["inserted"], metadata(again, table(entity))["updated"]) == (0, 0)


def test_the_first_sync_is_full_whatever_was_asked(run_job: RunJob) -> None:
    assert metadata(run_job("sync_deal", "incremental"), "deals")["sync type"] == "full"
    assert metadata(run_job("sync_deal", "incremental"), "deals")["sync type"] == "incremental"


@pytest.mark.parametrize("server", [10_000], indirect=True)
def test_ten_thousand_dense_rows_cost_few_requests(
    run_job: RunJob, server: PortalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITRIX_REQUESTS_PER_SECOND", "2")  # where more are allowed, batches are half as long
    deals = len(server.portal.rows("deal"))
    result = run_job("sync_deal")
    assert metadata(result, "deals")["fetched"] == deals
    least = -(-(server.portal.ids("deal")[-1] - server.portal.ids("deal")[0] + 1) // 2500)
    assert metadata(result, "deals")["requests"] == server.requests <= least + 3


def test_labels_are_there_for_people(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    server.portal.update("deal", server.portal.ids("deal")[0], {"ASSIGNED_BY_ID": "9999"})  # a bot: no list names it
    run_job()
    row = conn.execute(
        "SELECT count(*), count(stage_name), count(pipeline_name), count(*) - count(assigned_by_name) FROM crm.deals"
    ).fetchone()
    assert row is not None
    assert row[0] == row[1] == row[2] == len(server.portal.ids("deal"))
    assert row[3] >= 1


def test_a_failed_sync_says_what_to_do_and_keeps_the_secret(
    run_job: RunJob, server: PortalServer, conn: Connection, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    right = server.portal.secret
    server.portal.secret = "f" * 16  # the webhook was revoked
    with pytest.raises(Exception, match="webhook") as failure:
        run_job("sync_deal")
    assert right not in str(failure.value)
    output = capfd.readouterr()
    assert right not in caplog.text + output.out + output.err
    [(status, error)] = conn.execute("SELECT status, error FROM app.sync_logs").fetchall()
    assert status == "failed"
    assert right not in json.dumps(error)


def table(entity: str) -> str:
    return next(item.table for item in ENTITIES if item.name == entity)


def ids(conn: Connection, entity: str) -> dict[int, Any]:
    return dict(conn.execute(f"SELECT id, _synced_at FROM bitrix.{table(entity)}").fetchall())  # type: ignore[arg-type]
