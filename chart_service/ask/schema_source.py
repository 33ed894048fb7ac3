"""The schema as the model is told of it, read anew only when the views or the dictionaries have changed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chart_service.query import DataVersions, Versions
from warehouse.database import Database
from warehouse.schema_docs.catalog import Catalog, read_catalog
from warehouse.schema_docs.prompt import prompt_text

_DICTIONARIES = ("statuses", "pipelines", "currencies", "field_options")
"""Tables whose rows are settings of the portal: their labels are part of the schema."""


@dataclass(frozen=True, slots=True)
class KnownSchema:
    """The catalogue, its short form for the model, and the currency that amounts are converted to."""

    catalog: Catalog
    text: str
    base_currency: str | None


class SchemaSource:
    """Keeps the last schema. One reading at a time, off the event loop."""

    def __init__(self, database: Database, versions: DataVersions) -> None:
        self._database = database
        self._versions = versions
        self._reading = asyncio.Lock()
        self._known: tuple[str, KnownSchema] | None = None

    async def current(self) -> KnownSchema:
        """The schema as it is now. Raises ``DatabaseError``, ``OperationalError`` or ``PoolTimeout``."""
        state = _state(await self._versions.now())
        async with self._reading:
            if self._known is None or self._known[0] != state:
                self._known = state, await asyncio.to_thread(self._read)
            return self._known[1]

    def _read(self) -> KnownSchema:
        with self._database.connect("charts", autocommit=True) as conn:
            catalog = read_catalog(conn)
            base = None
            if catalog.table("currencies"):
                row = conn.execute("SELECT currency FROM crm.currencies WHERE base ORDER BY sort LIMIT 1").fetchone()
                base = str(row[0]) if row else None
        return KnownSchema(catalog, prompt_text(catalog), base)


def _state(versions: Versions) -> str:
    return versions.of_tables(_DICTIONARIES)
