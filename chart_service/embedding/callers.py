"""Who may call the routes that have Superset's shapes: the service account, or whoever may call everything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials

from chart_service.embedding.errors import SupersetError
from chart_service.embedding.service_account import ServiceAccount, is_service_token
from chart_service.embedding.throttle import Throttle
from chart_service.services import ServicesOf
from webhook_api.auth import bearer, signed_in
from webhook_api.errors import ApiError


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; ``name`` is None where nobody signs in."""

    name: str | None


def _service_account(services: ServicesOf) -> ServiceAccount:
    return ServiceAccount(services.settings, services.signing, Throttle(services.pool))


ServiceAccountOf = Annotated[ServiceAccount, Depends(_service_account)]
"""The account of hosts' backends."""


async def _caller(
    request: Request,
    services: ServicesOf,
    account: ServiceAccountOf,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None,
) -> Caller:
    if credentials is not None and is_service_token(credentials.credentials):
        await account.check(credentials.credentials, "access")
        return Caller(account.name)
    try:
        claims = await signed_in(request, services, credentials)
    except ApiError as error:
        raise SupersetError.of(error) from None
    return Caller(claims.get("email") or claims.get("sub"))


CallerOf = Annotated[Caller, Depends(_caller)]
"""Somebody who may hand out guest tokens."""
