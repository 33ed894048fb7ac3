"""A simulated portal's rows put straight into a warehouse: for benchmarks and tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from bitrix.entities import ENTITIES, Entity, Walk
from bitrix.fields import Field, parse_fields
from demo_portal.portal import Portal
from orchestration.field_options import option_rows
from orchestration.row_writer import UNIT_ROWS
from warehouse.convert import RowConverter, Unit
from warehouse.journal import commit_state
from warehouse.load import merge
from warehouse.tables import ensure_table
from warehouse.views import refresh_views


def load_portal(conn: Connection, portal: Portal) -> dict[str, int]:
    """Put the portal's rows into the warehouse without a portal's speed; answers the number of rows by table.

    ``conn`` commits each statement. Every entity counts as just synced, as after a first full sync.
    """
    loaded = {}
    fields = {entity.name: _fields(portal, entity) for entity in ENTITIES if entity.walk is not Walk.DERIVED}
    for entity in ENTITIES:
        if entity.walk is Walk.DERIVED:
            users = {other.name: fields[other.name] for other in ENTITIES if other.userfields_method}
            rows: Sequence[Mapping[str, Any]] = option_rows(users)
        else:
            rows = portal.rows(entity.name)
        described = [item for item in fields.get(entity.name, entity.fields) if item.code not in entity.never_listed]
        table = ensure_table(conn, entity, described).table
        converter = RowConverter(table)
        for start in range(0, len(rows), UNIT_ROWS):
            unit = Unit()
            converter.convert(rows[start : start + UNIT_ROWS], unit)
            with conn.transaction():
                merge(conn, table, unit)
        with conn.transaction():
            commit_state(conn, table, sync_type="full", watermark=datetime.now(UTC), changed=True)
        loaded[entity.table] = len(rows)
    refresh_views(conn)
    conn.execute("VACUUM ANALYZE")
    return loaded


def _fields(portal: Portal, entity: Entity) -> Sequence[Field]:
    if entity.fields:
        return entity.fields
    return parse_fields({code: spec.descriptor() for code, spec in portal.fields[entity.name].items()})
