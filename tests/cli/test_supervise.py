"""Supervision: a service that dies is told, and nothing outlives the command however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cli.supervise import Service, StartError, Stopped, StopSignals, Supervisor

# A service with a child of its own, as Dagster's code server has; both note their process ids.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
COMMAND = """
import sys, time
from pathlib import Path
from cli.supervise import Service, StopSignals, Supervisor
logs, note, family = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
with StopSignals() as signals, Supervisor(logs, signals) as supervisor:
    supervisor.start(Service("family", [sys.executable, "-c", family, str(note)]))
    time.sleep(60)
"""


def python(name: str, code: str, *arguments: str) -> Service:
    return Service(name, [sys.executable, "-c", code, *arguments])


def noted(path: Path) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [psutil.Process(int(pid)) for pid in path.read_text().split()]


def wait_gone(processes: list[psutil.Process], seconds: float = 15) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


def test_a_service_and_its_children_end_with_the_block(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
        supervisor.start(python("family", FAMILY, str(note)))
        family = noted(note)
        supervisor.check()
    assert wait_gone(family, 1)
    assert psutil.Process().children() == []


def test_a_service_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.supervise.STOP_SECONDS", 0.3)
    with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
        supervisor.start(python("stubborn", STUBBORN))
        supervisor.wait("stubborn", lambda: "deaf" in supervisor.log_path("stubborn").read_text(), 10)
    assert psutil.Process().children() == []


def test_a_service_that_ends_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
        supervisor.start(python("portal", "print('\\x1b[31mno room left\\x1b[0m'); raise SystemExit(3)"))
        with pytest.raises(StartError, match=r"(?s)portal ended with status 3.*portal\.log:\nno room left") as caught:
            supervisor.wait("portal", lambda: False, 10)
        assert "\x1b" not in str(caught.value)


def test_a_service_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
        supervisor.start(python("slow", "import time; time.sleep(60)"))
        with pytest.raises(StartError, match="slow did not answer in 0 s"):
            supervisor.wait("slow", lambda: False, 0.2)


def test_secrets_travel_in_the_environment_and_not_in_the_description(tmp_path: Path) -> None:
    service = Service("teller", [sys.executable, "-c", "import os; print(os.environ['KEY'][::-1])"], {"KEY": "hunter2"})
    assert "hunter2" not in repr(service)
    with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
        supervisor.start(service)
        with pytest.raises(StartError, match="2retnuh"):
            supervisor.wait("teller", lambda: False, 10)


def test_a_second_start_keeps_the_log_of_the_first(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
            supervisor.start(python("teller", f"print({text!r})"))
            with pytest.raises(StartError):
                supervisor.wait("teller", lambda: False, 10)
    assert (tmp_path / "teller.log").read_text() == "second\n"
    assert (tmp_path / "teller.log.old").read_text() == "first\n"


def test_a_log_that_grows_is_trimmed_while_the_service_writes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.supervise.LOG_BYTES", 10)
    writer = "import sys\nfor line in sys.argv[1:]: print(line, flush=True)\nimport time; time.sleep(60)"
    with StopSignals() as signals, Supervisor(tmp_path, signals) as supervisor:
        supervisor.start(python("writer", writer, "a" * 20))
        log = supervisor.log_path("writer")
        supervisor.wait("writer", lambda: log.stat().st_size > 20, 10)
        supervisor.trim_logs()
        assert log.read_text() == ""
        assert log.with_suffix(".log.old").read_text() == "a" * 20 + "\n"


def test_a_signal_in_a_held_block_takes_effect_after_it() -> None:
    reached = []

    def held_block(signals: StopSignals) -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            reached.append("end of the block")
        reached.append("beyond")

    with StopSignals() as signals, pytest.raises(Stopped):
        held_block(signals)
    assert reached == ["end of the block"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_outlives_the_command_however_it_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    note = tmp_path / "pids"
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(tmp_path / "logs"), str(note), FAMILY], stderr=subprocess.DEVNULL
    )
    family = noted(note)
    helpers = psutil.Process(command.pid).children()
    command.send_signal(number)
    command.wait(15)
    assert wait_gone(family + helpers)
