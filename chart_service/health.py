"""``GET /health``: whether the service can do its work, for load balancers."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response
from psycopg import Error
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field

from chart_service.services import ServicesOf
from webhook_api.pool import transaction

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """What is there and what is missing."""

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unavailable"]
    model: str | None = Field(description="The model that answers questions in words; null: no key is set.")


@router.get("/health", responses={503: {"model": Health, "description": "the database does not answer"}})
async def health(services: ServicesOf, response: Response) -> Health:
    """Whether charts can be drawn."""
    try:
        async with transaction(services.pool) as connection:
            await connection.execute("SELECT 1")
        there = True
    except (PoolTimeout, Error):
        there = False
        response.status_code = 503
    state: Literal["ok", "unavailable"] = "ok" if there else "unavailable"
    model = services.settings.openai_model if services.settings.openai_api_key else None
    return Health(status=state, database=state, model=model)
