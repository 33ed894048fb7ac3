"""``app.sync_config``: which entities are synced by schedule, how often, and whether events are heeded.

An entity without a row has the defaults; a row is made by the first change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class EntityConfig:
    """The settings of one entity. The interval is in minutes, 1 to 10080."""

    entity: str
    enabled: bool
    sync_interval_minutes: int
    webhook_enabled: bool


def default_config(entity: str, interval_minutes: int) -> EntityConfig:
    """What holds for an entity that nobody configured."""
    return EntityConfig(entity, enabled=True, sync_interval_minutes=interval_minutes, webhook_enabled=True)


def read_configs(conn: Connection) -> dict[str, EntityConfig]:
    """The configured entities by name. Empty before the first migration."""
    if conn.execute("SELECT to_regclass('app.sync_config')").fetchone() == (None,):
        return {}
    with conn.cursor(row_factory=class_row(EntityConfig)) as cursor:
        cursor.execute("SELECT entity, enabled, sync_interval_minutes, webhook_enabled FROM app.sync_config")
        return {row.entity: row for row in cursor}


def read_config(conn: Connection, entity: str, default_interval_minutes: int) -> EntityConfig:
    """The settings that hold for one entity now."""
    return read_configs(conn).get(entity) or default_config(entity, default_interval_minutes)


def write_config(
    conn: Connection,
    entity: str,
    default_interval_minutes: int,
    *,
    enabled: bool | None = None,
    sync_interval_minutes: int | None = None,
    webhook_enabled: bool | None = None,
) -> EntityConfig:
    """Change what is given of one entity's settings and commit; answers what holds then.

    Raises ``psycopg.errors.CheckViolation`` for an interval outside 1 to 10080 minutes.
    """
    with conn.transaction(), conn.cursor(row_factory=class_row(EntityConfig)) as cursor:
        cursor.execute(
            """INSERT INTO app.sync_config AS c (entity, enabled, sync_interval_minutes, webhook_enabled)
               VALUES (%(entity)s, coalesce(%(enabled)s, true), coalesce(%(minutes)s, %(default)s),
                   coalesce(%(webhook)s, true))
               ON CONFLICT (entity) DO UPDATE SET enabled = coalesce(%(enabled)s, c.enabled),
                   sync_interval_minutes = coalesce(%(minutes)s, c.sync_interval_minutes),
                   webhook_enabled = coalesce(%(webhook)s, c.webhook_enabled), updated_at = now()
               RETURNING entity, enabled, sync_interval_minutes, webhook_enabled""",
            {
                "entity": entity,
                "enabled": enabled,
                "minutes": sync_interval_minutes,
                "default": default_interval_minutes,
                "webhook": webhook_enabled,
            },
        )
        stored = cursor.fetchone()
    if stored is None:
        raise RuntimeError("app.sync_config accepted no row")
    return stored


def begun_since(conn: Connection, entity: str, moment: datetime) -> datetime | None:
    """When the last full or incremental sync of an entity began, if that was at or after ``moment``."""
    row = conn.execute(
        """SELECT max(started_at) FROM app.sync_logs
           WHERE entity = %s AND sync_type IN ('full', 'incremental') AND started_at >= %s""",
        (entity, moment),
    ).fetchone()
    return row[0] if row else None
