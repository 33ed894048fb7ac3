"""The account of hosts' backends: logs in with ``EMBED_USERNAME`` and ``EMBED_PASSWORD``, may get guest tokens and set
up embedding, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from chart_service.embedding.errors import unauthorized
from chart_service.embedding.secret import SigningKeys
from chart_service.embedding.throttle import Throttle
from warehouse.settings import Settings
from webhook_api.auth import LEEWAY_SECONDS

ALGORITHM = "HS256"
AUDIENCE = "b24 service account"
Kind = Literal["access", "refresh"]
SECONDS: dict[Kind, int] = {"access": 15 * 60, "refresh": 24 * 3600}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The one account, if it is set up."""

    settings: Settings
    keys: SigningKeys
    throttle: Throttle

    async def log_in(self, username: str, password: str, host: str) -> None:
        """Return if this is the account. ``host``: who asks, for counting wrong passwords.

        Raises ``SupersetError`` 401, ``ApiError`` 429.
        """
        name, secret = self.settings.embed_username, self.settings.embed_password
        if not name or secret is None:
            raise unauthorized("No account can log in here. Set EMBED_USERNAME and EMBED_PASSWORD, and restart.")
        subject = f"service account from {host}"
        await self.throttle.attempt(subject)
        right = [_same(username, name), _same(password, secret.get_secret_value())]
        if not all(right):
            raise unauthorized("Wrong username or password.")
        await self.throttle.succeeded(subject)

    async def token(self, kind: Kind) -> str:
        """A token of this kind."""
        now = int(time.time())
        claims = {"aud": AUDIENCE, "type": kind, "iat": now, "exp": now + SECONDS[kind], "sub": self.name}
        return jwt.encode(claims, await self._key(), algorithm=ALGORITHM)

    async def check(self, token: str, kind: Kind) -> None:
        """Return if the token is of this kind. Raises ``SupersetError`` 401."""
        options: Any = {"require": ["exp", "aud", "type"]}
        try:
            claims = jwt.decode(
                token,
                await self._key(),
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                leeway=LEEWAY_SECONDS,
                options=options,
            )
        except jwt.ExpiredSignatureError:
            raise unauthorized("The token has expired. Log in again.") from None
        except (jwt.PyJWTError, ValueError):
            raise unauthorized("The token is not valid. Log in again.") from None
        if claims["type"] != kind:
            raise unauthorized(f"This is not a token for {kind}.")

    @property
    def name(self) -> str:
        """The account's name; empty where there is none."""
        return self.settings.embed_username or ""

    async def _key(self) -> bytes:
        """A key of its own: a changed name or password makes every token worthless."""
        secret = self.settings.embed_password
        account = f"{self.name}\0{secret.get_secret_value() if secret else ''}"
        return hmac.digest(await self.keys.of("service account"), account.encode(), hashlib.sha256)


def is_service_token(token: str) -> bool:
    """Whether a token says of itself that it is of the service account; nothing is checked."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        return False
    return claims.get("aud") == AUDIENCE


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
