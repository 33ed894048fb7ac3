"""Slows down whoever guesses passwords. Counted in the database: for all processes, over restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from webhook_api.errors import ApiError
from webhook_api.pool import ConnectionPool, transaction

FREE = 5
"""Wrong passwords that cost no time."""
LONGEST_SECONDS = 900
FORGOTTEN_HOURS = 24

# An attempt counts before it is checked, so that many at once are as slow as many after each other.
_COUNT = """
INSERT INTO app.attempts AS a (subject, failures, last_at) VALUES (%(subject)s, 1, clock_timestamp())
ON CONFLICT (subject) DO UPDATE SET last_at = clock_timestamp(), failures =
    CASE WHEN a.last_at < clock_timestamp() - make_interval(hours => %(hours)s) THEN 1 ELSE a.failures + 1 END
WHERE a.failures < %(free)s
    OR clock_timestamp() >= a.last_at
        + make_interval(secs => least(%(longest)s, 2.0 ^ least(a.failures - %(free)s, 30)))
RETURNING failures"""

_WAIT = """
SELECT extract(epoch FROM last_at - clock_timestamp()) + least(%(longest)s, 2.0 ^ least(failures - %(free)s, 30))
FROM app.attempts WHERE subject = %(subject)s"""


@dataclass(frozen=True, slots=True)
class Throttle:
    """Attempts at one thing: an account, a link."""

    pool: ConnectionPool

    async def attempt(self, subject: str) -> None:
        """Count an attempt. Raises ``ApiError`` 429 while it is too early for another."""
        given = {"subject": subject, "free": FREE, "longest": LONGEST_SECONDS, "hours": FORGOTTEN_HOURS}
        async with transaction(self.pool) as connection:
            if await (await connection.execute(_COUNT, given)).fetchone() is not None:
                return
            row = await (await connection.execute(_WAIT, given)).fetchone()
        seconds = max(1, math.ceil(row[0])) if row else 1
        raise ApiError(
            429,
            "too_many_attempts",
            f"Too many wrong passwords. Try again in {seconds} s.",
            {"Retry-After": str(seconds)},
        )

    async def succeeded(self, subject: str) -> None:
        """Forget what was counted, and what is long past."""
        async with transaction(self.pool) as connection:
            await connection.execute(
                "DELETE FROM app.attempts WHERE subject = %s OR last_at < now() - make_interval(hours => %s)",
                (subject, FORGOTTEN_HOURS),
            )
