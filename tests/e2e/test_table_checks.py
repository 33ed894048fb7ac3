"""Checks of the tables as they are: each failure says what is wrong and what to do."""

from __future__ import annotations

from typing import Any

import dagster as dg
import psycopg
import pytest

from demo_portal.server import PortalServer
from tests.e2e.conftest import RunJob
from warehouse.sync_config import write_config

Connection = psycopg.Connection[Any]


def results(run_job: RunJob) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    result = run_job("check_tables", config={"loggers": {"console": {}}})
    assert result.success
    return {(check.asset_key.path[-1], check.check_name): check for check in result.get_asset_check_evaluations()}


def test_all_is_well_after_a_sync(run_job: RunJob) -> None:
    run_job("sync_all")
    found = results(run_job)
    assert {name for _, name in found} == {"is_fresh", "few_cells_are_nulled", "codes_are_known"}
    assert len(found) == 12 + 11 + 4
    assert [check.description for check in found.values() if not check.passed] == []


def test_a_table_that_is_late_says_why(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    never = results(run_job)["deals", "is_fresh"]
    assert not never.passed
    assert "never synced" in (never.description or "")
    run_job("sync_deal")
    assert results(run_job)["deals", "is_fresh"].passed
    conn.execute("UPDATE app.sync_state SET last_sync_at = now() - interval '69 minutes'")
    assert results(run_job)["deals", "is_fresh"].passed  # 30 minutes, twice, and some
    conn.execute("UPDATE app.sync_state SET last_sync_at = now() - interval '90 minutes'")
    idle = results(run_job)["deals", "is_fresh"]
    assert not idle.passed
    assert "90 minutes ago; due every 30 minutes" in (idle.description or "")
    assert "daemon" in (idle.description or "")
    conn.execute("UPDATE app.sync_logs SET status = 'failed', error = 'The portal is closed.', started_at = now()")
    assert "last attempt failed: The portal is closed." in (results(run_job)["deals", "is_fresh"].description or "")
    write_config(conn, "deal", 30, sync_interval_minutes=600)
    assert results(run_job)["deals", "is_fresh"].passed
    write_config(conn, "deal", 30, sync_interval_minutes=1, enabled=False)
    assert "switched off" in (results(run_job)["deals", "is_fresh"].description or "")


def test_a_field_whose_values_do_not_fit(run_job: RunJob, server: PortalServer, conn: Connection) -> None:
    portal = server.portal
    portal.add_field("deal", "UF_CRM_SUM", "double")
    bad = portal.ids("deal")[:20]
    for number in bad:
        portal.update("deal", number, {"UF_CRM_SUM": "a lot"}, raw=True)
    run_job("sync_deal")
    check = results(run_job)["deals", "few_cells_are_nulled"]
    assert not check.passed
    assert 'UF_CRM_SUM: 20 of 300 rows (expected a number, such as "a lot")' in (check.description or "")
    for number in bad[5:]:
        portal.update("deal", number, {"UF_CRM_SUM": "7"}, raw=True)
    run_job("sync_deal")
    assert conn.execute("SELECT count(*) FROM app.sync_issues").fetchone() == (5,)  # those of now
    assert results(run_job)["deals", "few_cells_are_nulled"].passed


def test_codes_that_nothing_explains(run_job: RunJob, server: PortalServer) -> None:
    portal = server.portal
    for number in portal.ids("deal")[:20]:
        portal.update("deal", number, {"STAGE_ID": "C9:GONE", "ASSIGNED_BY_ID": "777"}, raw=True)
    for job in ("sync_deal", "sync_status", "sync_user", "sync_pipeline"):
        run_job(job)
    check = results(run_job)["deals", "codes_are_known"]
    assert not check.passed
    assert "stage_id: 20 of 300 rows hold codes that statuses lack, most often C9:GONE (20)" in (
        check.description or ""
    )
    assert "of 300 rows hold codes that users lack, most often 777 (20)" in (check.description or "")
    assert check.metadata["category_id"].value == 0


def test_without_the_database_the_check_itself_fails(run_job: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(dg.Failure, match="does not answer"):
        run_job("check_tables", config={})
