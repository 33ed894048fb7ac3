"""Runs that Dagster takes for running although their process is gone, after a crash, a power cut, or ``kill -9``.

Dagster's default launcher has no health check for runs, so such a run would count against the limit of one sync for
each entity for ever: no sync of these entities would start again.
"""

from __future__ import annotations

import socket

import structlog

from orchestration.process import PROCESS_TAG, lives_here
from webhook_api.dagster_api import DagsterApi, DagsterError

log = structlog.get_logger(__name__)


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
    host = process.rsplit(":", 2)[0]
    return host != socket.gethostname() or lives_here(process)  # those of other machines cannot be seen from here
