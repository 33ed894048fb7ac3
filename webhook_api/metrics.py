"""``GET /metrics``: figures of the sync and of this service for Prometheus."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from fastapi.responses import Response

from warehouse.metrics import FAMILIES, Family, exposition
from webhook_api.auth import SIGN_IN_ERRORS, Scraping
from webhook_api.measures import TEXT, PrometheusText
from webhook_api.pool import transaction
from webhook_api.services import ServicesOf

PARTS = Family(
    "b24_part_answers",
    "gauge",
    "Whether a part that syncs need is well: 1, or 0. scheduler: Dagster's daemon; portal is asked once a minute.",
    ("part",),
    query="",  # from the probes of /health
)

router = APIRouter(tags=["health"], responses=SIGN_IN_ERRORS)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {TEXT: {"schema": {"type": "string"}}}}},
)
async def metrics(services: ServicesOf, scraper: Scraping) -> PrometheusText:
    """Syncs, rows, requests, waits, ages and sizes by entity, the same from every replica; and the requests that this
    process answered. Prometheus sends METRICS_TOKEN as its bearer token."""
    given = {"default_minutes": services.settings.sync_default_interval_minutes}
    async with transaction(services.pool) as connection:
        found = [(family, await (await connection.execute(family.query, given)).fetchall()) for family in FAMILIES]
    scheduler, portal = await asyncio.gather(services.probes.scheduler.state(), services.probes.portal.state())
    found.append((PARTS, [("scheduler", scheduler == "ok"), ("portal", portal == "ok")]))
    return PrometheusText(exposition(found) + services.measures.text())
