"""Processes that belong to one command: started in groups of their own, watched, and ended together with it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

from cli import watchdog

POLL_SECONDS = 0.05
STOP_SECONDS = 15.0
TAIL_LINES = 20
LOG_BYTES = 50_000_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class StartError(Exception):
    """A part of the installation cannot start or has ended; the text says which, why, and what to do."""


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP. Not an ``Exception``: nothing on the way may take it for a failure."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process to run. ``argv`` holds no secrets (everybody can read it); ``env`` may."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


class StopSignals:
    """Turns SIGINT, SIGTERM and SIGHUP into :class:`Stopped`, held back while :meth:`held` is open."""

    def __init__(self) -> None:
        self._held = 0
        self._pending = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing interrupt this block; a signal that arrives meanwhile takes effect after it."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._pending and not self._held:
            self._pending = False
            raise Stopped

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._pending = True
        else:
            raise Stopped


class Supervisor:
    """Runs services for as long as its ``with`` block. Log files are ``<logs>/<name>.log``, begun anew each time.

    ``locks`` are descriptors that stay open until all is ended, even if this process is killed before.
    """

    def __init__(self, logs: Path, signals: StopSignals, locks: Sequence[int] = ()) -> None:
        self._logs = logs
        self._locks = locks
        self._signals = signals
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Supervisor:
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._signals.held():
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", watchdog.__file__],
                stdin=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
                pass_fds=self._locks,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Stopped), self._signals.held():
            self.stop()

    def start(self, service: Service) -> None:
        """Start a service; see :meth:`wait` for when it answers."""
        path = self.log_path(service.name)
        with contextlib.suppress(FileNotFoundError):
            path.replace(path.with_suffix(".log.old"))
        with self._signals.held(), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as log:
            process = subprocess.Popen(
                list(service.argv),
                env={**os.environ, **service.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._processes[service.name] = process
            self._tell_watchdog(f"+{process.pid}\n")

    def wait(self, name: str, answers: Callable[[], bool], seconds: float) -> None:
        """Wait until ``answers()``; every service is watched meanwhile.

        Raises ``StartError`` after ``seconds``, or when a service has ended.
        """
        deadline = time.monotonic() + seconds
        while not answers():
            self.check()
            if time.monotonic() > deadline:
                raise StartError(f"{name} did not answer in {seconds:.0f} s. {self._log_tail(name)}")
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise ``StartError`` if a service has ended: which, how, and the end of its log."""
        for name, process in self._processes.items():
            status = process.poll()
            if status is not None:
                how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
                raise StartError(f"{name} {how}. {self._log_tail(name)}")
        if self._watchdog is not None and self._watchdog.poll() is not None:
            raise StartError("the watchdog process was ended from outside")

    def trim_logs(self) -> None:
        """Move what is in logs that have grown beyond ``LOG_BYTES`` to ``.log.old``. Services append, so they go on."""
        for name in self._processes:
            path = self.log_path(name)
            if path.stat().st_size > LOG_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.old"))
                os.truncate(path, 0)

    def stop(self) -> None:
        """End all services and whatever they have started, and wait until they are gone."""
        groups = {process.pid for process in self._processes.values()}
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while (left := self._alive(groups)) and time.monotonic() < deadline:
            time.sleep(0.02)
        for group in left:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        for process in self._processes.values():
            process.wait()
            self._tell_watchdog(f"-{process.pid}\n")
        self._processes.clear()
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait()

    def log_path(self, name: str) -> Path:
        """Where a service writes."""
        return self._logs / f"{name.lower().replace(' ', '-')}.log"

    def _alive(self, groups: set[int]) -> set[int]:
        for process in self._processes.values():
            process.poll()  # collects its status: a defunct leader would keep the group in being
        alive = set()
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, 0)
                alive.add(group)
        return alive

    def _tell_watchdog(self, line: str) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # check() reports a watchdog that is gone
                self._watchdog.stdin.write(line.encode())

    def _log_tail(self, name: str) -> str:
        path = self.log_path(name)
        if not path.exists():
            return ""
        tail = path.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return f"The end of {path}:\n" + _COLOUR.sub("", "\n".join(tail))
