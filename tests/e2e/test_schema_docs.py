"""From a change on the portal to views, documents, dbt sources and the model's prompt, with no human step."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from rich.console import Console

from cli.dbt import PROGRAM, dbt
from demo_portal.portal import CRM
from demo_portal.server import PortalServer
from orchestration.definitions import defs
from orchestration.schema_docs import schema_changes
from tests.e2e.conftest import RunJob
from warehouse.database import Database
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.documents import current_document, stored_markdown
from warehouse.schema_docs.prompt import prompt_text
from warehouse.settings import load_settings

Connection = psycopg.Connection[Any]
FIELD = "UF_CRM_1700999999"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the documents of this test are written."""
    monkeypatch.setenv("DBT_DOCS_DIR", str(tmp_path / "dbt"))
    return tmp_path / "dbt"


def tick() -> dg.RunRequest | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        answer = schema_changes(dg.build_sensor_context(instance=instance))
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def test_a_new_field_is_documented_by_itself(
    project: Path, run_job: RunJob, server: PortalServer, conn: Connection
) -> None:
    assert "first sync" in str(tick())
    result = run_job()
    [document] = [e for e in result.get_asset_materialization_events() if e.asset_key.path == ["schema_docs"]]
    shown = {key: value.value for key, value in document.materialization.metadata.items()}
    assert shown["tables"] == 12
    assert shown["document (Russian)"] == (project / "docs" / "crm.ru.md").read_text()
    assert shown["short form for a model"] == f"````text\n{prompt_text(read_catalog(conn))}````"
    assert isinstance(tick(), dg.SkipReason)

    server.portal.add_field("deal", FIELD, "double", title="Вес груза, кг")
    run_job("sync_deal", "incremental")
    request = tick()
    assert isinstance(request, dg.RunRequest)
    with dg.DagsterInstance.ephemeral() as instance:
        assert defs.resolve_job_def("document_schema").execute_in_process(instance=instance).success
    assert isinstance(tick(), dg.SkipReason)
    assert conn.execute(f"SELECT count({FIELD.lower()}) FROM crm.deals").fetchone() == (0,)
    now = current_document(conn)
    assert now is not None
    assert now.changes == [{"kind": "added", "table": "deals", "column": FIELD.lower(), "what": ""}]
    for text in (
        stored_markdown(conn, now.id, "ru"),
        (project / "docs" / "crm.en.md").read_text(),
        (project / "models" / "generated" / "sources.yml").read_text(),
        prompt_text(read_catalog(conn)),
    ):
        assert FIELD.lower() in (text or "")
        assert "Вес груза, кг" in (text or "")


def test_asset_columns_carry_the_meaning(run_job: RunJob) -> None:
    [event] = run_job("sync_deal").get_asset_materialization_events()
    schema = event.materialization.metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    [stage] = [column for column in schema.columns if column.name == "stage_id"]
    assert stage.description == (
        "Стадия сделки — Код нынешней стадии; у каждой воронки свои стадии / "
        "Code of the present stage; each pipeline has stages of its own"
    )


def test_without_a_place_to_write_the_database_keeps_the_document(
    run_job: RunJob, conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DBT_DOCS_DIR", str(tmp_path / "file" / "dbt"))
    assert run_job().success
    assert current_document(conn) is not None


@pytest.mark.parametrize("command", [["parse"], ["docs", "generate"], ["test"]], ids=" ".join)
def test_real_dbt_is_content_with_a_portal_of_oddities(
    dbt_project: Database, command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    if not PROGRAM.exists():
        pytest.fail("dbt is not installed: run make dbt")
    status = dbt(load_settings(), command, Console())
    output = capfd.readouterr().out
    assert status == 0, output
    assert "Deprecat" not in output
    if command == ["test"]:
        assert " ERROR=0 " in output
        assert " PASS=" in output


@pytest.fixture(scope="module")
def _synced_oddities(postgres: Any, migrated_template: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from demo_portal.portal import Portal

    database = postgres.create(f"b24_test_{os.getpid()}_dbt", migrated_template)
    project = tmp_path_factory.mktemp("dbt")
    portal = Portal.generate(seed=5, deals=100)
    for entity in CRM:
        portal.add_nasty(entity)
    portal.add_field("deal", FIELD, "string", title="{{ env_var('PGUSER') }} {% raw %} \x07 : # 'я' \"")
    with PortalServer(portal, limits=False) as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("DATABASE_URL", database.url)
        environment.setenv("BITRIX_WEBHOOK_URL", server.webhook_url)
        environment.setenv("DBT_DOCS_DIR", str(project))
        with dg.DagsterInstance.ephemeral() as instance:
            job = defs.resolve_job_def("sync_all")
            assert job.execute_in_process(run_config={"sync_type": "full"}, instance=instance).success
    yield database, project
    postgres.drop(f"b24_test_{os.getpid()}_dbt")


@pytest.fixture
def dbt_project(_synced_oddities: tuple[Database, Path], monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with a sync of every oddity, and its documents; settings point there."""
    database, project = _synced_oddities
    monkeypatch.setenv("DATABASE_URL", database.url)
    monkeypatch.setenv("DBT_DOCS_DIR", str(project))
    return database
