"""Who looks at a dashboard: somebody who signed in, or a guest, whom an embedding host or a link lets see one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials

from chart_service.embedding import embeds, guest_tokens, links
from chart_service.embedding.datasets import view_of
from chart_service.embedding.embeds import Embed
from chart_service.embedding.guest_tokens import GuestClaims, Rule
from chart_service.services import Services, ServicesOf
from webhook_api.auth import GUEST_HEADER, bearer, signed_in
from webhook_api.errors import ApiError
from webhook_api.pool import transaction


@dataclass(frozen=True, slots=True)
class GuestRule:
    """A condition that rows have to meet. ``view``: the one view it is for, or None for all that a chart reads."""

    clause: str
    view: str | None = None


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who may see one dashboard. ``locked``: filters that hold whatever they choose."""

    dashboard_id: int
    name: str | None = None
    rules: tuple[GuestRule, ...] = ()
    locked: Mapping[str, Any] = field(default_factory=dict)
    allow_export: bool = True
    allow_rows: bool = False


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who calls. ``guest`` is None for somebody who signed in, who may see everything."""

    name: str | None
    guest: Guest | None = None

    def check_export(self) -> None:
        """Raise ``ApiError`` 403 for a guest who may not download data."""
        if self.guest is not None and not self.guest.allow_export:
            raise ApiError(403, "no_export", "Downloads are switched off for this embedded dashboard.")

    def check_rows(self) -> None:
        """Raise ``ApiError`` 403 for a guest who may not see single rows."""
        if self.guest is not None and not self.guest.allow_rows:
            raise ApiError(403, "no_rows", "The rows behind a chart are not shown on this embedded dashboard.")


async def _viewer(
    request: Request,
    services: ServicesOf,
    dashboard_id: int,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None,
) -> Viewer:
    token = request.headers.get(GUEST_HEADER)
    if token is None:
        claims = await signed_in(request, services, credentials)
        return Viewer(claims.get("email") or claims.get("sub"))
    guest = await guest_of(services, token)
    if isinstance(guest, GuestClaims):
        embedded = await _embedded(services, guest, dashboard_id)
        guest = _from_host(guest, embedded)
    if guest.dashboard_id != dashboard_id:
        raise not_in_token()
    return Viewer(guest.name, guest)


ViewerOf = Annotated[Viewer, Depends(_viewer)]
"""Who calls a route of one dashboard, ``dashboard_id`` in its path: checked that they may see it."""


async def guest_of(services: Services, token: str) -> Guest | GuestClaims:
    """Whom a token is of: the visitor of a link, or what a host signed. Raises ``ApiError`` 401."""
    if _unverified_type(token) == links.VISIT_TYPE:
        link_id = await links.visited_link_id(token, services.signing)
        async with transaction(services.pool) as connection:
            try:
                link = await links.open_link(connection, link_id)
            except ApiError as error:
                raise ApiError(401, error.code, str(error)) from None
        return Guest(link.dashboard_id, locked=link.filters)
    key = await services.signing.guest()
    return guest_tokens.read(token, key=key, audience=services.settings.embed_audience)


async def embedded_guest(services: Services, token: str, embed: Embed) -> Guest:
    """The guest of this embed. Raises ``ApiError`` 401, 403."""
    claims = await guest_of(services, token)
    if isinstance(claims, Guest):
        raise not_in_token()
    return _from_host(claims, embed)


def _from_host(claims: GuestClaims, embed: Embed | None) -> Guest:
    if embed is None or not any(
        resource.names(embed.uuid, embed.dashboard_uuid, embed.dashboard_id) for resource in claims.resources
    ):
        raise not_in_token()
    if embed.revoked_before is not None and claims.iat <= embed.revoked_before.timestamp():
        raise ApiError(401, "token_revoked", "This guest token was revoked. The host gets a new one.")
    return Guest(
        embed.dashboard_id,
        claims.user.username,
        tuple(_rule(rule) for rule in claims.rls_rules),
        allow_export=embed.allow_export,
        allow_rows=embed.allow_rows,
    )


def _rule(rule: Rule) -> GuestRule:
    if rule.dataset is None:
        return GuestRule(rule.clause)
    view = view_of(rule.dataset)
    if view is None:
        raise ApiError(403, "bad_rule", "The guest token has a rule for a data set that does not exist.")
    return GuestRule(rule.clause, view)


async def _embedded(services: Services, claims: GuestClaims, dashboard_id: int) -> Embed | None:
    async with transaction(services.pool) as connection:
        return await embeds.of_dashboard(connection, dashboard_id)


def _unverified_type(token: str) -> object:
    try:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return None
    return claims.get("type")


def not_in_token() -> ApiError:
    """The token is for another dashboard, or for one that may not be embedded any more."""
    return ApiError(403, "not_in_token", "This guest token is not for this dashboard.")
