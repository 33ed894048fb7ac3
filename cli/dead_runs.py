"""Runs that Dagster takes for running although their process is gone, after a crash, a power cut, or ``kill -9``.

Dagster's default launcher has no health check for runs, so such a run would count against the limit of one sync for
each entity for ever: no sync of these entities would start again.
"""

from __future__ import annotations

import os
import socket

import psutil
import structlog

from webhook_api.dagster_api import DagsterApi, DagsterError

PROCESS_TAG = "process"
"""Tag of a run that no code server looks after: the process that executes it, as :func:`this_process` writes it."""

log = structlog.get_logger(__name__)


def this_process() -> str:
    """This process, told apart from all others, also after its number was given to another one."""
    return _identity(psutil.Process(os.getpid()))


def end_dead_runs(url: str, begun: float) -> int:
    """Mark dead runs as canceled; returns how many there were.

    Dead is a run whose process is gone; or one without that tag created before ``begun`` (seconds since 1970), when the
    only code server of this Dagster started: the runs of a code server end with it. Raises ``DagsterError``.
    """
    count = 0
    with DagsterApi(url) as api:
        for run in api.active_runs():
            process = run.tags.get(PROCESS_TAG)
            if not _alive(process) if process else run.created < begun:
                api.mark_canceled(run.run_id)
                log.warning("ended a run whose process is gone", run_id=run.run_id)
                count += 1
    return count


def try_end_dead_runs(url: str, begun: float) -> None:
    """The same for a loop that goes on: when Dagster refuses, the next round tries again."""
    try:
        end_dead_runs(url, begun)
    except DagsterError as error:
        log.warning("cannot look for runs whose process is gone", reason=str(error))


def _alive(process: str) -> bool:
    host, _, rest = process.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname():
        return True  # cannot be seen from here
    try:
        return _identity(psutil.Process(int(rest))) == process
    except (psutil.NoSuchProcess, ValueError):
        return False


def _identity(process: psutil.Process) -> str:
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"
