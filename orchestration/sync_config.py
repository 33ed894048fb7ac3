"""Run configuration of a sync, the same for an asset and for a job."""

from __future__ import annotations

from enum import Enum

import dagster as dg
from pydantic import Field


class SyncKind(Enum):
    """How a sync reads the portal."""

    full = "full"
    incremental = "incremental"
    events = "events"


class SyncConfig(dg.Config):
    """``{"sync_type": …}``, the same for all syncs. An entity that was never synced is always synced in full."""

    sync_type: SyncKind = Field(
        default=SyncKind.incremental,
        description="full reads every row again; incremental reads what changed since the last sync; events reads the "
        "rows that the portal's events named.",
    )
    accept_deletions: bool = Field(
        default=False,
        description="Mark rows that vanished from the portal as deleted even if there are very many of them.",
    )
