"""Rows that vanish are marked, those that come back are live again, and lost rights are never taken for deletions."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from demo_portal.faults import FaultKind
from demo_portal.server import PortalServer
from tests.e2e.conftest import RunJob, checks, metadata

Connection = psycopg.Connection[Any]

TABLES = {"deal": "deals", "contact": "contacts"}
ENTITIES = tuple(TABLES)


@pytest.mark.parametrize("sync_type", ["incremental", "full"])
def test_deleted_rows_are_marked_and_never_removed(
    run_job: RunJob, server: PortalServer, conn: Connection, sync_type: str
) -> None:
    for entity in ENTITIES:
        run_job(f"sync_{entity}")
    gone = {entity: server.portal.ids(entity)[3:30:9] for entity in ENTITIES}
    for entity, ids in gone.items():
        for number in ids:
            server.portal.delete(entity, number)
    results = {entity: run_job(f"sync_{entity}", sync_type) for entity in ENTITIES}
    for entity, result in results.items():
        shown = metadata(result, TABLES[entity])
        assert (shown["deleted"], shown["deletions held back"]) == (3, 0)
        assert shown["dagster/row_count"] == len(server.portal.ids(entity))
        assert all(check.passed for check in result.get_asset_check_evaluations())
    assert_exact_deals(conn, server)
    marked = conn.execute("SELECT id, title FROM bitrix.deals WHERE _deleted_at IS NOT NULL ORDER BY id").fetchall()
    assert [number for number, title in marked if title] == gone["deal"]
    assert metadata(run_job("sync_deal", sync_type), "deals")["deleted"] == 0
    assert conn.execute("SELECT count(*) FROM bitrix.deals WHERE _deleted_at IS NOT NULL").fetchone() == (3,)


def test_when_nothing_was_deleted_looking_costs_one_request(run_job: RunJob, server: PortalServer) -> None:
    run_job("sync_deal")
    server.reset_stats()
    shown = metadata(run_job("sync_deal", "incremental"), "deals")
    assert shown["requests"] == server.requests == 3  # fields, changes, counts


def test_nothing_deleted_writes_nothing(run_job: RunJob, conn: Connection) -> None:
    run_job("sync_deal")
    before = conn.execute("SELECT id, xmin FROM bitrix.deals ORDER BY id").fetchall()
    run_job("sync_deal", "incremental")
    run_job("sync_deal", "full")
    assert conn.execute("SELECT id, xmin FROM bitrix.deals ORDER BY id").fetchall() == before


def test_lost_rights_mark_nothing_fail_a_check_and_can_be_accepted(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    run_job("sync_deal")
    live = len(server.portal.ids("deal"))
    hidden = server.portal.hide("deal", 0.2)
    for sync_type in ("incremental", "full"):
        result = run_job("sync_deal", sync_type)
        assert result.success
        check = checks(result, "deals")["deletions_are_plausible"]
        assert not check.passed
        assert f"no longer shows {len(hidden)} of {live} deals" in (check.description or "")
        assert "--accept-deletions" in (check.description or "")
        assert conn.execute("SELECT count(*) FROM crm.deals").fetchone() == (live,)
    events = run_job("sync_deal", "events")
    assert not checks(events, "deals")["deletions_are_plausible"].passed  # events look at no more than their rows
    [(held_back, mirror)] = conn.execute(
        "SELECT held_back, mirror_rows FROM app.sync_logs WHERE sync_type = 'full' ORDER BY id DESC LIMIT 1"
    ).fetchall()
    assert (held_back, mirror) == (len(hidden), live)
    accepted = run_job("sync_deal", "full", accept_deletions=True)
    assert metadata(accepted, "deals")["deleted"] == len(hidden)
    assert all(check.passed for check in checks(accepted, "deals").values())
    assert_exact_deals(conn, server)


def test_rows_that_come_back_are_live_again_although_unchanged(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    run_job("sync_deal")
    hidden = server.portal.hide("deal", 0.05)
    run_job("sync_deal", "incremental")
    assert_exact_deals(conn, server)
    server.portal.restore()
    server.portal.clock.advance(3600)  # no window of changes reaches them
    shown = metadata(run_job("sync_deal", "incremental"), "deals")
    assert (shown["missed before"], shown["deleted"]) == (len(hidden), 0)
    assert_exact_deals(conn, server)


def test_all_rows_gone_is_never_believed_unasked(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    run_job("sync_company")
    server.portal.hide("company", 1.0)
    result = run_job("sync_company", "full")
    assert not checks(result, "companies")["deletions_are_plausible"].passed
    assert conn.execute("SELECT count(*) > 0 FROM crm.companies").fetchone() == (True,)
    run_job("sync_company", "full", accept_deletions=True)
    assert conn.execute("SELECT count(*) FROM crm.companies").fetchone() == (0,)


def test_the_newest_row_deleted(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    run_job("sync_deal")
    server.portal.delete("deal", server.portal.ids("deal")[-1])
    run_job("sync_deal", "full")
    assert_exact_deals(conn, server)
    new = server.portal.add("deal", {"TITLE": "after it"})
    server.portal.delete("deal", server.portal.ids("deal")[-2])
    run_job("sync_deal", "incremental")
    assert conn.execute("SELECT title FROM crm.deals WHERE id = %s", (new,)).fetchone() == ("after it",)
    assert_exact_deals(conn, server)


def test_dictionary_rows_that_vanish_are_marked_and_still_label(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    run_job("sync_deal")
    run_job("sync_status")
    sources = {row["STATUS_ID"]: row for row in server.portal.statuses if row["ENTITY_ID"] == "SOURCE"}
    deal = server.portal.ids("deal")[0]
    code, row = next(iter(sources.items()))
    server.portal.update("deal", deal, {"SOURCE_ID": code})
    server.portal.statuses.remove(row)
    run_job("sync_deal", "incremental")
    result = run_job("sync_status")
    assert metadata(result, "statuses")["deleted"] == 1
    assert conn.execute("SELECT count(*) FROM crm.statuses WHERE status_id = %s", (code,)).fetchone() == (0,)
    assert conn.execute("SELECT source_name FROM crm.deals WHERE id = %s", (deal,)).fetchone() == (row["NAME"],)
    server.portal.statuses.append(row)
    assert metadata(run_job("sync_status", "incremental"), "statuses")["updated"] == 1


def test_an_empty_dictionary_is_not_believed(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    run_job("sync_user")
    people = list(server.portal.users)
    server.portal.users.clear()
    result = run_job("sync_user")
    assert result.success
    assert not checks(result, "users")["deletions_are_plausible"].passed
    assert conn.execute("SELECT count(*) FROM crm.users").fetchone() == (len(people),)


def test_options_of_a_removed_field_are_marked(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    server.portal.add_field("deal", "UF_CRM_COLOUR", "enumeration", options=["red", "green", "blue"])
    run_job("sync_field_option")
    before = conn.execute("SELECT count(*) FROM crm.field_options").fetchone() or (0,)
    server.portal.remove_field("deal", "UF_CRM_COLOUR")
    assert metadata(run_job("sync_field_option"), "field_options")["deleted"] == 3
    assert conn.execute("SELECT count(*) FROM crm.field_options").fetchone() == (before[0] - 3,)


def test_history_that_vanishes_with_its_record_is_marked(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    run_job("sync_deal_stage_history")
    table = server.portal.history["deal"]
    gone = table.ids[2:8:2]
    for number in gone:
        table.delete(number)
    shown = metadata(run_job("sync_deal_stage_history", "incremental"), "deal_stage_history")
    assert shown["deleted"] == len(gone)
    assert shown["dagster/row_count"] == len(table)


def test_a_portal_that_does_not_count_is_swept_by_full_syncs_alone(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    run_job("sync_deal")
    first, second = server.portal.ids("deal")[:2]
    server.faults.add(FaultKind.NO_TOTAL, times=None)
    server.portal.delete("deal", first)
    assert metadata(run_job("sync_deal", "incremental"), "deals")["deleted"] == 1
    server.portal.delete("deal", second)
    server.reset_stats()
    shown = metadata(run_job("sync_deal", "incremental"), "deals")
    assert (shown["deleted"], shown["requests"]) == (0, 2)
    assert metadata(run_job("sync_deal", "full"), "deals")["deleted"] == 1
    server.faults.clear()
    conn.execute("UPDATE app.sync_state SET counts_failed_at = now() - interval '8 days'")
    run_job("sync_deal", "incremental")
    assert conn.execute("SELECT counts_failed_at FROM app.sync_state").fetchone() == (None,)
    assert_exact_deals(conn, server)


def test_a_modification_time_that_moved_back_is_believed(
    run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    """An import sets old times. Refusing them would keep the row as it was for ever."""
    run_job("sync_deal")
    number = server.portal.ids("deal")[0]
    values = {"TITLE": "imported over it", "DATE_MODIFY": "2019-01-01T00:00:00+03:00"}
    server.portal.update("deal", number, values, raw=True)
    run_job("sync_deal", "full")
    assert conn.execute("SELECT title FROM crm.deals WHERE id = %s", (number,)).fetchone() == ("imported over it",)
    assert_exact_deals(conn, server)


def assert_exact_deals(conn: Connection, server: PortalServer) -> None:
    live = [row[0] for row in conn.execute("SELECT id FROM crm.deals ORDER BY id")]
    assert live == server.portal.ids("deal")
    counted = conn.execute("SELECT rows_total FROM app.sync_state WHERE entity = 'deal'").fetchone()
    assert counted == (len(live),)
