"""``GET /health``: whether everything that a sync needs is there, for load balancers and people."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from bitrix.client import PortalClient
from bitrix.errors import BitrixError
from bitrix.webhook_url import WebhookUrl, WebhookUrlError
from warehouse.settings import Settings
from webhook_api.auth import auth_mode
from webhook_api.dagster_api import DagsterApi
from webhook_api.dagster_threads import ask_dagster
from webhook_api.pool import ConnectionPool
from webhook_api.services import ServicesOf

PART_SECONDS = 3.0
OWN_SECONDS, PORTAL_SECONDS = 1.0, 60.0
"""How long what was found is believed. Everybody may ask for it, and asking the portal costs of its rate limit."""
PORTAL_AWAY_SECONDS = 10.0

router = APIRouter(tags=["health"])


class Scheduler(BaseModel):
    """Dagster's daemon, which runs schedules and sensors."""

    running: bool


class Health(BaseModel):
    """``unhealthy`` comes with status 503 and the names of the parts that fail."""

    status: Literal["healthy", "unhealthy"]
    version: str = Field(examples=["0.1.0"])
    scheduler: Scheduler
    database: str = Field(examples=["ok"], description="`ok`, or what is wrong.")
    portal: str = Field(examples=["ok"], description="`ok`, or what is wrong.")
    auth: Literal["supabase", "off"]
    failing: list[Literal["database", "scheduler", "portal"]] = Field(default=[], examples=[[]])


@router.get("/health", summary="Is everything there", responses={503: {"model": Health, "description": "A part fails"}})
async def health(services: ServicesOf, response: Response) -> Health:
    """Needs no sign-in and tells no secrets. Answers within a few seconds whatever is away."""
    probes = services.probes
    database, scheduler, portal = await asyncio.gather(
        probes.database.state(), probes.scheduler.state(), probes.portal.state()
    )
    states: dict[Literal["database", "scheduler", "portal"], str] = {
        "database": database,
        "scheduler": scheduler,
        "portal": portal,
    }
    failing = [name for name, state in states.items() if state != "ok"]
    response.status_code = 503 if failing else 200
    return Health(
        status="unhealthy" if failing else "healthy",
        version=version("bitrix-to-postgres"),
        scheduler=Scheduler(running=scheduler == "ok"),
        database=database,
        portal=portal,
        auth="supabase" if auth_mode(services.settings) == "supabase" else "off",
        failing=failing,
    )


class Probe:
    """Looks at one part, at most once in ``believed`` seconds however many ask; in ``believed_bad`` after a failure."""

    def __init__(self, look: Callable[[], Awaitable[None]], believed: float, believed_bad: float | None = None) -> None:
        self._look = look
        self._believed = believed
        self._believed_bad = believed if believed_bad is None else believed_bad
        self._state = ""
        self._until = float("-inf")
        self._looking = asyncio.Lock()

    async def state(self) -> str:
        """``ok``, or what is wrong; within :data:`PART_SECONDS`."""
        async with self._looking:
            if time.monotonic() >= self._until:
                self._state = await _found(self._look())
                self._until = time.monotonic() + (self._believed if self._state == "ok" else self._believed_bad)
            return self._state


class Probes:
    """The parts that a sync needs."""

    def __init__(self, settings: Settings, pool: ConnectionPool, dagster: DagsterApi) -> None:
        async def database() -> None:
            async with pool.connection(timeout=PART_SECONDS) as connection:
                await connection.execute("SELECT 1")

        async def scheduler() -> None:
            if not await ask_dagster(lambda: dagster.daemon_healthy(PART_SECONDS), PART_SECONDS):
                raise RuntimeError("a daemon of Dagster is not running")

        async def portal() -> None:
            given = settings.bitrix_webhook_url
            if given is None:
                raise WebhookUrlError("BITRIX_WEBHOOK_URL is not set")
            async with PortalClient(WebhookUrl.parse(given.get_secret_value()), timeout=PART_SECONDS) as client:
                await client.call("profile")

        self.database = Probe(database, OWN_SECONDS)
        self.scheduler = Probe(scheduler, OWN_SECONDS)
        self.portal = Probe(portal, PORTAL_SECONDS, PORTAL_AWAY_SECONDS)


async def _found(look: Awaitable[None]) -> str:
    try:
        await asyncio.wait_for(look, PART_SECONDS)
    except TimeoutError:
        return f"no answer in {PART_SECONDS:.0f} s"
    except (BitrixError, WebhookUrlError) as error:
        return str(error)
    except Exception as error:  # whatever is wrong with a part is what this call is for
        return f"does not answer ({type(error).__name__})"
    return "ok"
