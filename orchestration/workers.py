"""Runs whose process is gone although Dagster takes them for running.

Dagster's default launcher has no health check for runs: when the code server goes, with its machine or by ``kill -9``,
its runs stay *started* and hold up every later sync of their entities. Launchers of containers look after theirs.
"""

from __future__ import annotations

import time

import dagster as dg
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG

from orchestration.process import PROCESS_TAG, lives_here

UNTAGGED_SECONDS = 60.0
"""How long after its start a run may be without the tag, which it writes when it opens the warehouse."""


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs of the code server as failed whose process is gone; returns their jobs' names.

    To be called in the code server or a process of its machine (or container): all of its runs are there.
    """
    if not isinstance(instance.run_launcher, DefaultRunLauncher):
        return []
    ended = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        run = record.dagster_run
        process = run.tags.get(PROCESS_TAG)
        if GRPC_INFO_TAG not in run.tags:
            continue  # not the code server's: b24 sync executes its runs itself
        if process is None and time.time() - (record.start_time or 0) < UNTAGGED_SECONDS:
            continue
        if process is not None and lives_here(process):
            continue
        instance.report_run_failed(run, "The process that executed this run is gone. What it had committed stays.")
        ended.append(run.job_name)
    return ended
