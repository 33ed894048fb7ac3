"""Guest tokens: what one viewer may see, signed. Claims and algorithm are Superset's, so hosts may sign their own."""

from __future__ import annotations

import math
import time
from typing import Annotated, Any

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chart_service.embedding.errors import bad_token
from webhook_api.errors import ApiError

ALGORITHM = "HS256"
SECONDS = 300
LEEWAY_SECONDS = 5
MOST_RULES, MOST_RESOURCES = 100, 100


class _Open(BaseModel):
    """Keys that we do not know are ignored, as Superset does."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class GuestUser(_Open):
    """Who looks, as the host tells it. Only for the records; nothing is decided by it."""

    username: Annotated[str, Field(max_length=200)] | None = None
    first_name: Annotated[str, Field(max_length=200)] | None = None
    last_name: Annotated[str, Field(max_length=200)] | None = None


class Resource(_Open):
    """A dashboard: the uuid of its embed, or its own id or uuid."""

    type: str = Field(max_length=40)
    id: Annotated[str, Field(max_length=100)] | int

    def names(self, *ids: object) -> bool:
        """Whether it is the dashboard that has one of these ids."""
        return self.type == "dashboard" and str(self.id).lower() in {str(known).lower() for known in ids}


class Rule(_Open):
    """A condition that every row has to meet. ``dataset``: the number or name of the one view it is for."""

    clause: str = Field(max_length=4000)
    dataset: Annotated[str, Field(max_length=100)] | int | None = None


class GuestRequest(_Open):
    """What a host's backend asks a token for."""

    user: GuestUser = GuestUser()
    resources: Annotated[list[Resource], Field(max_length=MOST_RESOURCES)]
    rls: Annotated[list[Rule], Field(max_length=MOST_RULES)]


class GuestClaims(_Open):
    """What a valid token says. ``iat`` and ``exp`` in seconds since 1970."""

    user: GuestUser
    resources: Annotated[list[Resource], Field(max_length=MOST_RESOURCES)]
    rls_rules: Annotated[list[Rule], Field(max_length=MOST_RULES)]
    iat: float
    exp: float
    type: str


def sign(request: GuestRequest, *, key: str, audience: str, now: float | None = None) -> str:
    """A token of ``SECONDS`` seconds for what was asked."""
    issued = time.time() if now is None else now
    claims: dict[str, Any] = {
        "user": request.user.model_dump(exclude_none=True),
        "resources": [resource.model_dump() for resource in request.resources],
        "rls_rules": [rule.model_dump(exclude_none=True) for rule in request.rls],
        "iat": issued,  # with its fraction, so that what is revoked and issued within a second is told apart
        "exp": math.ceil(issued + SECONDS),
        "aud": audience,
        "type": "guest",
    }
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def read(token: str, *, key: str, audience: str) -> GuestClaims:
    """The claims of a valid token. Raises ``ApiError`` 401 for any other."""
    options: Any = {"require": ["exp", "iat", "aud"]}
    try:
        claims = jwt.decode(
            token, key, algorithms=[ALGORITHM], audience=audience, leeway=LEEWAY_SECONDS, options=options
        )
        found = GuestClaims.model_validate(claims)
    except jwt.ExpiredSignatureError:
        raise ApiError(401, "token_expired", "The guest token has expired. The host gets a new one.") from None
    except (jwt.PyJWTError, ValidationError, ValueError):
        raise bad_token() from None
    if found.type != "guest":
        raise bad_token()
    return found
