"""What one sync has taken from the queue of events, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection

from psycopg import Connection

from warehouse.events import OF_FIELDS, Picked, finish, given_up, pick, retry, tidy

AT_ONCE = 10_000
"""Records that one sync takes: four batch requests."""


class EventRows:
    """The rows of the queue that belong to one sync of one entity."""

    def __init__(self, entity: str, run_id: str | None) -> None:
        self._entity = entity
        self._run_id = run_id
        self._picked: list[Picked] = []
        self._held_back: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._picked)

    @property
    def ids(self) -> set[int]:
        """The ids of the records to read."""
        return {row.row_id for row in self._picked} - {OF_FIELDS}

    def pick(self, conn: Connection) -> None:
        """Take what is due, and commit. The caller holds the entity's lock."""
        self._picked = pick(conn, self._entity, self._run_id, AT_ONCE)
        conn.commit()

    def hold_back(self, ids: Collection[int], reason: str) -> None:
        """These could not be handled: they are tried again later, and given up in the end with this reason."""
        self._held_back |= dict.fromkeys(ids, reason)

    def close(self, conn: Connection, *, full: bool) -> int:
        """The sync has succeeded; in its last transaction. Returns how many records of the entity are given up.

        A full sync has read those too that were given up before.
        """
        handled = [row for row in self._picked if row.row_id not in self._held_back]
        if handled:
            finish(conn, self._entity, handled)
        for reason in set(self._held_back.values()):
            retry(
                conn, self._entity, [row for row in self._picked if self._held_back.get(row.row_id) == reason], reason
            )
        if full:
            tidy(conn, self._entity)
        return given_up(conn, self._entity)

    def put_back(self, conn: Connection, reason: str) -> int:
        """The sync has failed; returns how many records are given up by that. The caller commits."""
        return retry(conn, self._entity, self._picked, reason) if self._picked else 0
