"""Runs whose process is gone are reported as failed; runs that live, or are somebody else's, are left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG

from orchestration.process import PROCESS_TAG, this_process
from orchestration.workers import UNTAGGED_SECONDS, end_dead_runs

OF_THE_CODE_SERVER = {GRPC_INFO_TAG: '{"host": "localhost", "port": 4000}'}


@dg.job
def sync_deal() -> None:
    pass


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    launcher = {"module": "dagster", "class": "DefaultRunLauncher"}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_launcher": launcher}) as found:
        yield found


def started(instance: dg.DagsterInstance, **tags: str) -> str:
    run = instance.create_run_for_job(sync_deal, tags=OF_THE_CODE_SERVER | tags)
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value="PIPELINE_START", job_name="sync_deal"), run_id=run.run_id
    )
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.mark.parametrize("process", ["another-container:1:1", f"{this_process().rsplit(':', 2)[0]}:1:1"])
def test_a_run_whose_process_is_gone_has_failed(instance: dg.DagsterInstance, process: str) -> None:
    run_id = started(instance, **{PROCESS_TAG: process})
    assert end_dead_runs(instance) == ["sync_deal"]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE


def test_a_run_whose_process_lives_goes_on(instance: dg.DagsterInstance) -> None:
    run_id = started(instance, **{PROCESS_TAG: this_process()})
    assert end_dead_runs(instance) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_a_run_has_a_minute_to_name_its_process(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    started(instance)
    assert end_dead_runs(instance) == []
    later = time.time() + UNTAGGED_SECONDS + 1
    monkeypatch.setattr("orchestration.workers.time.time", lambda: later)
    assert end_dead_runs(instance) == ["sync_deal"]


def test_runs_of_b24_sync_are_left_to_it(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(sync_deal, tags={PROCESS_TAG: "another-machine:1:1"})
    instance.report_dagster_event(
        dg.DagsterEvent(event_type_value="PIPELINE_START", job_name="sync_deal"), run_id=run.run_id
    )
    assert end_dead_runs(instance) == []
