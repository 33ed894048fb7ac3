"""Asset checks of the tables as they are, by a schedule of their own: a sync that never ran cannot say that it is late.

What a sync itself finds out is in ``sync_checks``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta

import dagster as dg

from bitrix.entities import ENTITIES, Entity, Walk, entity_named
from orchestration.assets import asset_key
from orchestration.resources import WarehouseResource
from warehouse.database import DatabaseError
from warehouse.settings import load_settings
from warehouse.table_health import LOOKUPS, Age, NulledCells, UnknownCodes, ages, nulled_cells, unknown_codes

JOB = "check_tables"
FRESH, FEW_NULLED, KNOWN = "is_fresh", "few_cells_are_nulled", "codes_are_known"

SLACK = timedelta(minutes=10)
"""A table may be so much older than two of its intervals: a sync takes time and may wait for another."""

MOST_NULLED, FEW_CELLS = 0.01, 10
"""More cells of a field than this share of its rows, and more than a few, point to a field that is read wrongly."""

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check of one table found, in words for a person, with figures."""

    passed: bool
    text: str
    figures: Mapping[str, int | float | str]


def judge_age(entity: Entity, age: Age) -> Finding:
    """Whether a table is about as fresh as it is meant to be."""
    every = f"every {age.interval_minutes} minutes"
    if not age.expected:
        return Finding(True, f"{entity.title}: switched off in the sync configuration.", {})
    cause = (
        f" The last attempt failed: {age.error}"
        if age.error
        else (" No sync has failed, so none was begun: check in Dagster that its daemon runs and the schedule is on.")
    )
    if age.synced_at is None or age.age is None:
        return Finding(False, f"{entity.title}: never synced; due {every}.{cause}", {})
    minutes = round(age.age.total_seconds() / 60)
    text = f"Synced at {age.synced_at.astimezone(UTC):%d %b %H:%M} UTC, {minutes} minutes ago; due {every}."
    late = age.age > 2 * timedelta(minutes=age.interval_minutes) + SLACK
    return Finding(not late, text + (cause if late else ""), {"minutes": minutes, "interval": age.interval_minutes})


def judge_nulled(entity: Entity, cells: Sequence[NulledCells]) -> Finding:
    """Whether many of a field's values did not fit its column."""
    bad = [item for item in cells if item.cells > FEW_CELLS and item.share > MOST_NULLED]
    total = sum(item.cells for item in cells)
    if not bad:
        return Finding(True, f"{total:,} cells are null because their values did not fit.", {"cells": total})
    worst = "; ".join(
        f"{item.field}: {item.cells:,} of {item.rows:,} rows ({item.reason}, such as {item.value})"
        for item in bad[:SHOWN]
    )
    text = (
        f"Many values of {entity.title.lower()} did not fit their columns and are null. {worst}. Look at the field's "
        "settings in Bitrix24 and at app.sync_issues, which holds every such value."
    )
    return Finding(False, text, {"cells": total, "fields": len(bad)})


def judge_codes(entity: Entity, found: Sequence[UnknownCodes]) -> Finding:
    """Whether stages, pipelines and people that rows name are known."""
    figures = {item.lookup.column: item.unknown for item in found}
    bad = [item for item in found if item.share > item.lookup.most]
    if not bad:
        return Finding(True, "Nearly all codes have a name.", figures)
    what = "; ".join(
        f"{item.lookup.column}: {item.unknown:,} of {item.rows:,} rows hold codes that {item.lookup.target} lack, "
        f"most often {item.examples}"
        for item in bad
    )
    text = (
        f"{what}. Their names are empty in the crm views. Sync the tables named here; if it stays so, the webhook's "
        "owner may not see these stages or people, or they were deleted before the first sync."
    )
    return Finding(False, text, figures)


def findings(warehouse: WarehouseResource) -> Iterator[tuple[Entity, str, Finding]]:
    """What all checks of all tables find."""
    settings = load_settings()
    with warehouse.database.connect("checks", autocommit=True) as conn:
        names = [entity.name for entity in ENTITIES]
        for age in ages(conn, names, settings.sync_default_interval_minutes):
            entity = entity_named(age.entity)
            yield entity, FRESH, judge_age(entity, age)
        nulled = defaultdict(list)
        for cells in nulled_cells(conn):
            nulled[cells.entity].append(cells)
        for entity in _read_from_lists():
            yield entity, FEW_NULLED, judge_nulled(entity, nulled[entity.name])
        for entity in _with_lookups():
            found = [unknown_codes(conn, lookup) for lookup in LOOKUPS if lookup.entity == entity.name]
            yield entity, KNOWN, judge_codes(entity, [item for item in found if item is not None])


def _read_from_lists() -> list[Entity]:
    return [entity for entity in ENTITIES if entity.walk is not Walk.DERIVED]


def _with_lookups() -> list[Entity]:
    return [entity_named(name) for name in dict.fromkeys(lookup.entity for lookup in LOOKUPS)]


def _specs() -> list[dg.AssetCheckSpec]:
    described = (
        (ENTITIES, FRESH, "The table was synced within two of its intervals."),
        (_read_from_lists(), FEW_NULLED, "Hardly any value did not fit its column and became null."),
        (_with_lookups(), KNOWN, "Stages, pipelines and people that rows name are in the mirror."),
    )
    return [
        dg.AssetCheckSpec(name, asset=asset_key(entity), description=text)
        for entities, name, text in described
        for entity in entities
    ]


@dg.multi_asset_check(specs=_specs(), name="look_at_tables", can_subset=False)
def table_checks(warehouse: WarehouseResource) -> Iterator[dg.AssetCheckResult]:
    """Look at all tables at once."""
    try:
        for entity, name, finding in findings(warehouse):
            yield dg.AssetCheckResult(
                passed=finding.passed,
                asset_key=asset_key(entity),
                check_name=name,
                severity=dg.AssetCheckSeverity.ERROR if name == FRESH else dg.AssetCheckSeverity.WARN,
                description=finding.text,
                metadata=finding.figures,
            )
    except DatabaseError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


check_tables = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.checks(table_checks),
    description="Check how fresh the tables are, what did not fit, and which codes nobody knows.",
    config={"loggers": {"console": {}}},
    tags={"entity": "checks"},
    executor_def=dg.in_process_executor,
)

check_schedule = dg.ScheduleDefinition(
    name=f"{JOB}_schedule",
    job=check_tables,
    cron_schedule="3,33 * * * *",  # beside the syncs, which begin at round times
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
