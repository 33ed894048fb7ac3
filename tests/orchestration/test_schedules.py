"""Schedules: exact at any interval, one catch-up, and a reason for every tick that was skipped."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from bitrix.entities import ENTITIES, entity_named
from orchestration.schedules import cron_for, decide, entity_schedule, entity_schedules, load_configs, slot_at
from warehouse.database import Database
from warehouse.settings import load_settings
from warehouse.sync_config import begun_since, default_config, read_config, write_config

DEAL = entity_named("deal")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes", "cron"),
    [
        (1, "* * * * *"),
        (5, "*/5 * * * *"),
        (7, "* * * * *"),
        (30, "*/30 * * * *"),
        (45, "*/15 * * * *"),
        (60, "0 * * * *"),
        (90, "*/30 * * * *"),
        (120, "0 */2 * * *"),
        (300, "0 * * * *"),
        (360, "0 */6 * * *"),
        (1440, "0 0 * * *"),
        (2880, "0 0 * * *"),
        (10080, "0 0 * * *"),
    ],
)
def test_the_cron_line_is_the_coarsest_that_hits_every_slot(minutes: int, cron: str) -> None:
    assert cron_for(minutes) == cron


@pytest.mark.parametrize("minutes", [1, 7, 13, 30, 45, 50, 90, 300, 1000, 1440, 10080])
def test_runs_are_exactly_the_interval_apart(minutes: int) -> None:
    """Every tick of the cron line is decided as Dagster would; runs must be ``minutes`` apart, without exception."""
    from dagster._utils.schedules import schedule_execution_time_iterator

    ticks = schedule_execution_time_iterator(NOON.timestamp(), cron_for(minutes), "UTC")
    config = default_config("deal", minutes)
    runs: list[datetime] = []
    for tick in ticks:
        moment = datetime.fromtimestamp(tick.timestamp(), UTC)
        begun = runs[-1] if runs and runs[-1] >= slot_at(moment, minutes).start else None
        if isinstance(decide(DEAL, config, moment, begun), dg.RunRequest):
            runs.append(moment)
        if len(runs) == 12:  # the first may be a catch-up within its slot
            break
    apart = {later - earlier for earlier, later in itertools.pairwise(runs[1:])}
    assert apart == {timedelta(minutes=minutes)}


def test_a_slot_that_was_missed_is_made_up_for_once() -> None:
    config = default_config("deal", 45)
    late = slot_at(NOON, 45).start + timedelta(minutes=15)  # the tick at the slot's start was missed
    request = decide(DEAL, config, late, None)
    assert isinstance(request, dg.RunRequest)
    assert request.tags["trigger"] == "schedule"
    skipped = decide(DEAL, config, late + timedelta(minutes=15), late)
    assert isinstance(skipped, dg.SkipReason)
    assert "next due" in (skipped.skip_message or "")


def test_an_entity_that_is_switched_off_says_so(database: Database) -> None:
    with database.connect() as conn:
        config = write_config(conn, "deal", 30, enabled=False)
    skipped = decide(DEAL, config, NOON, None)
    assert isinstance(skipped, dg.SkipReason)
    assert "switched off" in (skipped.skip_message or "")


def test_configuration_is_kept_field_by_field(database: Database) -> None:
    with database.connect() as conn:
        assert read_config(conn, "deal", 30) == default_config("deal", 30)
        write_config(conn, "deal", 30, sync_interval_minutes=7)
        write_config(conn, "deal", 30, webhook_enabled=False)
        stored = read_config(conn, "deal", 30)
    assert (stored.enabled, stored.sync_interval_minutes, stored.webhook_enabled) == (True, 7, False)


def test_schedules_follow_the_configuration(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    with database.connect() as conn:
        write_config(conn, "deal", 30, sync_interval_minutes=7)
    by_name = {schedule.name: schedule for schedule in entity_schedules()}
    assert len(by_name) == len(ENTITIES)
    assert by_name["sync_deal_schedule"].cron_schedule == "* * * * *"
    assert by_name["sync_lead_schedule"].cron_schedule == "*/30 * * * *"
    assert by_name["sync_deal_schedule"].default_status is dg.DefaultScheduleStatus.RUNNING


def test_loading_never_fails_when_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:nothing@127.0.0.1:1/none")
    assert load_configs(load_settings())["deal"].sync_interval_minutes == 30
    monkeypatch.delenv("DATABASE_URL")
    assert load_configs(load_settings())["deal"].sync_interval_minutes == 30


def test_a_tick_reads_what_holds_now(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url)
    schedule = entity_schedule(DEAL, default_config("deal", 30))

    def tick() -> dg.ScheduleExecutionData:
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC))
            return schedule.evaluate_tick(context)

    assert len(tick().run_requests or []) == 1
    with database.connect() as conn:
        conn.execute("INSERT INTO app.sync_logs (entity, sync_type, status) VALUES ('deal', 'events', 'succeeded')")
        assert begun_since(conn, "deal", NOON) is None  # an event sync reads single rows: it does not count
        conn.execute("INSERT INTO app.sync_logs (entity, sync_type, status) VALUES ('deal', 'full', 'failed')")
    assert "next due" in (tick().skip_message or "")
