"""How many rows may be marked as deleted at once: lost rights look just like deletions."""

from __future__ import annotations

FEW_DELETIONS = 10
"""So many rows may always go, unless they are all there are."""

DELETION_LIMIT = 0.1
"""Beyond that, this share of the live rows; ``SYNC_DELETION_LIMIT_PERCENT`` sets it."""


def most_deletions(rows: int, limit: float = DELETION_LIMIT) -> int:
    """How many of so many live rows may be marked as deleted at once. The last of several never goes with the rest: a
    webhook without rights sees nothing at all."""
    return min(max(FEW_DELETIONS, int(limit * rows)), max(1, rows - 1))


def too_many_named(deletions: int, rows: int) -> str | None:
    """Why so many of so many live rows must not be marked because events name them, or None when they may."""
    if deletions <= most_deletions(rows):
        return None
    return (
        f"The portal no longer shows {deletions} of {rows} records, all named by events. They are not marked as "
        "deleted: has the webhook's owner lost rights?"
    )


def too_many_found(deletions: int, rows: int, table: str) -> str:
    """What a person is told when so many rows vanished that none was marked."""
    return (
        f"The portal no longer shows {deletions:,} of {rows:,} {table}. Nothing was marked as deleted, for lost rights "
        "look the same. Check in Bitrix24 that the webhook's owner still sees them. If they were really deleted, run "
        "`b24 sync --full --accept-deletions`."
    )
