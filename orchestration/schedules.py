"""One schedule for each entity, at the interval that ``app.sync_config`` holds when the code location is loaded.

Intervals are exact, whatever their length: time is divided into slots of that many minutes since 1970, and a slot is
due until a sync has begun in it. So a tick that was missed while Dagster was away is made up for once, not many times.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import structlog

from bitrix.entities import ENTITIES, Entity
from orchestration.jobs import job_name
from orchestration.warehouse_access import warehouse
from warehouse.database import DatabaseError
from warehouse.settings import Settings, load_settings
from warehouse.sync_config import EntityConfig, begun_since, default_config, read_config, read_configs

HOUR, DAY = 60, 24 * 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time in which one sync is due. ``number`` counts slots of this length since 1970."""

    number: int
    start: datetime
    end: datetime


def cron_for(minutes: int) -> str:
    """The coarsest cron line that ticks at every multiple of ``minutes`` since 1970 (UTC); it may tick in between."""
    if minutes % HOUR:
        grid = math.gcd(minutes, HOUR)
        return "* * * * *" if grid == 1 else f"*/{grid} * * * *"
    hours = math.gcd(minutes // HOUR, DAY // HOUR)
    if hours == DAY // HOUR:
        return "0 0 * * *"
    return "0 * * * *" if hours == 1 else f"0 */{hours} * * *"


def slot_at(moment: datetime, minutes: int) -> Slot:
    """The slot of ``minutes`` that a moment lies in."""
    number = int(moment.timestamp() // 60) // minutes
    start = datetime.fromtimestamp(number * minutes * 60, UTC)
    return Slot(number, start, start + timedelta(minutes=minutes))


def decide(
    entity: Entity, config: EntityConfig, moment: datetime, begun: datetime | None
) -> dg.RunRequest | dg.SkipReason:
    """Whether a sync is due at a tick. ``begun`` is when the last full or incremental sync of this slot began."""
    if not config.enabled:
        return dg.SkipReason(f"{entity.title} are switched off in the sync configuration.")
    slot = slot_at(moment, config.sync_interval_minutes)
    if begun is not None:
        return dg.SkipReason(
            f"Synced at {begun.astimezone(UTC):%H:%M:%S} UTC; every {config.sync_interval_minutes} minutes, "
            f"next due {slot.end:%d %b %H:%M} UTC."
        )
    return dg.RunRequest(
        run_key=f"{entity.name}:{config.sync_interval_minutes}:{slot.number}",
        run_config={"sync_type": "incremental"},
        tags={"entity": entity.name, "sync_type": "incremental", "trigger": "schedule"},
    )


def entity_schedule(entity: Entity, config: EntityConfig) -> dg.ScheduleDefinition:
    """The schedule of one entity. Its line of cron is that of the configuration; the decision reads it afresh."""

    @dg.schedule(
        name=f"{job_name(entity)}_schedule",
        cron_schedule=cron_for(config.sync_interval_minutes),
        job_name=job_name(entity),
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"An incremental sync of {entity.title.lower()} every {config.sync_interval_minutes} minutes.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        settings = load_settings()
        moment = context.scheduled_execution_time.astimezone(UTC)
        with warehouse(settings).connect("schedule") as conn:
            now = read_config(conn, entity.name, settings.sync_default_interval_minutes)
            slot = slot_at(moment, now.sync_interval_minutes)
            return decide(entity, now, moment, begun_since(conn, entity.name, slot.start))

    return schedule


def load_configs(settings: Settings) -> Mapping[str, EntityConfig]:
    """The configuration of every entity. With the database away these are the defaults: a location that fails to load
    would lose its schedules, while one that loads with defaults still decides by the configuration at each tick."""
    defaults = {entity.name: default_config(entity.name, settings.sync_default_interval_minutes) for entity in ENTITIES}
    if settings.database_url is None:
        return defaults
    try:
        with warehouse(settings).connect("schedules", connect_timeout=5) as conn:
            return defaults | read_configs(conn)
    except DatabaseError as error:
        log.warning("schedules are loaded with default intervals", reason=str(error))
        return defaults


def entity_schedules() -> list[dg.ScheduleDefinition]:
    """The schedules of all entities."""
    configs = load_configs(load_settings())
    return [entity_schedule(entity, configs[entity.name]) for entity in ENTITIES]
