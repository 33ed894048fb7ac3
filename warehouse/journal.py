"""What the service remembers about syncs: watermarks, the log of runs, and values that did not fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from warehouse.columns import BIGINT, Table
from warehouse.convert import CellIssue
from warehouse.load import Merge
from warehouse.schema_changes import SchemaChange
from warehouse.tables import identifier

DEAD = "The process ended without a word: it was killed, or its connection to the database broke."

_LOCK = "b24 sync "


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far an entity's mirror has come. ``watermark`` is an instant of the portal's clock."""

    watermark: datetime | None = None
    highest_id: int | None = None
    last_sync_type: str | None = None
    last_sync_at: datetime | None = None
    last_full_at: datetime | None = None
    rows_total: int | None = None
    counts_failed_at: datetime | None = None


@dataclass(slots=True)
class Comparison:
    """What a sync found when it compared its table with the portal: ``portal_rows`` and ``mirror_rows`` are live rows
    among the ids that were compared, after the sync; ``held_back`` rows vanished, too many to be believed. None where
    nothing was counted."""

    portal_rows: int | None = None
    mirror_rows: int | None = None
    held_back: int = 0


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What ``app.sync_logs`` tells of a sync while it runs. ``expected`` is about how many rows will be fetched."""

    counts: Merge
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    expected: int | None = None
    missed: int = 0
    resumed: bool = False
    comparison: Comparison = field(default_factory=Comparison)


@contextmanager
def sync_lock(conn: Connection, entity: str) -> Iterator[bool]:
    """Try to become the only sync of an entity, whatever process started it.

    Yields whether it was granted. The lock belongs to the connection's session, so a killed process gives it back.
    """
    name = _LOCK + entity
    row = conn.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)).fetchone()
    granted = bool(row and row[0])
    conn.commit()
    try:
        yield granted
    finally:
        if granted and not conn.closed:
            conn.rollback()
            conn.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (name,))
            conn.commit()


def seconds_since_sync(conn: Connection, entity: str) -> float | None:
    """How long ago, by the database's clock, the last successful full or incremental sync began; None without one."""
    row = conn.execute(
        """SELECT extract(epoch FROM clock_timestamp() - max(started_at))::float8 FROM app.sync_logs
           WHERE entity = %s AND status = 'succeeded' AND sync_type IN ('full', 'incremental')""",
        (entity,),
    ).fetchone()
    return row[0] if row else None


def read_state(conn: Connection, entity: str) -> SyncState:
    """The stored state of an entity; empty when it was never synced."""
    with conn.cursor(row_factory=class_row(SyncState)) as cursor:
        cursor.execute(
            """SELECT watermark, highest_id, last_sync_type, last_sync_at, last_full_at, rows_total, counts_failed_at
               FROM app.sync_state WHERE entity = %s""",
            (entity,),
        )
        return cursor.fetchone() or SyncState()


def commit_state(
    conn: Connection,
    table: Table,
    *,
    sync_type: str,
    watermark: datetime | None,
    changed: bool,
    more_rows: int | None = None,
) -> SyncState:
    """Record a finished sync in the caller's transaction: watermark, highest id, live rows, data version.

    The watermark never moves back; the data version moves only when rows ``changed``, so that readers may cache by it.
    A sync of chosen rows says how many ``more_rows`` are live than before: nothing is counted then, and the highest id
    stays, for it has not seen all rows below its own.
    """
    before = read_state(conn, table.entity)
    highest, rows = before.highest_id, before.rows_total
    left = _unfinished_syncs_wrote(conn, table.entity)
    changed = changed or left
    if more_rows is not None and rows is not None and not left:
        rows += more_rows
    elif changed or rows is None:
        numeric = next(column.pg_type == BIGINT for column in table.columns if column.name == table.key)
        counted = conn.execute(
            sql.SQL("SELECT {highest}, count(*) FILTER (WHERE _deleted_at IS NULL) FROM {table}").format(
                highest=sql.SQL("max({})").format(sql.Identifier(table.key)) if numeric else sql.SQL("NULL::int8"),
                table=identifier(table),
            )
        ).fetchone()
        highest, rows = counted or (None, None)
    conn.execute(
        """INSERT INTO app.sync_state AS s (entity, watermark, highest_id, last_sync_type, last_sync_at, last_full_at,
               rows_total, data_version)
           VALUES (%(entity)s, %(watermark)s, %(highest)s, %(sync_type)s, now(),
               CASE WHEN %(sync_type)s = 'full' THEN now() END, %(rows)s, 1)
           ON CONFLICT (entity) DO UPDATE SET
               watermark = greatest(s.watermark, excluded.watermark), highest_id = excluded.highest_id,
               last_sync_type = excluded.last_sync_type, last_sync_at = excluded.last_sync_at,
               last_full_at = coalesce(excluded.last_full_at, s.last_full_at), rows_total = excluded.rows_total,
               data_version = s.data_version + %(changed)s::int, updated_at = now()""",
        {
            "entity": table.entity,
            "watermark": watermark,
            "highest": highest,
            "sync_type": sync_type,
            "rows": rows,
            "changed": changed,
        },
    )
    if sync_type == "full":
        _all_rows_read(conn, table)
    return read_state(conn, table.entity)


