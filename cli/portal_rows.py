"""A simulated portal's rows put straight into a warehouse: for benchmarks and tests of what reads them."""

from __future__ import annotations

from psycopg import Connection

from bitrix.entities import ENTITIES
from bitrix.fields import parse_fields
from demo_portal.portal import Portal
from orchestration.entity_sync import UNIT_ROWS
from warehouse.load import RowConverter, Unit, merge
from warehouse.tables import ensure_table
from warehouse.views import refresh_views


def load_portal(conn: Connection, portal: Portal) -> dict[str, int]:
    """Put the portal's rows into the warehouse without a portal's speed; answers the number of rows by table."""
    loaded = {}
    for entity in ENTITIES:
        if entity.name == "field_option":
            ensure_table(conn, entity, entity.fields)
            continue
        fields = entity.fields or parse_fields(
            {code: spec.descriptor() for code, spec in portal.fields[entity.name].items()}
        )
        table = ensure_table(conn, entity, [item for item in fields if item.code not in entity.never_listed]).table
        converter = RowConverter(table)
        rows = portal.rows(entity.name)
        for start in range(0, len(rows), UNIT_ROWS):
            unit = Unit()
            converter.convert(rows[start : start + UNIT_ROWS], unit)
            with conn.transaction():
                merge(conn, table, unit)
        loaded[entity.table] = len(rows)
    refresh_views(conn)
    conn.execute("VACUUM ANALYZE")
    return loaded
