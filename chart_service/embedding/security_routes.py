"""Superset's ``/api/v1/security``: what a host's backend calls to get a guest token."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chart_service.embedding import embeds, guest_tokens
from chart_service.embedding.callers import CallerOf, ServiceAccountOf
from chart_service.embedding.datasets import view_of
from chart_service.embedding.errors import SupersetError, unauthorized
from chart_service.embedding.guest_tokens import GuestRequest, Rule
from chart_service.embedding.guests import guest_of
from chart_service.embedding.rules import check_rule
from chart_service.services import ServicesOf
from webhook_api.auth import GUEST_HEADER, bearer
from webhook_api.errors import error_shapes
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["embedding"])

Body_ = TypeVar("Body_", bound=BaseModel)


class Login(BaseModel):
    """Name and password of the service account. ``provider`` is ignored: there is one kind of account."""

    model_config = ConfigDict(extra="ignore")

    username: str = Field(max_length=500)
    password: str = Field(max_length=1000)
    provider: str | None = None
    refresh: bool = False


class Tokens(BaseModel):
    """For the header ``Authorization: Bearer``, for a quarter of an hour. ``refresh_token`` where it was asked for."""

    access_token: str
    refresh_token: str | None = None


class GuestToken(BaseModel):
    """The guest token."""

    token: str


class Result(BaseModel):
    """Superset's envelope."""

    result: Any


@router.post(
    "/security/login",
    response_model_exclude_none=True,
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": Login.model_json_schema()}}}},
    responses=error_shapes(_400="the body has another shape", _401="wrong, or no account is set up", _429="too often"),
)
async def log_in(request: Request, account: ServiceAccountOf, body: Annotated[Any, Body()]) -> Tokens:
    """Log in as the account of `EMBED_USERNAME`."""
    login = parsed(Login, body)
    host = request.client.host if request.client else "?"
    await account.log_in(login.username, login.password, host)
    refresh = await account.token("refresh") if login.refresh else None
    return Tokens(access_token=await account.token("access"), refresh_token=refresh)


@router.post("/security/refresh", response_model_exclude_none=True, responses=error_shapes(_401="no refresh token"))
async def refresh(
    account: ServiceAccountOf, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Tokens:
    """A new access token for a refresh token."""
    if credentials is None:
        raise unauthorized("This call needs the header Authorization: Bearer <refresh token>.")
    await account.check(credentials.credentials, "refresh")
    return Tokens(access_token=await account.token("access"))


@router.get("/security/csrf_token/", responses=error_shapes(_401="nobody has signed in"))
async def csrf_token(request: Request, caller: CallerOf) -> Result:
    """What Superset's clients send as `X-CSRFToken`. Calls with a token in the header need none here."""
    return Result(result=getattr(request.state, "csrf", None) or secrets.token_urlsafe(24))


@router.post("/security/guest_token", include_in_schema=False)
@router.post(
    "/security/guest_token/",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": GuestRequest.model_json_schema()}}}},
    responses=error_shapes(
        _400="the body has another shape, names what is not there, or a rule is refused", _401="nobody has signed in"
    ),
)
async def guest_token(services: ServicesOf, caller: CallerOf, body: Annotated[Any, Body()]) -> GuestToken:
    """A token with which a browser may see the dashboards in `resources`, and of them the rows that pass `rls`."""
    asked = parsed(GuestRequest, body)
    async with transaction(services.pool) as connection:
        for resource in asked.resources:
            if resource.type != "dashboard" or await embeds.of_name(connection, str(resource.id)) is None:
                raise SupersetError(
                    400, "no_such_resource", f"There is no embedded {resource.type[:40]} with this id. Enable it first."
                )
    for rule in asked.rls:
        _check(rule)
    key = await services.signing.guest()
    return GuestToken(token=guest_tokens.sign(asked, key=key, audience=services.settings.embed_audience))


@router.get("/me/roles/", responses=error_shapes(_401="no guest token, or a bad one"))
async def my_roles(request: Request, services: ServicesOf) -> Result:
    """Who a guest token is of: what Superset's own page asks first."""
    guest = await guest_of(services, request.headers.get(GUEST_HEADER, ""))
    user = guest.user.model_dump() if isinstance(guest, guest_tokens.GuestClaims) else {"username": guest.name}
    return Result(result={**user, "isAnonymous": False, "roles": {"Guest": []}, "permissions": {}})


def _check(rule: Rule) -> None:
    view = None
    if rule.dataset is not None:
        view = view_of(rule.dataset)
        if view is None:
            raise SupersetError(
                400, "no_such_dataset", "A rule is for a data set that does not exist: GET /api/v1/dataset/ lists them."
            )
    problem = check_rule(rule.clause, view)
    if problem is not None:
        raise SupersetError(400, "bad_rule", problem)


def parsed(model: type[Body_], body: Any) -> Body_:
    """The body in this shape. Raises ``SupersetError`` 400, as Superset answers."""
    try:
        json.dumps(body, allow_nan=False).encode("utf-8", "strict")
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise SupersetError(400, "invalid_request", f"{where}: {first['msg']}") from None
    except ValueError:
        raise SupersetError(400, "invalid_request", "The body holds a number that is no number.") from None
