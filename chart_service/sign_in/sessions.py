"""Sessions of browsers. The cookie is a random text that is kept nowhere: the database has its hash, and the tokens
sealed with a key made of it, so neither a dump of the database nor a look into it lets anybody in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet
from psycopg import AsyncConnection

from chart_service.sign_in.supabase import RefusedTokens, SupabaseSignIn, SupabaseTokens
from webhook_api.pool import ConnectionPool, transaction

COOKIE = "b24_session"
DAYS = 30
"""How long a session lasts without a visit."""
EARLY_SECONDS = 60
"""How long before its end an access token is replaced."""

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Session:
    """A session: the access token of the person, and what their pages prove themselves with (``csrf``)."""

    access: str
    csrf: str
    name: str | None


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, pool: ConnectionPool, supabase: SupabaseSignIn) -> None:
        self._pool = pool
        self._supabase = supabase

    async def open(self, tokens: SupabaseTokens) -> str:
        """A new session; answers the cookie's value."""
        cookie = secrets.token_urlsafe(32)
        async with transaction(self._pool) as connection:
            await connection.execute("DELETE FROM app.sessions WHERE expires_at < now()")
            await connection.execute(
                """INSERT INTO app.sessions (id_hash, name, csrf, sealed, token_expires_at, expires_at)
                   VALUES (%s, %s, %s, %s, %s, %s)""",
                (_hash(cookie), tokens.name, secrets.token_urlsafe(24), *_sealed(cookie, tokens)),
            )
        return cookie

    async def find(self, cookie: str) -> Session | None:
        """The session of a cookie, its tokens replaced if they are about to end; None when it is over.

        Raises ``ApiError`` 503 when the tokens cannot be replaced because nobody answers.
        """
        query = (
            "SELECT csrf, name, sealed, token_expires_at FROM app.sessions WHERE id_hash = %s AND expires_at > now()"
        )
        async with transaction(self._pool) as connection:
            row = await (await connection.execute(query, (_hash(cookie),))).fetchone()
            if row is None:
                return None
            if not _is_ending(row[3]):
                return Session(_opened(cookie, row[2])["access"], row[0], row[1])
            # Supabase takes a refresh token once: of the requests of a page that come at once, one uses it.
            row = await (await connection.execute(query + " FOR UPDATE", (_hash(cookie),))).fetchone()
            if row is None:
                return None
            tokens = _opened(cookie, row[2])
            access = tokens["access"] if not _is_ending(row[3]) else await self._replace(connection, cookie, tokens)
        return None if access is None else Session(access, row[0], row[1])

    async def end(self, cookie: str) -> None:
        """Sign the person out of this session, here and at Supabase."""
        async with transaction(self._pool) as connection:
            row = await (
                await connection.execute(
                    "DELETE FROM app.sessions WHERE id_hash = %s RETURNING sealed", (_hash(cookie),)
                )
            ).fetchone()
        if row is not None:
            await self._supabase.sign_out(_opened(cookie, row[0])["access"])

    async def _replace(self, connection: Connection, cookie: str, tokens: dict[str, str]) -> str | None:
        try:
            new = await self._supabase.refreshed(tokens["refresh"])
        except RefusedTokens:
            await connection.execute("DELETE FROM app.sessions WHERE id_hash = %s", (_hash(cookie),))
            return None
        await connection.execute(
            "UPDATE app.sessions SET sealed = %s, token_expires_at = %s, expires_at = %s WHERE id_hash = %s",
            (*_sealed(cookie, new), _hash(cookie)),
        )
        return new.access


def _is_ending(moment: datetime) -> bool:
    return moment.timestamp() < time.time() + EARLY_SECONDS


def _sealed(cookie: str, tokens: SupabaseTokens) -> tuple[bytes, datetime, datetime]:
    """The tokens as they are kept, when the access token ends, and when the session does."""
    content = json.dumps({"access": tokens.access, "refresh": tokens.refresh}).encode()
    expires_at = datetime.fromtimestamp(tokens.expires_at, UTC)
    return _cipher(cookie).encrypt(content), expires_at, datetime.now(UTC) + timedelta(days=DAYS)


def _opened(cookie: str, sealed: bytes) -> dict[str, str]:
    tokens: dict[str, str] = json.loads(_cipher(cookie).decrypt(bytes(sealed)))
    return tokens


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(b"b24 session id\0" + cookie.encode(errors="surrogatepass")).digest()


def _cipher(cookie: str) -> Fernet:
    key = hmac.digest(cookie.encode(errors="surrogatepass"), b"b24 session tokens", hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))
