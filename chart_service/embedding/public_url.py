"""Under which address people reach the service."""

from __future__ import annotations

from fastapi import Request

from chart_service.embedding.origins import origin_of
from warehouse.settings import Settings


def public_url(request: Request, settings: Settings) -> str:
    """The address without a slash at its end: ``CHART_PUBLIC_URL``, else that of this request."""
    return settings.chart_public_url or str(request.base_url).rstrip("/")


def is_same_origin(request: Request, settings: Settings) -> bool:
    """Whether a page of ours sent this request, as far as the browser tells; programs tell nothing, and pass.

    Browsers send ``Origin`` with every unsafe request, and to https and this machine ``Sec-Fetch-Site`` with every one.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None:
        return site in (None, "same-origin", "none")
    if origin == "null":  # a page that keeps its address to itself, or one in a sandbox
        return site == "same-origin"
    return origin_of(origin) in (origin_of(public_url(request, settings)), origin_of(str(request.base_url)))
