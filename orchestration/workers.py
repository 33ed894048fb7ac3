"""Runs whose process is gone although Dagster takes them for running.

Dagster's default launcher has no health check for runs: when the code server goes, with its machine or by ``kill -9``,
its runs stay *starting* or *started* and hold up every later sync of their entities. Launchers of containers look after
theirs, and a code server that lives reports what happens to its runs.
"""

from __future__ import annotations

import time

import dagster as dg
import psutil
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG

from orchestration.process import PROCESS_TAG, lives_here

ACTIVE = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]

LAUNCH_SECONDS = 60.0
"""A run that has not begun by then was never handed to the code server: the daemon was killed as it launched it.
Dagster itself waits for ``start_timeout_seconds``, which must be enough for containers. If the run begins after all,
its process sees that it was given up and does nothing."""

_GONE = "The process that executed this run is gone. What it had committed stays."
_NEVER_BEGAN = "This run never began: whoever launched it was gone before it was handed over."


def code_server_began() -> float | None:
    """When the code server that this process belongs to was started, in seconds since 1970; None: to none."""
    servers = [process for process in psutil.Process().parents() if "code-server" in process.cmdline()]
    return min((process.create_time() for process in servers), default=None)


def end_dead_runs(instance: dg.DagsterInstance, began: float | None) -> list[str]:
    """Report runs of the code server as failed whose process is gone or never came; returns their jobs' names.

    ``began``: when the only code server of this instance was started; all older runs of a code server ended with the
    one before it. None: nobody knows, and nothing is done.
    """
    if began is None or not _launches_by_default(instance):
        return []
    ended = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=ACTIVE)):
        run = record.dagster_run
        if GRPC_INFO_TAG not in run.tags:
            continue  # not the code server's: b24 sync executes its runs itself
        process = run.tags.get(PROCESS_TAG)
        since = record.start_time or record.update_timestamp.timestamp()
        lost = run.status is dg.DagsterRunStatus.STARTING and time.time() - since > LAUNCH_SECONDS
        if not lost and since >= began and (process is None or lives_here(process)):
            continue
        instance.report_run_failed(run, _NEVER_BEGAN if lost else _GONE)
        ended.append(run.job_name)
    return ended


def _launches_by_default(instance: dg.DagsterInstance) -> bool:
    # As configured, not as made: other launchers look for Docker or for a cluster as soon as they are made.
    launcher = instance.get_ref().run_launcher_data
    return launcher is not None and launcher.class_name == DefaultRunLauncher.__name__
