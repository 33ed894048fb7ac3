"""``GET /health``: whether everything that a sync needs is there, for load balancers and people."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from bitrix.client import PortalClient
from bitrix.errors import BitrixError
from bitrix.webhook_url import WebhookUrl, WebhookUrlError
from warehouse.settings import Settings
from webhook_api.auth import auth_mode
from webhook_api.services import Services, ServicesOf

PART_SECONDS = 3.0
PORTAL_SECONDS = 60.0
"""How long an answer of the portal is believed: asking costs a request of its rate limit."""

router = APIRouter(tags=["health"])


class Scheduler(BaseModel):
    """Dagster's daemon, which runs schedules and sensors."""

    running: bool


class Health(BaseModel):
    """``unhealthy`` comes with status 503 and the names of the parts that fail."""

    status: Literal["healthy", "unhealthy"]
    version: str
    scheduler: Scheduler
    database: str = Field(examples=["ok"])
    portal: str = Field(examples=["ok"])
    auth: Literal["supabase", "off"]
    failing: list[str] = Field(default=[], examples=[["database"]])


@router.get("/health", summary="Is everything there", responses={503: {"model": Health, "description": "A part fails"}})
async def health(services: ServicesOf, response: Response) -> Health:
    """Needs no sign-in and tells no secrets. Answers within a few seconds whatever is away."""
    parts = await asyncio.gather(_part(_database(services)), _part(_scheduler(services)), _portal(services))
    database, scheduler, portal = parts
    named = {"database": database, "scheduler": scheduler, "portal": portal}
    failing = [name for name, state in named.items() if state != "ok"]
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


class PortalProbe:
    """Asks the portal who we are, at most once in :data:`PORTAL_SECONDS`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = ""
        self._at = float("-inf")
        self._asking = asyncio.Lock()

    async def state(self) -> str:
        """``ok``, or what is wrong."""
        async with self._asking:
            if time.monotonic() - self._at > PORTAL_SECONDS:
                self._state = await _part(self._ask())
                self._at = time.monotonic()
            return self._state

    async def _ask(self) -> None:
        given = self._settings.bitrix_webhook_url
        if given is None:
            raise WebhookUrlError("BITRIX_WEBHOOK_URL is not set")
        async with PortalClient(WebhookUrl.parse(given.get_secret_value()), timeout=PART_SECONDS) as client:
            await client.call("profile")


async def _part(check: Awaitable[None]) -> str:
    try:
        await asyncio.wait_for(check, PART_SECONDS)
    except TimeoutError:
        return f"no answer in {PART_SECONDS:.0f} s"
    except (BitrixError, WebhookUrlError) as error:
        return str(error)
    except Exception as error:  # whatever is wrong with a part is what this call is for
        return f"does not answer ({type(error).__name__})"
    return "ok"


async def _database(services: Services) -> None:
    async with services.pool.connection(timeout=PART_SECONDS) as connection:
        await connection.execute("SELECT 1")


async def _scheduler(services: Services) -> None:
    if not await asyncio.to_thread(services.dagster.daemon_healthy):
        raise RuntimeError("a daemon of Dagster is not running")


async def _portal(services: Services) -> str:
    return await services.portal.state()
