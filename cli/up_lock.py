"""One ``b24 up`` for each home directory: who holds it, and how to hold it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from cli.supervise import StartError
from cli.watchdog import GRACE_SECONDS

CLEAN_UP_SECONDS = 2 * GRACE_SECONDS


@contextlib.contextmanager
def only_one(home: Path, url: str) -> Iterator[int]:
    """Be the only ``b24 up`` of this home directory. Raises ``StartError`` when another one runs.

    Yields the descriptor that holds the lock. A process that inherits it holds the lock, too: the watchdog, until it
    has ended what a killed ``b24 up`` left, and that is waited for here.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _path(home).parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(_path(home), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(
            f"cannot write to {error.filename}: {error.strerror}. Point B24_HOME to a directory of your own."
        ) from None
    try:
        deadline = time.monotonic() + CLEAN_UP_SECONDS
        while not _locked(descriptor):
            text = _read(descriptor)
            if _process_exists(text) or time.monotonic() > deadline:
                raise StartError(f"b24 up already runs for {home} ({text}). Stop it there with Ctrl-C first.")
            time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, {url}".encode(), 0)
        try:
            yield descriptor
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(home: Path) -> str | None:
    """Process and address of the ``b24 up`` that runs for this home directory, or None."""
    try:
        descriptor = os.open(_path(home), os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _process_exists(text: str) -> bool:
    match = re.match(r"process (\d+),", text)
    return match is not None and psutil.pid_exists(int(match[1]))


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip()


def _path(home: Path) -> Path:
    return home / "run" / "up.lock"
