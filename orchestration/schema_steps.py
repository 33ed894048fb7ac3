"""The first step of a sync: its table, its views and its log follow the portal's field list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog
from psycopg import Connection

from bitrix.entities import ENTITIES, Entity, Walk
from bitrix.fields import Field
from orchestration.sync_report import SyncReport, SyncType
from warehouse.columns import Table
from warehouse.definition_locks import DefinitionLocked, patiently
from warehouse.journal import log_schema, read_state
from warehouse.tables import Design, ensure_table, existing_tables
from warehouse.views import refresh_views

CHANGES_LOGGED = 5

log = structlog.get_logger(__name__)


def follow_schema(
    conn: Connection, entity: Entity, fields: Sequence[Field], *, log_id: int, report: SyncReport
) -> Table:
    """Bring the entity's table and all views up to date, and say in the report and in the sync's log what changed.

    Columns are committed together with the log's entry; the views follow. A table that somebody reads all the time does
    not stop the sync: fields without a column go to ``_extra``. After a column came, an incremental sync becomes a full
    one, for the rows that did not change lack its values.
    """
    conn.commit()  # reading before has opened a transaction: each step below is one of its own
    _ensure_others(conn, entity)
    design = partial(_design, conn, entity, fields, log_id, report.sync_type)
    patient = report.sync_type != "events"  # somebody waits for these rows
    try:
        designed = patiently(conn, design, [f"bitrix.{entity.table}"], patient=patient)
    except DefinitionLocked as error:
        report.table_locked = True
        log.warning("columns could not be added", reason=str(error))
        with conn.transaction():
            designed = design(locked=str(error))
    report.sync_type = _sync_type(entity, designed, report.sync_type)
    report.columns, report.columns_added = designed.table.columns, designed.added
    report.without_column = tuple(item.code for item in designed.table.left_out)
    refreshed = refresh_views(conn, patient=patient and not report.table_locked)
    report.views_changed = refreshed.changed
    report.schema_changes = (*designed.changes, *refreshed.notes)
    if refreshed.notes:
        with conn.transaction():
            log_schema(conn, log_id, report.sync_type, refreshed.notes)
    if report.schema_changes:
        first = [change.text for change in report.schema_changes[:CHANGES_LOGGED]]
        log.info("the schema changed", changes=len(report.schema_changes), first=first)
    return designed.table


def _ensure_others(conn: Connection, entity: Entity) -> None:
    """A view needs the tables that its labels come from, so those exist before any row."""
    with conn.transaction():
        have = existing_tables(conn)
        for other in ENTITIES:
            if other.fields and other.table not in have and other is not entity:
                ensure_table(conn, other, other.fields)


def _design(
    conn: Connection, entity: Entity, fields: Sequence[Field], log_id: int, sync_type: SyncType, *, locked: str = ""
) -> Design:
    """The table and the log's entry about it, in one transaction of the caller's."""
    designed = ensure_table(conn, entity, fields, locked=locked)
    if read_state(conn, entity.name).last_sync_at is None:
        # Its table may have been made for the labels of others, from what the registry knows: nothing changed by that.
        designed = replace(designed, changes=())
    becomes = _sync_type(entity, designed, sync_type)
    if designed.changes or becomes != sync_type:
        log_schema(conn, log_id, becomes, designed.changes)
    return designed


def _sync_type(entity: Entity, designed: Design, asked: SyncType) -> SyncType:
    """Tables that every sync reads whole need nothing more; syncs of chosen rows leave it to the next one."""
    by_changes = asked == "incremental" and entity.walk in (Walk.KEYSET, Walk.APPEND_ONLY)
    return "full" if by_changes and designed.unread else asked
