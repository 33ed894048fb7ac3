"""Which state the data is in: it changes with every committed sync; until then what was computed may be kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chart_service.query.flights import Flights
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


@dataclass(frozen=True, slots=True)
class CrmSchema:
    """The ``crm`` views as they are now: columns with their PostgreSQL types, the mirror tables behind each view."""

    hash: str
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    behind: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """Names of columns by view, as the guard wants them."""
        return {view: tuple(types) for view, types in self.types.items()}


@dataclass(frozen=True, slots=True)
class Versions:
    """One look: the version and the last sync of each mirror table, and the views' definitions."""

    schema: CrmSchema
    by_table: Mapping[str, str]
    synced: Mapping[str, datetime]

    def of_tables(self, tables: Iterable[str]) -> str:
        """The state of these mirror tables, short; the views' definitions are part of it."""
        words = [self.schema.hash, *(f"{table}:{self.by_table.get(table, '')}" for table in sorted(set(tables)))]
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]

    def of(self, views: Iterable[str]) -> str:
        """The state of all that these views may read, tables behind labels included."""
        return self.of_tables(table for view in views for table in self.schema.behind.get(view, ()))

    def as_of(self, views: Iterable[str]) -> datetime | None:
        """When the view that was synced longest ago was synced; None when one of them never was."""
        times = [self.synced.get(view) for view in views]  # a view has the name of its table
        known = [when for when in times if when is not None]
        return min(known) if known and len(known) == len(times) else None


class DataVersions:
    """Reads the versions, at most once a second however many ask."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._flights: Flights[str, Versions] = Flights()
        self._last: Versions | None = None
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
            schema = self._last.schema if self._last is not None and self._last.schema.hash == digest else None
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
        self._last, self._looked = Versions(schema, by_table, synced), began
        return self._last
