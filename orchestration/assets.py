"""An asset for each mirror table, made by one factory from the entity registry."""

import asyncio

import dagster as dg

from bitrix.entities import ENTITIES, Entity, Walk
from bitrix.errors import BitrixError
from orchestration.deletion_guard import too_many_found
from orchestration.entity_sync import sync_entity
from orchestration.metadata import sync_metadata
from orchestration.resources import PortalResource, WarehouseResource
from orchestration.sync_checks import check_results, check_specs
from orchestration.sync_config import SyncConfig
from orchestration.sync_report import SyncBusyError, SyncReport, SyncRequest
from warehouse.database import DatabaseError, DatabaseUnreachable
from warehouse.settings import load_settings

PORTAL = dg.AssetSpec(
    key="bitrix24_portal",
    group_name="portal",
    description="The company's Bitrix24 portal, read through an incoming webhook. Everything below is a copy of it.",
    kinds={"bitrix24"},
)

GROUPS = {
    Walk.KEYSET: "crm",
    Walk.APPEND_ONLY: "stage_history",
    Walk.SNAPSHOT: "reference",
    Walk.DERIVED: "reference",
}

RETRIES, RETRY_SECONDS = 2, 30
"""The client has retried each request already; these are for an outage of a minute or two."""


def asset_key(entity: Entity) -> dg.AssetKey:
    """The key under which an entity's table is an asset: ``bitrix/deals``."""
    return dg.AssetKey(["bitrix", entity.table])


def entity_asset(entity: Entity) -> dg.AssetsDefinition:
    """The asset of one entity: materializing it is one sync."""

    @dg.asset(
        key=asset_key(entity),
        description=_description(entity),
        group_name=GROUPS[entity.walk],
        kinds={"postgres"},
        deps=[PORTAL],
        metadata={"dagster/table_name": f"bitrix.{entity.table}", "read through": f"crm.{entity.table}"},
        check_specs=check_specs(entity, asset_key(entity)),
    )
    def sync(
        context: dg.AssetExecutionContext, config: SyncConfig, portal: PortalResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks, Dagster knows the bare class only
        report = _run(context, entity, config, portal, warehouse)
        counts = report.counts
        context.log.info(
            f"{entity.table}: {counts.fetched} fetched, {counts.inserted} inserted, {counts.updated} updated, "
            f"{counts.unchanged} unchanged, {counts.deleted} deleted, "
            f"in {report.seconds:.1f} s with {report.requests} requests"
        )
        held_back = report.comparison.held_back
        if held_back:
            context.log.warning(too_many_found(held_back, report.comparison.mirror_rows or 0, entity.table))
        return dg.MaterializeResult(metadata=sync_metadata(report), check_results=check_results(entity, report))

    return sync


def _run(
    context: dg.AssetExecutionContext,
    entity: Entity,
    config: SyncConfig,
    portal: PortalResource,
    warehouse: WarehouseResource,
) -> SyncReport:
    """Run the sync. What may pass is tried again later; what no retry mends fails at once."""
    request = SyncRequest(
        entity,
        config.sync_type.value,
        run_id=context.run.run_id,
        trigger=context.run.tags.get("trigger", "dagster"),
        deletion_limit=load_settings().sync_deletion_limit_percent / 100,
        accept_deletions=config.accept_deletions,
    )

    async def run() -> SyncReport:
        database = warehouse.database
        async with portal.client(database, urgent=request.sync_type == "events") as client:
            return await sync_entity(client, lambda: database.connect("sync"), request)

    try:
        return asyncio.run(run())
    except BitrixError as error:
        if error.retry is None:
            raise dg.Failure(str(error), allow_retries=False) from None
        transient: Exception = error
    except DatabaseUnreachable as error:
        transient = error
    except (SyncBusyError, DatabaseError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    # A person waits for the command's answer, and events have a back-off of their own in their queue.
    once = context.run.tags.get("trigger") in ("cli", "event")
    if once or context.retry_number >= RETRIES:
        raise dg.Failure(str(transient), allow_retries=False)
    context.log.warning(f"{transient} Trying again in {RETRY_SECONDS} s.")
    raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=RETRY_SECONDS) from transient


def _description(entity: Entity) -> str:
    how = {
        Walk.KEYSET: "Full: every row, walked by id. Incremental: rows changed since the last watermark and new ids.",
        Walk.APPEND_ONLY: "Rows are only ever added. Full: every row. Incremental: ids above the highest known.",
        Walk.SNAPSHOT: "Small: read whole at every sync.",
        Walk.DERIVED: f"Taken from the field lists of {_with_user_fields()}.",
    }[entity.walk]
    source = f" Source: `{entity.list_method}`." if entity.list_method else ""
    return f"{entity.title} / {entity.title_ru}.{source} {how}"


def _with_user_fields() -> str:
    return ", ".join(entity.table for entity in ENTITIES if entity.userfields_method)


ENTITY_ASSETS = [entity_asset(entity) for entity in ENTITIES]
