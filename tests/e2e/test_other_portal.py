"""A portal that is not ours: written from Bitrix24's documentation alone, it notes whatever is not in there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import psycopg
import pytest

from bitrix.entities import ENTITIES, Entity, Walk
from orchestration.definitions import defs
from tests.e2e.conftest import metadata
from tests.e2e.documented_portal import FIELDS, USER_TITLES, DocumentedPortal
from tests.e2e.oracle import differences
from warehouse.database import Database


@pytest.fixture
def portal(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentedPortal]:
    with DocumentedPortal() as running:
        monkeypatch.setenv("DATABASE_URL", database.url)
        monkeypatch.setenv("BITRIX_WEBHOOK_URL", running.webhook_url)
        monkeypatch.setenv("BITRIX_REQUEST_BURST", "100000")
        monkeypatch.setenv("BITRIX_REQUESTS_PER_SECOND", "1000")
        yield running


def sync(sync_type: str) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("sync_all")
        return job.execute_in_process(run_config={"sync_type": sync_type}, instance=instance)


def fields_of(entity: Entity) -> dict[str, dict[str, Any]]:
    if entity.name in FIELDS:
        return FIELDS[entity.name]
    fields = {item.code: {"type": item.type, "isMultiple": item.multiple} for item in entity.fields}
    if entity.name == "user":
        fields |= {code: {"type": "unknown", "isMultiple": False} for code in USER_TITLES if code not in fields}
    return fields


def wrong_cells(conn: psycopg.Connection[Any], portal: DocumentedPortal) -> list[str]:
    return [
        difference
        for entity in ENTITIES
        if entity.walk is not Walk.DERIVED
        for difference in differences(
            conn, entity.name, entity.table, fields_of(entity), portal.rows(entity.name), entity.key
        )
    ]


def test_it_is_copied_and_followed_with_documented_calls_alone(portal: DocumentedPortal, database: Database) -> None:
    assert sync("full").success
    with database.connect("test", autocommit=True) as conn:
        assert wrong_cells(conn, portal) == []
        assert (
            conn.execute("SELECT entity, schema_changes FROM app.sync_logs WHERE schema_changes <> '[]'").fetchall()
            == []
        )
        view = "SELECT stage_name, uf_crm_1_label, assigned_by_name, closedate::text FROM crm.deals WHERE id = 40"
        assert conn.execute(view).fetchone() == ("New", "Web", "Name 7 Lee", "2026-02-02")

        portal.change("deal", 40, TITLE="Changed", STAGE_ID="WON")
        portal.delete("deal", 43)
        later = sync("incremental")
        assert wrong_cells(conn, portal) == []
    assert metadata(later, "deals")["updated"] == 1
    assert metadata(later, "deals")["deleted"] == 1
    assert portal.undocumented == []


def test_it_notes_what_is_not_documented() -> None:
    portal = DocumentedPortal(deals=1)
    status, answer = portal._answer(f"{portal.webhook_url.partition('/rest/')[2]}", {})
    assert (status, answer["error"]) == (401, "INVALID_CREDENTIALS")
    path = "/rest/" + portal.webhook_url.partition("/rest/")[2]
    assert portal._answer(f"{path}crm.deal.countByFilter", {})[1]["error"] == "ERROR_METHOD_NOT_FOUND"
    portal._answer(f"{path}crm.deal.list", {"filter": {">SECRET_FIELD": 1}, "limit": 500})
    assert portal.undocumented == ["crm.deal.countByFilter", "crm.deal.list: limit", "filter >SECRET_FIELD"]
    portal._server.server_close()
