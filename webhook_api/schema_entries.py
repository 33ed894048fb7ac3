"""What only the control API's endpoints of the schema take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from warehouse.schema_docs.entries import Tables


class DescriptionDocument(Tables):
    """The document and the data that it is made from."""

    markdown: str


class HistoryEntry(BaseModel):
    """A state of the schema that was documented."""

    id: int
    schema_hash: str
    created_at: datetime
    refreshed_at: datetime = Field(description="When rows were last counted while the schema stayed the same.")
    run_url: str | None
    changes: list[dict[str, str]] = Field(description="What differs from the state before.")


class History(BaseModel):
    """The newest first."""

    items: list[HistoryEntry]


class Refresh(BaseModel):
    """The run that makes the document anew."""

    status: Literal["started", "already_running"]
    run_id: str
    run_url: str
