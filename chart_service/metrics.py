"""``GET /metrics``: what this process of the service counted, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from chart_service.services import ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, Scraping
from webhook_api.measures import TEXT, PrometheusText

router = APIRouter(tags=["health"], responses=SIGN_IN_ERRORS)


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {TEXT: {"schema": {"type": "string"}}}}},
)
async def metrics(services: ServicesOf, scraper: Scraping) -> PrometheusText:
    """Requests, refusals of the guard, statements and calls of the model, of this replica since its start. Prometheus
    sends METRICS_TOKEN as its bearer token."""
    return PrometheusText(services.measures.text())
