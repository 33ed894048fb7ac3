"""Links that show one dashboard to whoever has them: signed, until a day, with locked filters, perhaps a password."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from chart_service.embedding.secret import SigningKeys
from webhook_api.errors import ApiError

Connection = AsyncConnection[Any]

ALGORITHM = "HS256"
VISIT_SECONDS = 12 * 3600
"""How long who opened a link may look at it without opening it again."""
_LINK, _VISIT = "share link", "visit of a share link"
VISIT_TYPE = "link"


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A link. ``filters`` are locked: they hold whatever the viewer chooses."""

    id: UUID
    dashboard_id: int
    label: str
    filters: dict[str, Any]
    password_hash: str | None
    expires_at: datetime
    created_by: str | None
    created_at: datetime
    revoked_at: datetime | None


async def make(
    conn: Connection,
    dashboard_id: int,
    *,
    label: str,
    filters: dict[str, Any],
    password_hash: str | None,
    expires_at: datetime,
    by: str | None,
) -> ShareLink:
    """Keep a new link of a dashboard that exists."""
    async with conn.cursor(row_factory=class_row(ShareLink)) as cursor:
        await cursor.execute(
            "INSERT INTO app.share_links (dashboard_id, label, filters, password_hash, expires_at, created_by)"
            " VALUES (%s, %s, %s, %s, %s, %s) RETURNING *",
            (dashboard_id, label, Jsonb(filters), password_hash, expires_at, by),
        )
        link = await cursor.fetchone()
    assert link is not None  # noqa: S101  INSERT … RETURNING answers a row
    return link


async def of_dashboard(conn: Connection, dashboard_id: int) -> list[ShareLink]:
    """The links of a dashboard that were not revoked, the newest first."""
    async with conn.cursor(row_factory=class_row(ShareLink)) as cursor:
        await cursor.execute(
            "SELECT * FROM app.share_links WHERE dashboard_id = %s AND revoked_at IS NULL ORDER BY created_at DESC, id",
            (dashboard_id,),
        )
        return await cursor.fetchall()


async def revoke(conn: Connection, dashboard_id: int, link_id: UUID) -> bool:
    """Make a link worthless at once, for those who look at it too. False: there is none."""
    changed = await conn.execute(
        "UPDATE app.share_links SET revoked_at = now() WHERE id = %s AND dashboard_id = %s AND revoked_at IS NULL",
        (link_id, dashboard_id),
    )
    return changed.rowcount > 0


async def open_link(conn: Connection, link_id: str) -> ShareLink:
    """The link, if it is still good. Raises ``ApiError`` 410."""
    async with conn.cursor(row_factory=class_row(ShareLink)) as cursor:
        await cursor.execute(
            "SELECT * FROM app.share_links WHERE id::text = %s AND revoked_at IS NULL AND expires_at > now()",
            (link_id,),
        )
        link = await cursor.fetchone()
    if link is None:
        raise gone()
    return link


async def token_of(link: ShareLink, keys: SigningKeys) -> str:
    """The signed text that stands in the link's address; the same each time."""
    claims = {"link": str(link.id), "exp": int(link.expires_at.timestamp()), "aud": _LINK}
    return jwt.encode(claims, await keys.of(_LINK), algorithm=ALGORITHM)


async def link_id_of(token: str, keys: SigningKeys) -> str:
    """The link that an address means. Raises ``ApiError`` 410 for an address that is not, or no longer, good."""
    return str((await _claims(token, _LINK, keys))["link"])


async def visit_token(link: ShareLink, keys: SigningKeys) -> str:
    """What the page of a link sends with its requests."""
    now = time.time()
    until = min(now + VISIT_SECONDS, link.expires_at.timestamp())
    claims = {"link": str(link.id), "iat": now, "exp": int(until), "aud": _VISIT, "type": VISIT_TYPE}
    return jwt.encode(claims, await keys.of(_VISIT), algorithm=ALGORITHM)


async def visited_link_id(token: str, keys: SigningKeys) -> str:
    """The link whose page sent this. Raises ``ApiError`` 401."""
    try:
        return str((await _claims(token, _VISIT, keys))["link"])
    except ApiError:
        raise ApiError(401, "visit_over", "The link was opened too long ago. Open it again.") from None


def gone() -> ApiError:
    """The link is not, or no longer, good; which of both is not told."""
    return ApiError(410, "link_gone", "This link is not valid, or no longer. Ask whoever sent it for a new one.")


async def _claims(token: str, purpose: str, keys: SigningKeys) -> dict[str, Any]:
    options: Any = {"require": ["exp", "aud"]}
    try:
        claims: dict[str, Any] = jwt.decode(
            token, await keys.of(purpose), algorithms=[ALGORITHM], audience=purpose, options=options
        )
    except (jwt.PyJWTError, ValueError):
        raise gone() from None
    if not isinstance(claims.get("link"), str):
        raise gone()
    return claims
