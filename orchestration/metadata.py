"""What a materialization shows in the Dagster UI about the sync behind it."""

from __future__ import annotations

from typing import Any

import dagster as dg

from orchestration.sync_report import SyncReport
from warehouse.columns import Column
from warehouse.meanings import column_meaning, comment

SHOWN = 50
"""Sentences of one kind that a materialization shows."""


def sync_metadata(report: SyncReport) -> dict[str, Any]:
    """Counts, cost and columns of one sync. ``dagster/row_count`` draws the plot of the table's size."""
    counts, state = report.counts, report.state
    shown: dict[str, Any] = {
        "dagster/row_count": state.rows_total or 0,
        "dagster/column_schema": _column_schema(report),
        "sync type": report.sync_type,
        "fetched": counts.fetched,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "missed before": report.missed,
        "deletions held back": report.comparison.held_back,
        "cells nulled": counts.cells_nulled,
        "requests": report.requests,
        "requests repeated": report.retries,
        "seconds waited for the portal's limits": round(report.waited_seconds, 1),
        "rows per second": round(report.rows_per_second),
        "seconds": round(report.seconds, 2),
        "columns added": ", ".join(report.columns_added) or "none",
        "views changed": ", ".join(report.views_changed) or "none",
    }
    shown |= _schema(report)
    if report.resumed:
        shown["went on with an earlier full sync"] = True
    if state.watermark:
        shown["watermark"] = dg.MetadataValue.timestamp(state.watermark)
    if counts.cells_nulled:
        shown["values that did not fit"] = "see app.sync_issues, the newest last_seen first"
    return shown


def _schema(report: SyncReport) -> dict[str, Any]:
    """What changed on the portal, one entry for each kind of change."""
    shown: dict[str, Any] = {}
    if report.schema_changes:
        shown["schema changes"] = len(report.schema_changes)
    for kind in dict.fromkeys(change.kind for change in report.schema_changes):
        texts = [change.text for change in report.schema_changes if change.kind == kind]
        more = [f"… and {len(texts) - SHOWN:,} more, see app.sync_logs"] if len(texts) > SHOWN else []
        shown[kind] = "\n".join([*texts[:SHOWN], *more])
    if report.without_column:
        shown["fields without a column"] = ", ".join(report.without_column)
    return shown


def _column_schema(report: SyncReport) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, type=column.pg_type, description=_description(report.entity, column))
            for column in report.columns
        ]
    )


def _description(entity: str, column: Column) -> str:
    field = column.field
    meaning = column_meaning(
        entity,
        field.code,
        field.type,
        part=column.part,
        multiple=field.multiple,
        title=field.title,
        vanished=False,
    )
    return comment(field.title, meaning)
