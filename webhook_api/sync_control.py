"""Steering the sync: what is synced how often, and starting one now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, Body
from psycopg.rows import dict_row
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from bitrix.entities import ENTITIES
from warehouse.sync_config import write_config
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.dagster_api import DagsterError
from webhook_api.dagster_runs import apply_schedule, launch_sync
from webhook_api.dagster_threads import ask_dagster
from webhook_api.entity_names import EntityName, check_entity
from webhook_api.errors import ApiError, error_shapes
from webhook_api.pool import transaction
from webhook_api.services import Services, ServicesOf, run_url

START_SECONDS = 20.0
"""How long a sync may take to be queued; usually it is a tenth of a second."""

router = APIRouter(prefix="/api/v1/sync", tags=["sync"], responses=SIGN_IN_ERRORS)
log = structlog.get_logger(__name__)


class ConfigRow(BaseModel):
    """The settings of one entity. Without a stored row these are the defaults."""

    entity_type: str = Field(examples=["deal"])
    enabled: bool = Field(description="Whether it is synced by schedule.")
    sync_interval_minutes: int = Field(examples=[30])
    webhook_enabled: bool = Field(description="Whether the portal's events are heeded.")
    last_sync_at: datetime | None


class Config(BaseModel):
    """The settings of all entities."""

    entities: list[ConfigRow]
    default_interval_minutes: int


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 45.0 is 45."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_CHANGEABLE = {"enabled": "boolean", "sync_interval_minutes": "integer", "webhook_enabled": "boolean"}


class ConfigChange(BaseModel):
    """What to change, at least one thing; what is left out or null stays."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "anyOf": [{"required": [name], "properties": {name: {"type": kind}}} for name, kind in _CHANGEABLE.items()],
            "examples": [{"entity_type": "deal", "sync_interval_minutes": 45}],
        },
    )

    entity_type: EntityName = Field(examples=["deal"])
    enabled: StrictBool | None = Field(default=None, description="Whether it is synced by schedule.")
    sync_interval_minutes: Annotated[int | None, BeforeValidator(_whole)] = Field(
        default=None, ge=1, le=10_080, strict=True, examples=[45]
    )
    webhook_enabled: StrictBool | None = Field(default=None, description="Whether the portal's events are heeded.")


class ChangedConfig(ConfigRow):
    """The stored row, and whether Dagster has followed."""

    schedule: str = Field(description="`applied`, or why not yet; it is then applied when Dagster next starts.")


class StartRequest(BaseModel):
    """How to sync."""

    model_config = ConfigDict(extra="forbid")

    sync_type: Literal["full", "incremental"] = "full"


class Started(BaseModel):
    """The run that does it."""

    status: Literal["started", "already_running"]
    entity: str = Field(examples=["deal"])
    sync_type: Literal["full", "incremental"] | None = Field(
        description="That of the run. null: one that is already on its way and does not say, as it was started by hand."
    )
    run_id: str = Field(examples=["0a0ac2e1-3ec5-4a2b-9d94-5a8f4f0b8a77"])
    run_url: str = Field(examples=["http://127.0.0.1:3000/runs/0a0ac2e1-3ec5-4a2b-9d94-5a8f4f0b8a77"])


_CONFIG = """
SELECT e.entity AS entity_type, coalesce(c.enabled, true) AS enabled,
    coalesce(c.sync_interval_minutes, %(default)s) AS sync_interval_minutes,
    coalesce(c.webhook_enabled, true) AS webhook_enabled, s.last_sync_at
FROM unnest(%(entities)s::text[]) WITH ORDINALITY e(entity, n) LEFT JOIN app.sync_config c USING (entity)
    LEFT JOIN app.sync_state s USING (entity) ORDER BY e.n"""


@router.get(
    "/config",
    summary="Which entities are synced, how often",
    responses=error_shapes(_401="not signed in", _403="not allowed"),
)
async def read_config(services: ServicesOf, user: SignedIn) -> Config:
    """Every entity, configured or not."""
    rows = await _config(services, [entity.name for entity in ENTITIES])
    return Config(entities=rows, default_interval_minutes=services.settings.sync_default_interval_minutes)


@router.put(
    "/config",
    summary="Change the settings of one entity",
    responses=error_shapes(_400="invalid entity type, or nothing to change"),
)
async def change_config(change: ConfigChange, services: ServicesOf, user: SignedIn) -> ChangedConfig:
    """Store the change, then let Dagster's schedule follow. Stored also while Dagster is away."""
    check_entity(change.entity_type)
    if change.enabled is None and change.sync_interval_minutes is None and change.webhook_enabled is None:
        raise ApiError(400, "no_fields", "No fields to update")
    await asyncio.to_thread(_store, services, change)
    [row] = await _config(services, [change.entity_type])
    schedule = "applied"
    try:
        await ask_dagster(lambda: apply_schedule(services.dagster, row.entity_type, enabled=row.enabled))
    except DagsterError as error:
        log.warning("the schedule does not follow yet", entity=change.entity_type, error=str(error))
        schedule = f"stored; Dagster follows when it is back: {error}"
    return ChangedConfig(**row.model_dump(), schedule=schedule)


@router.post(
    "/start/{entity}",
    summary="Start a sync now",
    responses=error_shapes(_400="invalid entity type"),
)
async def start(
    entity: EntityName, services: ServicesOf, user: SignedIn, request: Annotated[StartRequest | None, Body()] = None
) -> Started:
    """Queue a run in Dagster, unless one of this entity or of everything is queued or running.

    Runs that follow events do not count: they read a few rows only.
    """
    check_entity(entity)
    sync_type = (request or StartRequest()).sync_type
    deadline = time.monotonic() + START_SECONDS  # earlier than ask_dagster's: nothing is begun after a 503
    launched = await ask_dagster(lambda: launch_sync(services.dagster, entity, sync_type, deadline))
    known: dict[str | None, Literal["full", "incremental"]] = {"full": "full", "incremental": "incremental"}
    return Started(
        status="already_running" if launched.already else "started",
        entity=entity,
        sync_type=known.get(launched.sync_type),
        run_id=launched.run_id,
        run_url=run_url(services.settings, launched.run_id),
    )


def _store(services: Services, change: ConfigChange) -> None:
    with services.database.connect("api") as connection:
        write_config(
            connection,
            change.entity_type,
            services.settings.sync_default_interval_minutes,
            enabled=change.enabled,
            sync_interval_minutes=change.sync_interval_minutes,
            webhook_enabled=change.webhook_enabled,
        )


async def _config(services: Services, entities: Sequence[str]) -> list[ConfigRow]:
    parameters = {"entities": list(entities), "default": services.settings.sync_default_interval_minutes}
    async with transaction(services.pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_CONFIG, parameters)
        return [ConfigRow(**row) for row in await cursor.fetchall()]
