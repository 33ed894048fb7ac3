"""Asset checks that each sync answers itself: it has just compared its table with the portal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dagster as dg

from bitrix.entities import Entity, Walk, entity_named
from orchestration.deletion_guard import too_many_found
from orchestration.sync_report import SyncReport

WALKED = (Walk.KEYSET, Walk.APPEND_ONLY)
FIELDS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class SyncCheck:
    """One check: its name, what it is for, which entities have it, and what a sync's report says."""

    name: str
    description: str
    concerns: Callable[[Entity], bool]
    judge: Callable[[SyncReport], Judgement]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check found: whether all is well, a sentence for a person, and figures."""

    passed: bool
    text: str
    figures: dict[str, int]


def _events(report: SyncReport) -> Judgement:
    given_up = report.events_given_up
    text = (
        "Every record that events named was read."
        if not given_up
        else (
            f"{given_up:,} records that events named could not be read. The reasons are in app.webhook_events, status "
            "dead; a full sync reads these records."
        )
    )
    return Judgement(not given_up, text, {"records given up": given_up})


def _deletions(report: SyncReport) -> Judgement:
    found, table = report.comparison, entity_named(report.entity).table
    text = "No more rows vanished from the portal than are deleted in the course of work."
    if found.held_back:
        text = too_many_found(found.held_back, found.mirror_rows or 0, table)
    return Judgement(not found.held_back, text, {"vanished": found.held_back, "marked": report.counts.deleted})


def _row_count(report: SyncReport) -> Judgement:
    portal, mirror = report.comparison.portal_rows, report.comparison.mirror_rows
    if portal is None or mirror is None:
        return Judgement(True, "This portal's counts are of no use: a full sync lists its ids instead.", {})
    text = f"The portal counts {portal:,} rows among the ids that were copied, the mirror has {mirror:,}."
    if portal != mirror and not report.comparison.held_back:
        text += " The next sync compares them again; if they still differ then, run `b24 sync --full`."
    return Judgement(portal == mirror, text, {"portal": portal, "mirror": mirror})


def _without_column(report: SyncReport, table: str) -> str:
    codes = report.without_column
    more = f" and {len(codes) - FIELDS_SHOWN:,} more" if len(codes) > FIELDS_SHOWN else ""
    text = (
        f"{len(codes):,} fields have no column: {', '.join(codes[:FIELDS_SHOWN])}{more}. Their values are in column "
        f"_extra of bitrix.{table} and crm.{table}, by field code. "
    )
    if report.table_locked:
        return text + "A reader held the table for too long; the next sync adds the columns."
    return text + (
        f"The table has as many columns as PostgreSQL allows. Delete fields that nobody needs in Bitrix24, then drop "
        f"bitrix.{table} with what depends on it: the next sync makes it anew, with the fields of today."
    )


def _schema(report: SyncReport) -> Judgement:
    table = entity_named(report.entity).table
    waiting = [change.text for change in report.schema_changes if change.kind in ("view waits", "view incomplete")]
    texts = list(waiting)
    if report.without_column:
        texts.append(_without_column(report, table))
    figures = {"fields without a column": len(report.without_column), "views that lag behind": len(waiting)}
    return Judgement(not texts, " ".join(texts) or "Every field has its column, and the views show them.", figures)


CHECKS = (
    SyncCheck(
        "events_were_followed",
        "Every record that the portal's events named was read. Those that could not be, after many attempts, are in "
        "app.webhook_events with status dead and the reason; a full sync reads them.",
        lambda entity: bool(entity.events),
        _events,
    ),
    SyncCheck(
        "deletions_are_plausible",
        "Rows that vanished from the portal were marked as deleted. When very many vanish at once nothing is marked, "
        "for lost rights look the same: check the rights of the webhook's owner, or accept the deletions.",
        lambda entity: True,
        _deletions,
        dg.AssetCheckSeverity.ERROR,
    ),
    SyncCheck(
        "row_count_matches_portal",
        "The portal counts as many rows as the mirror has, among the ids that were copied.",
        lambda entity: entity.walk in WALKED,
        _row_count,
    ),
    SyncCheck(
        "schema_is_followed",
        "Every field of the portal has its column, and the views show what the tables have.",
        lambda entity: True,
        _schema,
    ),
)


def check_specs(entity: Entity, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks that each sync of the entity answers."""
    return [
        dg.AssetCheckSpec(check.name, asset=key, description=check.description)
        for check in CHECKS
        if check.concerns(entity)
    ]


def check_results(entity: Entity, report: SyncReport) -> Sequence[dg.AssetCheckResult]:
    """What one sync says to its entity's checks."""
    return [_result(check, check.judge(report)) for check in CHECKS if check.concerns(entity)]


def _result(check: SyncCheck, judgement: Judgement) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=judgement.passed,
        check_name=check.name,
        severity=check.severity,
        description=judgement.text,
        metadata=judgement.figures,
    )
