"""Processes told apart from all others, as runs are tagged with the one that executes them. Free of Dagster."""

from __future__ import annotations

import os
import socket

import psutil

PROCESS_TAG = "process"
"""Tag of a run: the process that executes it, as :func:`this_process` writes it."""


def this_process() -> str:
    """This process, told apart from all others, also after its number was given to another one."""
    return _identity(psutil.Process(os.getpid()))


def lives_here(process: str) -> bool:
    """Whether this process of this machine is there; False for processes of other machines."""
    host, _, rest = process.rpartition(":")[0].rpartition(":")
    try:
        return host == socket.gethostname() and _identity(psutil.Process(int(rest))) == process
    except (psutil.NoSuchProcess, ValueError):
        return False


def _identity(process: psutil.Process) -> str:
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.0f}"
