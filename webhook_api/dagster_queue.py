"""What Dagster knows of syncs and the log does not: those that wait for their turn, and those that never began."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from webhook_api.dagster_api import DagsterApi, DagsterError
from webhook_api.dagster_runs import WAITING, SyncRun, sync_runs
from webhook_api.dagster_threads import ask_dagster

ANSWER_SECONDS = 2.0
"""The log is worth showing without Dagster, too: no longer wait than a person would not notice much."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Queue:
    """Runs that wait, and runs that failed lately, newest first; both empty and ``known`` false without Dagster."""

    waiting: tuple[SyncRun, ...] = ()
    failed: tuple[SyncRun, ...] = ()
    known: bool = True


async def read_queue(api: DagsterApi) -> Queue:
    """The queue now. Does not raise: without Dagster it is not known."""

    def read() -> Queue:
        waiting = sync_runs(api, WAITING, timeout=ANSWER_SECONDS)
        return Queue(tuple(waiting), tuple(sync_runs(api, ["FAILURE"], timeout=ANSWER_SECONDS)))

    try:
        return await ask_dagster(read, ANSWER_SECONDS)
    except DagsterError as error:
        log.warning("the queue is not known", error=str(error))
        return Queue(known=False)
