"""The whole way: a simulated portal over HTTP, Dagster's own jobs, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import psycopg
import pytest

from bitrix.entities import ENTITIES, Entity, Walk
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration.definitions import defs
from tests.e2e.oracle import differences, portal_fields
from warehouse.database import Database

RunJob = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[PortalServer]:
    """A simulated portal; ``@pytest.mark.parametrize("server", [2000], indirect=True)`` sets the number of deals."""
    deals = getattr(request, "param", 300)
    with PortalServer(Portal.generate(seed=5, deals=deals), limits=False) as running:
        yield running


@pytest.fixture
def run_job(server: PortalServer, database: Database, monkeypatch: pytest.MonkeyPatch) -> RunJob:
    """Run a job of the code location in this process, against the simulated portal and this test's database."""
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("BITRIX_WEBHOOK_URL", server.webhook_url)
    monkeypatch.setenv("BITRIX_REQUEST_BURST", "100000")  # this portal has no limits
    monkeypatch.setenv("BITRIX_REQUESTS_PER_SECOND", "1000")

    def run(
        job: str = "sync_all",
        sync_type: str = "full",
        *,
        accept_deletions: bool = False,
        config: dict[str, Any] | None = None,
        **options: Any,
    ) -> dg.ExecuteInProcessResult:
        if config is None:
            config = {"sync_type": sync_type, "accept_deletions": accept_deletions}
        with dg.DagsterInstance.ephemeral() as instance:
            return defs.resolve_job_def(job).execute_in_process(run_config=config, instance=instance, **options)

    return run


@pytest.fixture
def conn(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect("test", autocommit=True) as connection:
        yield connection


def metadata(result: dg.ExecuteInProcessResult, table: str) -> dict[str, Any]:
    """The metadata of a table's materialization, as plain values."""
    [event] = [event for event in result.get_asset_materialization_events() if event.asset_key.path[-1] == table]
    return {key: value.value for key, value in event.materialization.metadata.items()}


def checks(result: dg.ExecuteInProcessResult, table: str) -> dict[str, dg.AssetCheckEvaluation]:
    """The answers of a table's asset checks by name."""
    found = result.get_asset_check_evaluations()
    return {check.check_name: check for check in found if check.asset_key.path[-1] == table}


def fields_of(entity: Entity, server: PortalServer) -> dict[str, dict[str, Any]]:
    """What is known of an entity's fields without the code under test: the portal's list, or the registry's row."""
    if entity.fields_method:
        return portal_fields(server.webhook_url, entity.fields_method)
    fields = {item.code: {"type": item.type, "isMultiple": item.multiple} for item in entity.fields}
    if entity.titles_method:
        titles = portal_fields(server.webhook_url, entity.titles_method)
        fields |= {code: {"type": "unknown", "isMultiple": False} for code in titles if code not in fields}
    return fields


def assert_exact_copy(conn: psycopg.Connection[Any], server: PortalServer) -> None:
    """Every live row and every cell of every table equals the portal's."""
    found: list[str] = []
    for entity in ENTITIES:
        if entity.walk is Walk.DERIVED:
            continue
        rows = server.portal.rows(entity.name)
        found += differences(conn, entity.name, entity.table, fields_of(entity, server), rows, entity.key)
    assert not found, f"{len(found)} differences, the first: " + "\n".join(found[:20])
