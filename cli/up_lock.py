"""One ``b24 up`` for each home directory: who holds it, and how to hold it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cli.supervise import StartError


@contextlib.contextmanager
def only_one(home: Path, url: str) -> Iterator[None]:
    """Be the only ``b24 up`` of this home directory. Raises ``StartError`` when another one runs."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _path(home).parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(_path(home), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(
            f"cannot write to {error.filename}: {error.strerror}. Point B24_HOME to a directory of your own."
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"b24 up already runs for {home} ({_read(descriptor)}). Stop it there with Ctrl-C first."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, {url}".encode(), 0)
        try:
            yield
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


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace").strip()


def _path(home: Path) -> Path:
    return home / "run" / "up.lock"
