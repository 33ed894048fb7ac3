"""The asset that documents the schema, its job, and the sensor that starts it when the schema changed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from bitrix.entities import ENTITIES
from orchestration.assets import asset_key
from orchestration.resources import WarehouseResource
from orchestration.warehouse_access import warehouse as warehouse_of
from warehouse.database import DatabaseError, DatabaseUnreachable
from warehouse.schema_docs.catalog import Catalog, read_catalog
from warehouse.schema_docs.dbt import Exposure
from warehouse.schema_docs.documents import Change, current_document, save_document
from warehouse.schema_docs.exposures import dashboards_changed_at, read_exposures
from warehouse.schema_docs.markdown import markdown
from warehouse.schema_docs.model import ModelError, ModelServer, describe_untitled
from warehouse.schema_docs.project import PROJECT, write_project
from warehouse.schema_docs.prompt import estimated_tokens, prompt_text
from warehouse.schema_docs.statistics import Statistics, read_statistics
from warehouse.settings import Settings, load_settings
from warehouse.views import refresh_views

SCHEMA_DOCS = dg.AssetKey("schema_docs")
JOB = "document_schema"
COUNTS_AGE = timedelta(days=1)
"""The document is made anew when its counts are older, also while the schema stays the same."""
ARRANGED_FOR = timedelta(minutes=2)
"""How long a dashboard must rest after a change before the project follows it."""

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.asset(
    key=SCHEMA_DOCS,
    group_name="docs",
    kinds={"markdown", "dbt"},
    deps=[asset_key(entity) for entity in ENTITIES],
    description="What every table and column means: Markdown in Russian and English, sources of a dbt project, and the "
    "short form that the language model works from. Made anew when fields, titles, options or descriptions changed.",
)
def schema_docs(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> dg.MaterializeResult[None]:
    """Document the schema. Without a model's key the portal's titles have to do; without a place to write files, the
    database keeps the document all the same."""
    settings = load_settings()
    try:
        with warehouse.database.connect("schema docs", autocommit=True) as conn:
            described = _describe(conn, settings, context)
            refresh_views(conn)
            catalog = read_catalog(conn)
            statistics = read_statistics(conn, catalog)
            exposures = read_exposures(conn, catalog)
            with conn.transaction():
                changes = save_document(conn, catalog, statistics, context.run.run_id)
    except DatabaseUnreachable as error:
        raise dg.RetryRequested(max_retries=2, seconds_to_wait=30) from error
    except DatabaseError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    files = _write(settings.dbt_docs_dir or PROJECT, catalog, statistics, exposures, context)
    return dg.MaterializeResult(metadata=_metadata(catalog, statistics, changes, described, files))


document_schema = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(SCHEMA_DOCS),
    description="Document the schema now.",
    tags={"entity": "schema_docs"},
    executor_def=dg.in_process_executor,
)


@dg.sensor(
    name="schema_changes",
    job=document_schema,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Documents the schema when fields, titles, options, descriptions or dashboards changed, and once a day "
    "for counts.",
)
def schema_changes(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Compare the schema with the one that was documented last."""
    with warehouse_of(load_settings()).connect("schema changes") as conn:
        catalog = read_catalog(conn)
        document = current_document(conn)
        arranged = dashboards_changed_at(conn)
        busy = conn.execute(
            "SELECT count(*) FROM unnest(%s::text[]) e(entity) LEFT JOIN app.sync_state s USING (entity)"
            " WHERE s.last_full_at IS NULL AND s.last_sync_at IS NULL",
            ([entity.name for entity in ENTITIES],),
        ).fetchone()
    if not catalog.tables or (document is None and busy and busy[0]):
        return dg.SkipReason("The first sync has not copied every table yet.")
    same = document is not None and document.schema_hash == catalog.hash
    if document is not None and arranged is not None and arranged > document.refreshed_at:
        # dbt's project names the dashboards as exposures. Whoever arranges one saves it many times.
        same = same and datetime.now(UTC) - arranged < ARRANGED_FOR
    if document is not None and same and datetime.now(UTC) - document.refreshed_at < COUNTS_AGE:
        return dg.SkipReason("The schema is the one that was documented.")
    if context.instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=UNFINISHED), limit=1):
        return dg.SkipReason("A run is documenting the schema already.")
    # Dagster starts a key once. With the hour in it, a run that failed is tried again, but not every few seconds.
    key = f"{catalog.hash}:{document.id if document else 0}:{datetime.now(UTC):%Y-%m-%dT%H}:{arranged or ''}"
    return dg.RunRequest(run_key=key, tags={"trigger": "schema", "entity": "schema_docs"})


def _describe(conn: psycopg.Connection, settings: Settings, context: dg.AssetExecutionContext) -> str:
    if settings.openai_api_key is None:
        return "no model is configured"
    server = ModelServer(settings.openai_base_url, settings.openai_api_key.get_secret_value(), settings.openai_model)
    try:
        written = describe_untitled(conn, read_catalog(conn), server)
    except ModelError as error:
        context.log.warning(f"{error} Columns without a name keep the description of their type.")
        return str(error)
    return f"{written.columns} columns, {written.requests} requests, {written.tokens} tokens"


def _write(
    directory: Path,
    catalog: Catalog,
    statistics: Statistics,
    exposures: list[Exposure],
    context: dg.AssetExecutionContext,
) -> str:
    try:
        written = write_project(directory, catalog, statistics, exposures)
    except OSError as error:
        context.log.warning(f"The dbt project in {directory} was not written: {error.strerror}. Set DBT_DOCS_DIR.")
        return f"not written: {error.strerror}"
    return f"{len(written)} of the project's files changed" if written else "unchanged"


def _metadata(
    catalog: Catalog, statistics: Statistics, changes: tuple[Change, ...], described: str, files: str
) -> dict[str, Any]:
    prompt = prompt_text(catalog)
    return {
        "document (Russian)": dg.MetadataValue.md(markdown(catalog, statistics, "ru")),
        "document (English)": dg.MetadataValue.md(markdown(catalog, statistics, "en")),
        "short form for a model": dg.MetadataValue.md(f"````text\n{prompt}````"),
        "estimated tokens of the short form": estimated_tokens(prompt),
        "tables": len(catalog.tables),
        "columns": sum(len(table.columns) for table in catalog.tables),
        "changes": "; ".join(f"{change.kind} {change.table}.{change.column}".rstrip(".") for change in changes[:50])
        or "none",
        "described by a model": described,
        "files": files,
    }
