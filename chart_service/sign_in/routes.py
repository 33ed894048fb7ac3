"""``POST /sign-in`` and ``POST /sign-out``: for the form of the page, and for scripts that want JSON."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from chart_service.embedding.public_url import public_url
from chart_service.services import Services, ServicesOf
from chart_service.sign_in.sessions import COOKIE, DAYS
from webhook_api.errors import ApiError, error_shapes

router = APIRouter(tags=["sign-in"])


@router.post("/sign-in", response_model=None, responses=error_shapes(_401="wrong, or not confirmed", _429="too often"))
async def sign_in(
    request: Request,
    services: ServicesOf,
    email: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Sign in with e-mail and password. A form is sent on to `next`, or back to the page with `?error=<code>`."""
    target = local_path(next)
    wants_json = _wants_json(request)
    try:
        cookie = await services.sessions.open(await services.supabase.with_password(email.strip(), password))
    except ApiError as error:
        if wants_json:
            raise
        query = urlencode({"error": error.code, **({"next": target} if target != "/" else {})})
        return RedirectResponse(f"/sign-in?{query}", 303)
    response = JSONResponse({"next": target}) if wants_json else RedirectResponse(target, 303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=DAYS * 24 * 3600,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_https(request, services),
    )
    return response


@router.post("/sign-out", response_model=None)
async def sign_out(request: Request, services: ServicesOf) -> Response:
    """End the session of this browser."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        await services.sessions.end(cookie)
    response = Response(status_code=204) if _wants_json(request) else RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=_is_https(request, services))
    return response


def local_path(text: str) -> str:
    """The path if it is one of ours, else the home page: nobody is sent on to another site."""
    parts = urlsplit(text) if text.isprintable() and "\\" not in text else None
    if parts is None or parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _is_https(request: Request, services: Services) -> bool:
    return public_url(request, services.settings).startswith("https://")
