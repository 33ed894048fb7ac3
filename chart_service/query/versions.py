"""Which state the data is in: it changes with every committed sync; until then what was computed may be kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable

from chart_service.query.flights import Flights
from chart_service.query.replica import Replica
from chart_service.query.schema import CrmSchema, Versions
from webhook_api.pool import ConnectionPool, transaction

FRESH_SECONDS = 1.0
"""For how long a look at the versions is believed: the longest time that a chart stays behind a sync."""

# A sync commits in units; the data version grows at its end. What is committed of one that runs, or has failed, counts.
_LOOK = """
SELECT 'table', t.table_name, concat_ws('+', coalesce(s.data_version, 0), u.changes), s.last_sync_at
FROM (SELECT DISTINCT table_name, entity FROM app.table_columns) t LEFT JOIN app.sync_state s USING (entity)
LEFT JOIN (
    SELECT entity, concat(count(*), ':', sum(inserted + updated + deleted)) AS changes FROM app.sync_logs
    WHERE status <> 'succeeded' AND inserted + updated + deleted > 0 GROUP BY entity) u USING (entity)
UNION ALL SELECT 'view', name, definition_hash, NULL FROM app.views"""

_COLUMNS = """
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'crm'::regnamespace AND c.relkind = 'v' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum"""

_BEHIND = """
SELECT DISTINCT v.relname::text, t.relname::text FROM pg_class v
JOIN pg_rewrite r ON r.ev_class = v.oid JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
WHERE v.relnamespace = 'crm'::regnamespace AND t.relnamespace = 'bitrix'::regnamespace"""


class DataVersions:
    """Reads the versions, at most once a second however many ask; of the data that charts read: see ``Replica``."""

    def __init__(self, pool: ConnectionPool, replica: Replica | None = None) -> None:
        self._pool = pool
        self._replica = replica
        self._flights: Flights[str, Versions] = Flights()
        self._last: Versions | None = None
        self._newest: Versions | None = None
        self._looked = float("-inf")

    async def now(self, *, fresh: bool = False) -> Versions:
        """The versions as they were at most ``FRESH_SECONDS`` ago; ``fresh``: not before this call.

        Raises ``PoolTimeout`` or ``OperationalError`` when the database does not answer.
        """
        if self._last is not None and not fresh and time.monotonic() - self._looked < FRESH_SECONDS:
            return self._last
        return await self._flights.join(f"look {time.monotonic()}" if fresh else "look", self._look)

    async def of(self, views: Iterable[str]) -> str:
        """The state of all that these views may read: see :meth:`Versions.of`."""
        return (await self.now()).of(views)

    async def _look(self) -> Versions:
        began = time.monotonic()
        async with transaction(self._pool) as connection:
            rows = await (await connection.execute(_LOOK)).fetchall()
            definitions = sorted((name, digest) for kind, name, digest, _ in rows if kind == "view")
            digest = hashlib.sha256(repr(definitions).encode()).hexdigest()
            newest = self._newest
            schema = newest.schema if newest is not None and newest.schema.hash == digest else None
            if schema is None:
                types: dict[str, dict[str, str]] = {}
                for view, column, pg_type in await (await connection.execute(_COLUMNS)).fetchall():
                    types.setdefault(view, {})[column] = pg_type
                behind: dict[str, set[str]] = {}
                for view, table in await (await connection.execute(_BEHIND)).fetchall():
                    behind.setdefault(view, set()).add(table)
                schema = CrmSchema(digest, types, {view: frozenset(tables) for view, tables in behind.items()})
            by_table = {name: version for kind, name, version, _ in rows if kind == "table"}
            synced = {name: when for kind, name, _, when in rows if kind == "table" and when is not None}
            found = self._newest = Versions(schema, by_table, synced)
            if self._replica is not None:
                found = await self._replica.arrived(connection, found)
        self._last, self._looked = found, began
        return found