def _unfinished_syncs_wrote(conn: Connection, entity: str) -> bool:
    """Whether syncs that failed since the last one that did not have left rows: whoever goes on finds them as they are,
    so it has no change of its own to tell of."""
    row = conn.execute(
        """SELECT EXISTS (SELECT FROM app.sync_logs l JOIN app.sync_state s USING (entity)
               WHERE entity = %s AND l.status = 'failed' AND l.inserted + l.updated + l.deleted > 0
                   AND l.started_at > s.last_sync_at)""",
        (entity,),
    ).fetchone()
    return row == (True,)


def _all_rows_read(conn: Connection, table: Table) -> None:
    """No row lacks the values of a field any more that came after it was copied."""
    conn.execute(
        "UPDATE app.table_columns SET unread = false WHERE table_name = %s AND unread AND vanished_at IS NULL",
        (table.name,),
    )
    conn.execute("UPDATE app.fields_without_column SET unread = false WHERE entity = %s AND unread", (table.entity,))


def note_counts(conn: Connection, entity: str, *, usable: bool) -> None:
    """Remember whether the portal's counts could be used to find deleted rows, in the caller's transaction."""
    conn.execute(
        """UPDATE app.sync_state SET counts_failed_at = CASE WHEN %s THEN NULL ELSE now() END
           WHERE entity = %s AND (counts_failed_at IS NOT NULL OR NOT %s)""",
        (usable, entity, usable),
    )


def start_log(
    conn: Connection, entity: str, sync_type: str, *, run_id: str | None, trigger: str | None
) -> tuple[int, datetime]:
    """Write the beginning of a sync to ``app.sync_logs`` and commit; answers its id and the database's time.

    The caller holds the entity's sync lock.
    """
    close_dead_logs(conn, entity)
    row = conn.execute(
        """INSERT INTO app.sync_logs (entity, sync_type, run_id, trigger, status)
           VALUES (%s, %s, %s, %s, 'running') RETURNING id, started_at""",
        (entity, sync_type, run_id, trigger),
    ).fetchone()
    conn.commit()
    if row is None:
        raise RuntimeError("app.sync_logs accepted no row")
    return row[0], row[1]


def close_dead_logs(conn: Connection, held: str | None = None) -> list[str]:
    """Close the entries of syncs whose process is gone; answers their entities. The caller commits.

    A sync holds its entity's lock as long as it lives, so an entry that says running without anybody holding the lock
    was left behind; so was an older one of the entity ``held``, whose lock the caller holds itself.
    """
    rows = conn.execute(
        """UPDATE app.sync_logs l SET status = 'failed', finished_at = now(), error = %(reason)s
           WHERE status = 'running' AND (entity = %(held)s OR NOT EXISTS (
               SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND ((classid::int8 << 32) | objid::int8) = hashtextextended(%(lock)s || l.entity, 0)))
           RETURNING entity""",
        {"held": held, "lock": _LOCK, "reason": DEAD},
    ).fetchall()
    return sorted(entity for (entity,) in rows)


