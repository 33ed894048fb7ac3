"""States of a dashboard under short keys: the same state has the same key."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from webhook_api.errors import ApiError

MOST = 2_000
"""Kept for each dashboard: anybody who sees it may make some, so the oldest go."""


async def keep(conn: AsyncConnection[Any], dashboard_id: int, state: dict[str, Any]) -> str:
    """Keep a state; answers its key."""
    text = json.dumps([dashboard_id, state], sort_keys=True, separators=(",", ":"))
    key = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()
    await conn.execute(
        """INSERT INTO app.permalinks (key, dashboard_id, state) VALUES (%s, %s, %s)
           ON CONFLICT (key) DO UPDATE SET made_at = now()""",
        (key, dashboard_id, Jsonb(state)),
    )
    await conn.execute(
        """DELETE FROM app.permalinks WHERE key IN (
               SELECT key FROM app.permalinks WHERE dashboard_id = %s ORDER BY made_at DESC OFFSET %s)""",
        (dashboard_id, MOST),
    )
    return key


async def find(conn: AsyncConnection[Any], dashboard_id: int, key: str) -> dict[str, Any]:
    """The state of a key. Raises ``ApiError`` 404."""
    row = await (
        await conn.execute(
            "SELECT state FROM app.permalinks WHERE key = %s AND dashboard_id = %s",
            (key.replace("\0", ""), dashboard_id),
        )
    ).fetchone()
    if row is None:
        raise ApiError(404, "no_such_permalink", "There is no such permalink. It may be too old.")
    state: dict[str, Any] = row[0]
    return state
