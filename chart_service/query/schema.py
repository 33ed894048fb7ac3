"""What is known of the ``crm`` views at one moment: columns, the tables behind them, the state of their data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime


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
    """One look: the version and the last sync of each mirror table, and the views' definitions.

    ``mark``: set where the rows may be older than that, on a replica; it makes the version unlike any other.
    """

    schema: CrmSchema
    by_table: Mapping[str, str]
    synced: Mapping[str, datetime]
    mark: str = ""

    def of_tables(self, tables: Iterable[str]) -> str:
        """The state of these mirror tables, short; the views' definitions are part of it."""
        words = [
            self.mark,
            self.schema.hash,
            *(f"{table}:{self.by_table.get(table, '')}" for table in sorted(set(tables))),
        ]
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]

    def of(self, views: Iterable[str]) -> str:
        """The state of all that these views may read, tables behind labels included."""
        return self.of_tables(table for view in views for table in self.schema.behind.get(view, ()))

    def as_of(self, views: Iterable[str]) -> datetime | None:
        """When the view that was synced longest ago was synced; None when one of them never was, or nobody knows."""
        if self.mark:
            return None
        times = [self.synced.get(view) for view in views]  # a view has the name of its table
        known = [when for when in times if when is not None]
        return min(known) if known and len(known) == len(times) else None
