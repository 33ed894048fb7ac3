"""``GET /metrics``: figures of the sync for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from warehouse.metrics import FAMILIES, exposition
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.pool import transaction
from webhook_api.services import ServicesOf

TEXT = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["health"], responses=SIGN_IN_ERRORS)


class _PrometheusText(PlainTextResponse):
    media_type = TEXT


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {TEXT: {"schema": {"type": "string"}}}}},
)
async def metrics(services: ServicesOf, user: SignedIn) -> _PrometheusText:
    """Syncs, rows, requests, waits, ages and sizes by entity. Give Prometheus the token of a signed-in user."""
    async with transaction(services.pool) as connection:
        found = [(family, await (await connection.execute(family.query)).fetchall()) for family in FAMILIES]
    return _PrometheusText(exposition(found))
