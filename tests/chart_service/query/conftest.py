"""A runner on the loaded warehouse, and statements as the guard would hand them over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from chart_service.guard import Checked, check
from chart_service.query import Limits, Runner
from tests.conftest import PostgresServer
from warehouse.database import Database
from warehouse.settings import Settings


def unguarded(sql: str) -> Checked:
    """A statement that the guard has not seen: what the database itself makes of it."""
    return Checked(sql, check("SELECT id FROM crm.deals").tree, frozenset({"deals"}))


LIMITS = Limits(seconds=2, grace_seconds=1, at_once=3, queue_seconds=1, total_bytes=200_000, row_bytes=50_000)


@pytest.fixture
async def runner(warehouse: Database, charts_settings: Settings) -> AsyncIterator[Runner]:
    made = Runner(warehouse, charts_settings, LIMITS)
    yield made
    await made.aclose()


class Activity:
    """What the charts' login is doing, seen by the administrator: the owner does not see other logins' statements."""

    def __init__(self, admin: psycopg.Connection[Any], database: str) -> None:
        self._admin = admin
        self._database = database

    def running(self) -> int:
        """How many statements are being executed."""
        row = self._admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'b24 charts' AND state = 'active'"
            " AND datname = %s",
            (self._database,),
        ).fetchone()
        return row[0] if row else 0

    async def becomes(self, running: int, seconds: float = 3.0) -> bool:
        """Whether so many statements are being executed within this time."""
        deadline = time.monotonic() + seconds
        while self.running() != running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True


@pytest.fixture
def activity(postgres: PostgresServer, warehouse: Database) -> Iterator[Activity]:
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        if admin.execute("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')").fetchone() != (True,):
            pytest.skip("the login of DATABASE_URL does not see what other logins are doing")
        yield Activity(admin, warehouse.address.rsplit("/", 1)[1])
