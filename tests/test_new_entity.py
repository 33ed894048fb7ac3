"""An entity is one row of one file: a newcomer adds it to the registry, and everything knows of it.

The product runs from a copy of that file with one more row; the simulated portal is given the methods that a real one
has already.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from demo_portal.methods import METHODS, Method
from demo_portal.portal import Portal
from demo_portal.schema import FieldSpec, OptionSpec
from demo_portal.server import PortalServer
from demo_portal.table import Table
from warehouse.database import Database

REPOSITORY = Path(__file__).parents[1]
REGISTRY = "bitrix/entities.py"

ROW = """    _crm(
        "quote",
        "quotes",
        "Quotes",
        "Предложения",
        about="Quotes: offers sent to clients.",
        about_ru="Предложения: что было предложено клиентам.",
    ),
"""

FIELDS = (
    FieldSpec("ID", "integer", "ID", read_only=True),
    FieldSpec("TITLE", "string", "Тема"),
    FieldSpec("OPPORTUNITY", "double", "Сумма"),
    FieldSpec("CURRENCY_ID", "crm_currency", "Валюта"),
    FieldSpec("ASSIGNED_BY_ID", "user", "Ответственный"),
    FieldSpec("CLOSED", "char", "Завершено"),
    FieldSpec("DATE_CREATE", "datetime", "Дата создания"),
    FieldSpec("DATE_MODIFY", "datetime", "Дата изменения"),
    FieldSpec("UF_CRM_KIND", "enumeration", "Вид", id=900, options=[OptionSpec(71, "Разовое", 10, "a")]),
)
ROWS = 120

USE = """
import asyncio, json, sys
import dagster as dg
import bitrix.entities
from bitrix.events import event_of
from chart_service.embedding.datasets import view_of
from chart_service.guard import check
from orchestration.definitions import defs
from warehouse.database import Database
from warehouse.settings import load_settings
from tests.webhook_api.conftest import serving
from webhook_api.app import create_app
import httpx

def sync(job, kind):
    with dg.DagsterInstance.ephemeral() as instance:
        done = defs.resolve_job_def(job).execute_in_process(run_config={"sync_type": kind}, instance=instance)
    return {str(event.asset_key.path[-1]): event.materialization.metadata for event in
            done.get_asset_materialization_events()}

everything = sync("sync_all", "full")
changed = sync("sync_quote", "incremental")
settings = load_settings()
database = Database(settings.database_url.get_secret_value())
with serving(create_app(settings, database)) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as api:
    status = api.get("/api/v1/sync/status").json()
    config = api.put("/api/v1/sync/config", json={"entity_type": "quote", "sync_interval_minutes": 7})
    schema = api.get("/api/v1/schema/description").text
event = event_of({"event": "ONCRMQUOTEUPDATE", "data": {"FIELDS": {"ID": "5"}}})
print(json.dumps({
    "from": bitrix.entities.__file__,
    "fetched": everything["quotes"]["fetched"].value,
    "fetched later": changed["quotes"]["fetched"].value,
    "status": next(row for row in status["entities"] if row["entity_type"] == "quote"),
    "config": [config.status_code, config.json()],
    "schema": "quotes" in schema and "Предложения: что было предложено клиентам." in schema,
    "schedules": [schedule.name for schedule in defs.schedules or ()],
    "guard": check("SELECT count(*) AS n FROM quotes WHERE closed").sql,
    "dataset": view_of(13),
    "event": [event.entity, event.row_id],
}, default=str))
"""


@pytest.fixture
def portal_with_quotes(monkeypatch: pytest.MonkeyPatch) -> Portal:
    """A portal of which our registry knows everything but quotes."""
    for verb in ("fields", "list", "get", "userfield.list"):
        handler: Any = METHODS[f"crm.deal.{verb}"].handler
        monkeypatch.setitem(METHODS, f"crm.quote.{verb}", Method(partial(handler.func, "quote"), "crm"))  # type: ignore[arg-type]
    portal = Portal.generate(seed=5, deals=30)
    portal.fields["quote"] = {spec.code: spec for spec in FIELDS}
    table = portal.tables["quote"] = Table("quote", [spec.code for spec in FIELDS])
    for number in range(1, ROWS + 1):
        moment = f"2026-01-{1 + number % 28:02d}T10:00:00+03:00"
        row = [str(number), f"Предложение {number}", f"{number}.50", "RUB", "1", "Y" if number % 2 else "N"]
        table.append(number, [*row, moment, moment, "71"], 1_767_000_000 + number)
    return portal


def test_one_row_of_one_file_adds_an_entity(portal_with_quotes: Portal, database: Database, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "bitrix", tmp_path / "bitrix", ignore=shutil.ignore_patterns("__pycache__"))
    registry = (REPOSITORY / REGISTRY).read_text(encoding="utf-8")
    before, end, after = registry.partition('\n)\n"""New rows go to the end')
    assert end, "the registry says where new rows go"
    (tmp_path / REGISTRY).write_text(f"{before}\n{ROW.rstrip()}{end}{after}", encoding="utf-8")

    with PortalServer(portal_with_quotes, limits=False) as server:
        said = _run(tmp_path, DATABASE_URL=database.url, BITRIX_WEBHOOK_URL=server.webhook_url)

    assert said["from"] == str(tmp_path / REGISTRY)
    assert said["fetched"] == ROWS
    assert said["fetched later"] == 0
    assert said["status"]["status"] == "completed", said["status"]
    assert said["config"][0] == 200, said["config"]
    assert "sync_quote_schedule" in said["schedules"]
    assert said["schema"], "neither name nor meaning in the API's description of the schema"
    assert "quotes" in said["guard"]
    assert said["dataset"] == "quotes"
    assert said["event"] == ["quote", 5]
    with database.connect("test") as conn:
        assert _one(conn, "SELECT count(*), sum(opportunity) FROM bitrix.quotes") == (ROWS, ROWS * (ROWS + 2) / 2)
        view = "SELECT title, closed, assigned_by_name IS NULL, currency_name, uf_crm_kind_label FROM crm.quotes"
        assert _one(conn, f"{view} WHERE id = 7") == ("Предложение 7", True, False, "Российский рубль", "Разовое")
        comment = _one(conn, "SELECT obj_description('crm.quotes'::regclass)")[0]
        assert (
            comment
            == "Предложения / Quotes — Предложения: что было предложено клиентам. / Quotes: offers sent to clients."
        )
        assert _one(conn, "SELECT has_table_privilege('chart_reader', 'crm.quotes', 'SELECT')") == (True,)
    document = (tmp_path / "dbt" / "docs" / "crm.en.md").read_text(encoding="utf-8")
    assert "Quotes: offers sent to clients." in document
    assert 'name: "quotes"' in (tmp_path / "dbt" / "models" / "generated" / "sources.yml").read_text(encoding="utf-8")


def _run(home: Path, **settings: str) -> dict[str, Any]:
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TZ")},
        **{"PYTHONPATH": f"{home}:{REPOSITORY}", "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
        **{"B24_HOME": str(home / "b24"), "DBT_DOCS_DIR": str(home / "dbt"), "DAGSTER_DISABLE_TELEMETRY": "yes"},
        **{"BITRIX_REQUEST_BURST": "100000", "BITRIX_REQUESTS_PER_SECOND": "1000"},
        **settings,
    }
    ran = subprocess.run(
        [sys.executable, "-c", USE], cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said


def _one(conn: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row = conn.execute(query).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return tuple(row)
