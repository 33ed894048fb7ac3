"""An asset for each mirror table, made by one factory from the entity registry."""

from __future__ import annotations

import asyncio

import dagster as dg

from bitrix.entities import ENTITIES, Entity, Walk
from bitrix.errors import BitrixError
from orchestration.entity_sync import SyncBusyError, SyncReport, SyncRequest, sync_entity
from orchestration.metadata import sync_metadata
from orchestration.resources import PortalResource, WarehouseResource
from orchestration.sync_config import SyncConfig, SyncKind

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

TRANSIENT = dg.RetryPolicy(max_retries=2, delay=15, backoff=dg.Backoff.EXPONENTIAL)
"""The client has retried each request already; this is for an outage of minutes."""


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
        retry_policy=TRANSIENT,
        metadata={"dagster/table_name": f"bitrix.{entity.table}", "read through": f"crm.{entity.table}"},
    )
    def sync(
        context: dg.AssetExecutionContext, config: SyncConfig, portal: PortalResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        report = _run(context, entity, config.sync_type, portal, warehouse)
        counts = report.counts
        context.log.info(
            f"{entity.table}: {counts.fetched} fetched, {counts.inserted} inserted, {counts.updated} updated, "
            f"{counts.unchanged} unchanged in {report.seconds:.1f} s with {report.requests} requests"
        )
        return dg.MaterializeResult(metadata=sync_metadata(report))

    return sync


def _run(
    context: dg.AssetExecutionContext,
    entity: Entity,
    kind: SyncKind,
    portal: PortalResource,
    warehouse: WarehouseResource,
) -> SyncReport:
    """Run the sync; a failure that no retry mends is marked as such."""
    request = SyncRequest(entity, kind.value, run_id=context.run_id, trigger=context.run.tags.get("trigger", "dagster"))

    async def run() -> SyncReport:
        async with portal.client() as client:
            return await sync_entity(client, lambda: warehouse.database.connect("sync"), request)

    try:
        return asyncio.run(run())
    except SyncBusyError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except BitrixError as error:
        raise dg.Failure(str(error), allow_retries=error.retry is not None) from None


def _description(entity: Entity) -> str:
    how = {
        Walk.KEYSET: "Full: every row, walked by id. Incremental: rows changed since the last watermark and new ids.",
        Walk.APPEND_ONLY: "Rows are only ever added. Full: every row. Incremental: ids above the highest known.",
        Walk.SNAPSHOT: "Small: read whole at every sync.",
        Walk.DERIVED: "Taken from the field lists of deals, contacts, leads and companies.",
    }[entity.walk]
    source = f" Source: `{entity.list_method}`." if entity.list_method else ""
    return f"{entity.title} / {entity.title_ru}.{source} {how}"


ENTITY_ASSETS = [entity_asset(entity) for entity in ENTITIES]
