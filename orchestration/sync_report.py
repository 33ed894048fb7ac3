"""What a sync is asked for, and what it says it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bitrix.entities import Entity
from orchestration.deletion_guard import DELETION_LIMIT
from warehouse.columns import Column
from warehouse.journal import Comparison, SyncState
from warehouse.load import Merge
from warehouse.schema_changes import SchemaChange

SyncType = Literal["full", "incremental", "events"]
"""``full`` reads every row, ``incremental`` what changed since the watermark, ``events`` the rows that events named."""


class SyncBusyError(Exception):
    """Another sync of the entity did not end within the time that this one may wait."""


@dataclass(slots=True)
class SyncReport:
    """What one sync did. ``seconds`` is wall time, ``requests`` are HTTP requests to the portal.

    ``events_given_up`` counts the records that events named and that could not be read after many attempts. ``missed``
    rows came in only because a comparison with the portal found them missing. ``comparison`` is that of this sync or,
    for the rows that events named, the one of the sync before.
    """

    entity: str
    sync_type: SyncType
    counts: Merge = field(default_factory=Merge)
    requests: int = 0
    seconds: float = 0.0
    columns_added: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    without_column: tuple[str, ...] = ()
    table_locked: bool = False
    schema_changes: tuple[SchemaChange, ...] = ()
    views_changed: tuple[str, ...] = ()
    state: SyncState = field(default_factory=SyncState)
    events_given_up: int = 0
    expected: int | None = None
    retries: int = 0
    waited_seconds: float = 0.0
    resumed: bool = False
    missed: int = 0
    comparison: Comparison = field(default_factory=Comparison)
    counts_usable: bool | None = None

    @property
    def rows_per_second(self) -> float:
        """Rows fetched for each second of the whole sync."""
        return self.counts.fetched / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What is asked for: which entity, how, on whose behalf. ``wait_seconds`` bounds the wait for another sync.

    ``deletion_limit`` is the share of an entity's live rows that one sync may mark as deleted, unless the deletions are
    accepted.
    """

    entity: Entity
    sync_type: SyncType
    run_id: str | None = None
    trigger: str | None = None
    wait_seconds: float = 900.0
    deletion_limit: float = DELETION_LIMIT
    accept_deletions: bool = False
