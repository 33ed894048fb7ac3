"""The sensor that turns events into runs: one run for each entity, however many events there are."""

import time
from collections.abc import Sequence

import dagster as dg
import psycopg

from bitrix.entities import BY_NAME
from orchestration.jobs import JOBS_BY_ENTITY, job_name
from orchestration.warehouse_access import warehouse
from orchestration.workers import code_server_began, end_dead_runs
from warehouse.events import CHANNEL, OF_FIELDS, Waiting, waiting_entities
from warehouse.journal import close_dead_logs
from warehouse.settings import load_settings

TICK_SECONDS = 24.5
"""How long a tick waits for events. A tick that waits hears of an event at once. Dagster begins ticks every five
seconds, so one that ends just before that leaves no gap; and it ends a tick itself after 60 s."""

BUSY_SECONDS = 0.3
"""How often a tick looks whether the run that holds up an entity's events has ended."""

RUNS_LOOKED_AT = 8
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 300.0
"""After a run for an entity's events that failed; doubling with each."""


@dg.sensor(
    name="portal_events",
    jobs=list(JOBS_BY_ENTITY.values()),
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one sync for each entity that the portal's events named, within seconds.",
)
def portal_events(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Wait for events; request a run for each entity that has some due and no run for events already."""
    deadline = time.monotonic() + TICK_SECONDS
    for job in end_dead_runs(context.instance, code_server_began()):
        context.log.warning(f"A run of {job} has no process any more: it is reported as failed.")
    with warehouse(load_settings()).connect("events", autocommit=True) as conn:
        for entity in close_dead_logs(conn):
            context.log.warning(f"A sync of {entity} was killed; its entry in app.sync_logs is closed.")
        conn.execute(f"LISTEN {CHANNEL}")  # before looking, so that nothing comes between the look and the wait
        while True:
            queue = waiting_entities(conn)
            due = [waiting for waiting in queue if waiting.seconds <= 0]
            free = [waiting for waiting in due if not _held_up(context.instance, waiting.entity)]
            if free:
                return dg.SensorResult(run_requests=[request for item in free for request in _requests(conn, item)])
            left = deadline - time.monotonic()
            if left <= 0:
                return dg.SkipReason(_why_nothing(queue))
            pause = BUSY_SECONDS if due else min((waiting.seconds for waiting in queue), default=left)
            # The generator holds the connection's lock until it is used up.
            list(conn.notifies(timeout=max(0.05, min(pause, left)), stop_after=1))


def _requests(conn: psycopg.Connection, waiting: Waiting) -> list[dg.RunRequest]:
    # Before what schedules have queued: somebody may be waiting to see the change.
    tags = {"sync_type": "events", "trigger": "event", "dagster/priority": "10"}
    requests = [
        dg.RunRequest(
            job_name=job_name(BY_NAME[waiting.entity]),
            run_config={"sync_type": "events"},
            tags={**tags, "entity": waiting.entity},
        )
    ]
    if _fields_changed(conn, waiting.entity):
        options = BY_NAME["field_option"]
        requests.append(
            dg.RunRequest(
                job_name=job_name(options),
                run_config={"sync_type": "incremental"},
                tags={**tags, "sync_type": "incremental", "entity": options.name},
            )
        )
    return requests


def _fields_changed(conn: psycopg.Connection, entity: str) -> bool:
    row = conn.execute(
        "SELECT count(*) FROM app.webhook_events WHERE entity = %s AND row_id = %s AND status = 'pending'",
        (entity, OF_FIELDS),
    ).fetchone()
    return row is not None and row[0] > 0


def _held_up(instance: dg.DagsterInstance, entity: str) -> bool:
    """Whether events of this entity must wait: for their run, which takes what is due, or after runs that failed.

    A sync that fails puts its events back for later by itself; this is for runs that end before they take any.
    """
    tags = {"entity": entity, "trigger": "event"}
    failures, ended = 0, 0.0
    for record in instance.get_run_records(dg.RunsFilter(tags=tags), limit=RUNS_LOOKED_AT):
        if not record.dagster_run.is_finished:
            return True
        if record.dagster_run.is_success:
            break
        failures += 1
        ended = max(ended, record.update_timestamp.timestamp())
    if not failures:
        return False
    return time.time() < ended + min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (failures - 1))


def _why_nothing(queue: Sequence[Waiting]) -> str:
    if not queue:
        return "No events are waiting."
    soonest = min(waiting.seconds for waiting in queue)
    number = sum(waiting.pending + waiting.picked for waiting in queue)
    if soonest <= 0:
        return f"{number} events wait for runs that are on their way, or after runs that failed."
    return f"{number} events failed before and are tried again, the first in {soonest:.0f} s."
