"""Telling a living process from one that is gone, whose number another may have now."""

from __future__ import annotations

import subprocess
import sys

from cli.dead_runs import _alive
from orchestration.process import this_process

SAY = "from orchestration.process import this_process; print(this_process())"


def test_this_process_lives() -> None:
    assert _alive(this_process())


def test_a_process_that_has_ended_does_not() -> None:
    said = subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True).stdout.strip()
    assert not _alive(said)


def test_a_number_that_another_process_has_now_does_not_count() -> None:
    host, pid, _ = this_process().rsplit(":", 2)
    assert not _alive(f"{host}:{pid}:1")


def test_processes_of_other_machines_are_left_alone() -> None:
    assert _alive("another-host:1:1")
