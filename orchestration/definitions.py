"""The Dagster code location: nothing but assembly."""

from __future__ import annotations

import dagster as dg

from orchestration.alerts import failed_runs
from orchestration.assets import ENTITY_ASSETS, PORTAL
from orchestration.console import console_logger
from orchestration.jobs import JOBS
from orchestration.resources import PortalResource, WarehouseResource
from orchestration.schedules import entity_schedules
from orchestration.schema_docs import document_schema, schema_changes, schema_docs
from orchestration.sensors import portal_events
from orchestration.table_checks import check_schedule, check_tables, table_checks

defs = dg.Definitions(
    assets=[PORTAL, *ENTITY_ASSETS, schema_docs],
    asset_checks=[table_checks],
    jobs=[*JOBS, document_schema, check_tables],
    resources={"portal": PortalResource(), "warehouse": WarehouseResource()},
    executor=dg.in_process_executor,
    schedules=[*entity_schedules(), check_schedule],
    sensors=[portal_events, schema_changes, failed_runs],
    loggers={"console": console_logger},
)
