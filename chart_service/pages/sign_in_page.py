"""The page that people sign in on; ``chart_service.sign_in`` takes its form, and sends back here what went wrong."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from chart_service.pages.rendering import AnyPage
from chart_service.pages.texts import section
from chart_service.services import Services, ServicesOf
from chart_service.sign_in.routes import local_path
from webhook_api.auth import auth_mode, bearer, signed_in
from webhook_api.errors import ApiError

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
async def sign_in_page(
    page: AnyPage,
    request: Request,
    services: ServicesOf,
    error: Annotated[str, Query(max_length=100)] = "",
    next: Annotated[str, Query(max_length=2000)] = "/",
) -> Response:
    """The form; who has signed in already is sent on. ``error``: the code of what the last attempt failed with."""
    target = local_path(next)
    if not error and await _has_signed_in(request, services):
        return RedirectResponse(target, 303)
    known = f"error_{error}" in section("sign_in")
    return page.render(
        "sign_in.html",
        target=target,
        error=f"sign_in.error_{error if known else 'other'}" if error else None,
        needed=auth_mode(services.settings) != "off",
    )


async def _has_signed_in(request: Request, services: Services) -> bool:
    """Whether the session that the browser brought lets its owner in; a session that does not leads to the form."""
    if auth_mode(services.settings) == "off":
        return False
    try:
        await signed_in(request, services, await bearer(request))
    except ApiError:
        return False
    return True