def log_progress(conn: Connection, log_id: int, entry: LogEntry) -> None:
    """Bring the entry of a running sync up to date, in the caller's transaction."""
    counts = entry.counts
    conn.execute(
        """UPDATE app.sync_logs SET fetched = %s, inserted = %s, updated = %s, unchanged = %s, deleted = %s,
               cells_nulled = %s, requests = %s, retries = %s, waited_seconds = %s, expected = %s, missed = %s,
               held_back = %s, resumed = %s, portal_rows = %s, mirror_rows = %s WHERE id = %s""",
        (
            counts.fetched,
            counts.inserted,
            counts.updated,
            counts.unchanged,
            counts.deleted,
            counts.cells_nulled,
            entry.requests,
            entry.retries,
            entry.waited_seconds,
            entry.expected,
            entry.missed,
            entry.comparison.held_back,
            entry.resumed,
            entry.comparison.portal_rows,
            entry.comparison.mirror_rows,
            log_id,
        ),
    )


def last_comparison(conn: Connection, entity: str) -> Comparison:
    """What the last sync found that compared the entity's table with the portal."""
    with conn.cursor(row_factory=class_row(Comparison)) as cursor:
        cursor.execute(
            """SELECT portal_rows, mirror_rows, held_back FROM app.sync_logs
               WHERE entity = %s AND status = 'succeeded' AND sync_type IN ('full', 'incremental')
               ORDER BY started_at DESC, id DESC LIMIT 1""",
            (entity,),
        )
        return cursor.fetchone() or Comparison()


def finish_log(conn: Connection, log_id: int, *, columns_added: Sequence[str], error: str | None = None) -> None:
    """Write the end of a sync, in the caller's transaction."""
    conn.execute(
        """UPDATE app.sync_logs SET status = %s, finished_at = now(), columns_added = %s, error = %s WHERE id = %s""",
        ("failed" if error else "succeeded", list(columns_added), error, log_id),
    )


def log_schema(conn: Connection, log_id: int, sync_type: str, changes: Sequence[SchemaChange]) -> None:
    """Write to a sync's entry what changed in the schema, and of which type the sync is, for some changes make an
    incremental one read every row. In the caller's transaction."""
    conn.execute(
        "UPDATE app.sync_logs SET sync_type = %s, schema_changes = schema_changes || %s WHERE id = %s",
        (sync_type, Jsonb([asdict(change) for change in changes]), log_id),
    )


def record_issues(
    conn: Connection, entity: str, run_id: str | None, issues: Sequence[CellIssue], read: Iterable[Any] = ()
) -> None:
    """Keep the values that did not fit, one row for each cell; a repeated one is counted.

    Of rows with the keys ``read`` these are all there are now: what did not fit before and does today is forgotten.
    """
    latest = {(issue.row_id, issue.field): issue for issue in issues}
    known = conn.execute("SELECT EXISTS (SELECT FROM app.sync_issues WHERE entity = %s)", (entity,)).fetchone()
    if known == (True,):
        conn.execute(
            """DELETE FROM app.sync_issues WHERE entity = %s AND row_id = ANY(%s) AND NOT EXISTS (
                   SELECT FROM unnest(%s::text[], %s::text[]) AS now(row_id, field)
                   WHERE (now.row_id, now.field) = (sync_issues.row_id, sync_issues.field))""",
            (entity, [str(key) for key in read], [row for row, _ in latest], [code for _, code in latest]),
        )
    with conn.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO app.sync_issues AS known (entity, row_id, field, value, reason, run_id)
               VALUES (%s, %s, %s, %s, %s, %s)
               ON CONFLICT (entity, row_id, field) DO UPDATE SET value = excluded.value, reason = excluded.reason,
                   run_id = excluded.run_id, last_seen = now(), occurrences = known.occurrences + 1""",
            [
                (entity, issue.row_id, issue.field, issue.value, issue.reason, run_id)
                for _, issue in sorted(latest.items())
            ],
        )
