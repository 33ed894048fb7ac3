"""The process beside the embedded server: it owns the server and stops it when the last command that uses it is gone.

Run as a program by :mod:`warehouse.embedded`, with the interpreter's ``-I -S``, so only the standard library is here.
A command that is killed releases its lock like one that ends, which is why the keeper watches locks and not commands.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from typing import TypedDict

POLL_SECONDS = 1.0
SHUTDOWN_SECONDS = 30.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Plan(TypedDict):
    """What the keeper is told. ``keeper``, ``users`` and ``change`` are the lock files of :mod:`warehouse.embedded`."""

    argv: list[str]
    user: int | None
    group: int | None
    log: str
    keeper: str
    users: str
    change: str


def run(plan: Plan) -> int:
    """Start the server, stay until nobody uses it or a signal asks to stop, stop it. Returns the exit status.

    Goes into the background once it holds the keeper's lock: the program as started then ends with status 0.
    """
    keeper = os.open(plan["keeper"], os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.fork():
        # The lock lives on in the child. Whoever started this program need not be there to collect its exit status.
        os._exit(0)
    os.ftruncate(keeper, 0)
    os.pwrite(keeper, str(os.getpid()).encode(), 0)

    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    stops = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    for number in (*stops, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)

    server = _start(plan)
    while server.poll() is None:
        ready, _, _ = select.select([wake_read], [], [], POLL_SECONDS)
        if ready and stops.intersection(os.read(wake_read, 64)):
            break
        if _nobody_left(plan["change"], plan["users"]):
            break
    _shut_down(server)
    os.ftruncate(keeper, 0)
    return 0


def _start(plan: Plan) -> subprocess.Popen[bytes]:
    parent = os.getpid()

    def die_with_keeper() -> None:  # runs after the change of user, which would clear the setting
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    with open(plan["log"], "ab") as log:  # noqa: PTH123 - pathlib would double the start-up time of this program
        return subprocess.Popen(
            plan["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            user=plan["user"],
            group=plan["group"],
            extra_groups=None if plan["user"] is None else [],
            preexec_fn=die_with_keeper,
            start_new_session=True,
            umask=0o077,
            cwd="/",
        )


def _nobody_left(change: str, users: str) -> bool:
    """Whether no command uses the server. On True both locks stay held, so that none can begin to."""
    held = []
    for path in (change, users):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            return True  # the home directory was removed
        held.append(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            for each in held:
                os.close(each)
            return False
    return True


def _shut_down(server: subprocess.Popen[bytes]) -> None:
    # SIGINT is PostgreSQL's fast shutdown: sessions end, all is flushed. SIGQUIT ends it at once, to recover next time.
    for number, seconds in ((signal.SIGINT, SHUTDOWN_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)):
        if server.poll() is not None:
            return
        server.send_signal(number)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(run(json.loads(sys.argv[1])))
