"""What reads the views, for dbt's lineage: the chart service, and each dashboard with the views its charts read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pglast.parser import ParseError
from pglast.visitors import referenced_relations
from psycopg import Connection

from warehouse.schema_docs.catalog import Catalog
from warehouse.schema_docs.dbt import Exposure
from warehouse.views import VIEW_SCHEMA

OWNER = "CRM"


def read_exposures(conn: Connection, catalog: Catalog) -> list[Exposure]:
    """The exposures as they are now, dashboards in the order of their ids."""
    tables = tuple(table.name for table in catalog.tables)
    charts = Exposure(
        name="charts",
        label="Charts and dashboards",
        kind="application",
        description="Charts asked for in words and dashboards, which read the views as role chart_reader.",
        tables=tables,
        owner=OWNER,
    )
    rows = conn.execute(
        """SELECT d.id, d.title, d.description, array_agg(c.sql ORDER BY c.id)
           FROM app.dashboards d JOIN app.dashboard_charts l ON l.dashboard_id = d.id
                JOIN app.charts c ON c.id = l.chart_id
           GROUP BY d.id ORDER BY d.id"""
    )
    return [charts] + [
        Exposure(
            name=f"dashboard_{number}",
            label=title,
            kind="dashboard",
            description=description or title,
            tables=read,
            owner=OWNER,
        )
        for number, title, description, statements in rows
        if (read := _views_read(statements, tables))
    ]


def dashboards_changed_at(conn: Connection) -> datetime | None:
    """When a dashboard was last changed, or None without any."""
    row = conn.execute("SELECT max(updated_at) FROM app.dashboards").fetchone()
    return row[0] if row else None


def _views_read(statements: Iterable[str], tables: tuple[str, ...]) -> tuple[str, ...]:
    """The views that these statements read. One that is no SQL any more reads none: its chart says so on the page."""
    named: set[str] = set()
    for statement in statements:
        try:
            named |= referenced_relations(statement)
        except ParseError:
            continue
    bare = {name.replace('"', "").rsplit(".", 1)[-1].removeprefix(f"{VIEW_SCHEMA}_") for name in named}
    return tuple(table for table in tables if table in bare)
