"""Runs whose process is gone are reported as failed; runs that live, or are somebody else's, are left alone."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import GRPC_INFO_TAG

from orchestration.process import PROCESS_TAG, this_process
from orchestration.workers import code_server_began, end_dead_runs

OF_THE_CODE_SERVER = {GRPC_INFO_TAG: '{"host": "localhost", "port": 4000}'}


@dg.job
def sync_deal() -> None:
    pass


def instance_with(directory: Path, module: str, launcher: str, **config: str) -> dg.DagsterInstance:
    given = {"module": module, "class": launcher, "config": config}
    return dg.DagsterInstance.local_temp(str(directory), overrides={"run_launcher": given})


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with instance_with(tmp_path_factory.mktemp("dagster"), "dagster", "DefaultRunLauncher") as found:
        yield found


@pytest.fixture
def instance(shared: dg.DagsterInstance) -> dg.DagsterInstance:
    shared.wipe()
    return shared


def test_launchers_of_containers_look_after_theirs(tmp_path: Path) -> None:
    with instance_with(tmp_path, "dagster_docker", "DockerRunLauncher", network="none") as instance:
        started(instance, **OF_THE_CODE_SERVER, **{PROCESS_TAG: "another-container:1:1"})
        assert end_dead_runs(instance, EARLIER) == []


def started(instance: dg.DagsterInstance, *, begin: bool = True, **tags: str) -> str:
    run = instance.create_run_for_job(sync_deal, tags=tags)
    events = ["PIPELINE_STARTING", "PIPELINE_START"] if begin else ["PIPELINE_STARTING"]
    for event in events:
        instance.report_dagster_event(dg.DagsterEvent(event_type_value=event, job_name="sync_deal"), run_id=run.run_id)
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


EARLIER = time.time() - 3600
HERE = this_process().rsplit(":", 2)[0]


@pytest.mark.parametrize("process", ["another-container:1:1", f"{HERE}:1:1"])
def test_a_run_whose_process_is_gone_has_failed(instance: dg.DagsterInstance, process: str) -> None:
    run_id = started(instance, **OF_THE_CODE_SERVER, **{PROCESS_TAG: process})
    assert end_dead_runs(instance, EARLIER) == ["sync_deal"]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("begin", [True, False])
def test_a_run_that_is_older_than_the_code_server_has_failed(instance: dg.DagsterInstance, begin: bool) -> None:
    run_id = started(instance, begin=begin, **OF_THE_CODE_SERVER)
    assert end_dead_runs(instance, time.time() + 1) == ["sync_deal"]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE


def test_runs_of_this_code_server_go_on(instance: dg.DagsterInstance) -> None:
    runs = [
        started(instance, **OF_THE_CODE_SERVER, **{PROCESS_TAG: this_process()}),
        started(instance, **OF_THE_CODE_SERVER),
        started(instance, begin=False, **OF_THE_CODE_SERVER),
    ]
    assert end_dead_runs(instance, EARLIER) == []
    assert [status(instance, run_id).value for run_id in runs] == ["STARTED", "STARTED", "STARTING"]


def test_a_run_that_was_never_handed_to_the_code_server_has_failed(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the daemon is killed while it launches one."""
    begun = started(instance, **OF_THE_CODE_SERVER)
    lost = started(instance, begin=False, **OF_THE_CODE_SERVER)
    assert end_dead_runs(instance, EARLIER) == []
    monkeypatch.setattr("orchestration.workers.LAUNCH_SECONDS", 0.0)
    assert end_dead_runs(instance, EARLIER) == ["sync_deal"]
    assert [status(instance, run_id).value for run_id in (begun, lost)] == ["STARTED", "FAILURE"]


def test_runs_of_b24_sync_are_left_to_it(instance: dg.DagsterInstance) -> None:
    started(instance, **{PROCESS_TAG: "another-machine:1:1"})
    assert end_dead_runs(instance, time.time() + 1) == []


def test_where_there_is_no_code_server_nothing_is_done(instance: dg.DagsterInstance) -> None:
    started(instance, **OF_THE_CODE_SERVER, **{PROCESS_TAG: f"{HERE}:1:1"})
    assert code_server_began() is None
    assert end_dead_runs(instance, None) == []


def test_a_process_finds_the_code_server_that_it_belongs_to() -> None:
    say = "from orchestration.workers import code_server_began; print(code_server_began() is not None)"
    argv = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {say!r}])"]
    said = subprocess.run([*argv, "code-server"], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "True"
