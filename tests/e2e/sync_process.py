"""One sync in a process of its own, which tests kill: ``python -m tests.e2e.sync_process ENTITY TYPE RUN_ID``.

``DATABASE_URL`` and ``BITRIX_WEBHOOK_URL`` say where. Nothing of Dagster is loaded, so that it starts quickly.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from bitrix.client import PortalClient
from bitrix.entities import entity_named
from bitrix.limits import LeakyBucket
from bitrix.webhook_url import WebhookUrl
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncRequest, SyncType
from warehouse.database import Database


def start(database: Database, webhook_url: str, entity: str, sync_type: SyncType, run_id: str) -> subprocess.Popen[str]:
    """Begin a sync in a new process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.sync_process", entity, sync_type, run_id],
        env={**os.environ, "DATABASE_URL": database.url, "BITRIX_WEBHOOK_URL": webhook_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a process that must succeed."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


async def sync(entity: str, sync_type: SyncType, run_id: str) -> None:
    database = Database(os.environ["DATABASE_URL"])
    unlimited = LeakyBucket(capacity=100_000, leak=1000)
    async with PortalClient(WebhookUrl.parse(os.environ["BITRIX_WEBHOOK_URL"]), bucket=unlimited) as client:
        request = SyncRequest(entity_named(entity), sync_type, run_id=run_id, trigger="test")
        await sync_entity(client, lambda: database.connect("sync"), request)


if __name__ == "__main__":
    asyncio.run(sync(sys.argv[1], sys.argv[2], sys.argv[3]))  # type: ignore[arg-type]
