"""One sync of one entity, from the portal to committed rows. Knows nothing of Dagster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psycopg
import structlog
from psycopg import Connection

from bitrix.client import PortalClient
from orchestration.garbage import few_collections
from orchestration.sync_report import SyncBusyError, SyncReport, SyncRequest
from orchestration.sync_steps import SyncSteps
from warehouse.database import DatabaseUnreachable
from warehouse.journal import sync_lock

LOCK_POLL_SECONDS = 0.25

TRIES = 3
"""How often one sync begins when its connection to the database breaks."""

AWAY_SECONDS = 60.0
"""How long a sync waits for a database that went away: a restart takes less."""

log = structlog.get_logger(__name__)


async def sync_entity(client: PortalClient, connect: Callable[[], Connection], request: SyncRequest) -> SyncReport:
    """Bring one entity's table up to date and log it.

    An incremental sync of an entity that was never synced in full becomes a full one; a full one goes on where an
    earlier one stopped. When the connection to the database breaks, the sync waits for the database and begins again,
    from the last committed rows. Errors of the portal pass through after they were written to ``app.sync_logs``.

    Raises ``SyncBusyError`` when another sync of the entity holds its lock for longer than ``wait_seconds``, and
    ``DatabaseUnreachable`` when the database went away and did not come back.
    """
    with few_collections(), structlog.contextvars.bound_contextvars(entity=request.entity.name, run_id=request.run_id):
        conn = await asyncio.to_thread(connect)
        for attempt in range(1, TRIES + 1):
            try:
                with conn:
                    return await _locked(client, connect, conn, request)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                log.warning("the database broke off", reason=reason, attempt=attempt)
                if attempt == TRIES:
                    break
                conn = await _reconnected(connect)
        raise DatabaseUnreachable(
            f"PostgreSQL broke off the sync of {request.entity.name} {TRIES} times, the last time with: {reason}. What "
            "is committed stays; the next sync goes on from there."
        )


async def _locked(
    client: PortalClient, connect: Callable[[], Connection], conn: Connection, request: SyncRequest
) -> SyncReport:
    """Run the sync as the only one of its entity, waiting for another one to end."""
    deadline = time.monotonic() + request.wait_seconds
    while True:
        with sync_lock(conn, request.entity.name) as granted:
            if granted:
                return await SyncSteps(client, connect, conn, request).run()
        if time.monotonic() >= deadline:
            raise SyncBusyError(
                f"Another sync of {request.entity.name} is running. Wait for it to end, or stop it in Dagster."
            )
        await asyncio.sleep(LOCK_POLL_SECONDS)


async def _reconnected(connect: Callable[[], Connection]) -> Connection:
    """A new connection once the database answers. Raises ``DatabaseUnreachable`` when it stays away."""
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        await asyncio.sleep(1)
        try:
            return await asyncio.to_thread(connect)
        except DatabaseUnreachable:
            if time.monotonic() >= deadline:
                raise
