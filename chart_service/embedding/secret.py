"""What signs tokens: one secret of the installation, and keys made of it for each purpose."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from warehouse.settings import Settings
from webhook_api.pool import ConnectionPool, transaction

_NAME = "embed_secret"


class SigningKeys:
    """The keys. ``EMBED_SECRET`` where it is set, else a secret that is made once and kept in ``app.secrets``."""

    def __init__(self, settings: Settings, pool: ConnectionPool) -> None:
        given = settings.embed_secret
        self._secret = given.get_secret_value() if given else None
        self._pool = pool

    async def guest(self) -> str:
        """The key of guest tokens: the secret itself, since hosts may sign such tokens with it."""
        if self._secret is None:
            async with transaction(self._pool) as connection:
                await connection.execute(
                    "INSERT INTO app.secrets (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (_NAME, secrets.token_urlsafe(48)),
                )
                row = await (
                    await connection.execute("SELECT value FROM app.secrets WHERE name = %s", (_NAME,))
                ).fetchone()
            assert row is not None  # noqa: S101  it was stored above
            self._secret = str(row[0])
        return self._secret

    async def of(self, purpose: str) -> bytes:
        """The key of another purpose: a token of one is worth nothing for another."""
        return hmac.digest((await self.guest()).encode(), purpose.encode(), hashlib.sha256)
