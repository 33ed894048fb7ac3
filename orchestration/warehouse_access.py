"""The warehouse for schedules and sensors, which Dagster gives no resources that stay open."""

from __future__ import annotations

from warehouse.database import Database, DatabaseError
from warehouse.settings import Settings


def warehouse(settings: Settings) -> Database:
    """The database of ``DATABASE_URL``. Raises ``DatabaseError`` without one: a tick must not start a server."""
    if settings.database_url is None:
        raise DatabaseError("DATABASE_URL is not set. Start Dagster through `b24 up`, or set it.")
    return Database(settings.database_url.get_secret_value())
