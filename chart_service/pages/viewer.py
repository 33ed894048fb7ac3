"""Who may look at a page; where not, a page that says so, never JSON."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ExceptionHandler

from chart_service.pages.rendering import AnyPage, Page, Reader, page_of
from chart_service.services import ServicesOf
from webhook_api.auth import bearer, signed_in
from webhook_api.errors import ApiError


async def viewed(page: AnyPage, request: Request, services: ServicesOf) -> Page:
    """The page, for somebody who may see it. Raises ``ApiError`` as the API does."""
    claims = await signed_in(request, services, await bearer(request))
    page.reader = Reader(claims.get("email") or claims.get("sub"), getattr(request.state, "csrf", None))
    return page


PageOf = Annotated[Page, Depends(viewed)]
"""A page for people who have signed in, or for this machine where nobody signs in."""

SIGN_IN = "/sign-in"
TITLES = {401: "error_sign_in", 403: "error_forbidden", 404: "error_not_found", 503: "error_away"}


def add_page_errors(app: FastAPI) -> None:
    """Answer a browser that went to an address with a page where the API would answer with JSON."""
    for kind in (ApiError, HTTPException):
        app.add_exception_handler(kind, _or_page(app.exception_handlers[kind]))


def _or_page(otherwise: ExceptionHandler) -> ExceptionHandler:
    async def handler(request: Request, error: Exception) -> Response:
        if is_visit(request):
            return error_page(request, error)
        answer = otherwise(request, error)  # type: ignore[arg-type]
        return await answer  # type: ignore[misc, no-any-return]

    return handler


def is_visit(request: Request) -> bool:
    """Whether a browser goes to an address, as opposed to a program that calls the API."""
    wants_page = "text/html" in request.headers.get("accept", "")
    return request.method in ("GET", "HEAD") and wants_page and not request.url.path.startswith(("/api/", "/static/"))


def error_page(request: Request, error: Exception) -> Response:
    """The page that says what went wrong and where to go from here; for who has not signed in, the way to do so."""
    status = error.status if isinstance(error, ApiError) else getattr(error, "status_code", 500)
    if status == 401 and request.url.path != SIGN_IN:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': wanted})}", 303)
    detail = str(error) if isinstance(error, ApiError) else ""
    title = TITLES.get(status, "error_other")
    return page_of(request).render("error.html", status=status, title_key=f"shell.{title}", detail=detail)
