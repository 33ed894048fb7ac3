"""The PostgreSQL database of this installation: its address, connections to it, and why there are none."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import sqlalchemy
import structlog
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from warehouse.embedded_user import EmbeddedServerError
from warehouse.settings import Settings, libpq_url, render_url

OLDEST_SERVER = 14
CONNECT_SECONDS = 10
READY_SECONDS = 60.0

CONNECTION_OPTIONS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "client_encoding": "utf8",
}

log = structlog.get_logger(__name__)


class DatabaseError(Exception):
    """The database cannot be used. The text says what is wrong, at which address, and what to do; never a password."""


class DatabaseUnreachable(DatabaseError):
    """Nothing answers, or the server is starting or full: waiting may help."""


class Database:
    """One PostgreSQL database. Cheap to make and to pass on; holds no connection."""

    def __init__(self, url: str, *, embedded: bool = False) -> None:
        """``url`` in any spelling that ``warehouse.settings.parse_database_url`` reads."""
        self.url = libpq_url(url)
        self.embedded = embedded
        self._parts = conninfo_to_dict(self.url)

    def __repr__(self) -> str:
        return f"Database({self.address})"

    @property
    def address(self) -> str:
        """``host:port/database``, fit for messages: without user and password."""
        host = self._parts.get("host") or "localhost"
        return f"{host}:{self._parts.get('port') or 5432}/{self._parts.get('dbname') or ''}"

    @property
    def user(self) -> str:
        """The login that the url names, or an empty string."""
        return str(self._parts.get("user") or "")

    def connect(self, purpose: str = "", **options: Any) -> psycopg.Connection[Any]:
        """A new psycopg connection. ``pg_stat_activity`` shows ``purpose``; ``options`` go to ``psycopg.connect``.

        Raises ``DatabaseError`` (``DatabaseUnreachable`` when waiting may help).
        """
        named = {"application_name": f"b24 {purpose}".strip(), **CONNECTION_OPTIONS, **options}
        try:
            return psycopg.connect(self.url, **named)
        except psycopg.OperationalError as error:
            raise self._explained(error) from None

    def sqlalchemy_engine(self, purpose: str = "", **options: Any) -> sqlalchemy.Engine:
        """A new SQLAlchemy engine on psycopg 3; the caller disposes of it. ``options`` go to ``create_engine``."""
        arguments = {"application_name": f"b24 {purpose}".strip(), **CONNECTION_OPTIONS}
        return sqlalchemy.create_engine(
            libpq_url(self.url, "postgresql+psycopg"), connect_args=arguments, hide_parameters=True, **options
        )

    def dagster_url(self) -> str:
        """The url of Dagster's own storage: this database, schema ``dagster``, with the driver that Dagster works with.

        dagster-postgres speaks psycopg2 only, and SQLAlchemy 2.1 takes ``postgresql://`` for psycopg 3.
        """
        url = sqlalchemy.make_url(libpq_url(self.url, "postgresql+psycopg2"))
        given = url.query.get("options")
        options = " ".join([given] if isinstance(given, str) else list(given or []))
        query = {"options": f"{options} -csearch_path=dagster".strip(), "application_name": "b24 dagster"}
        return render_url(url.update_query_dict(query))

    def wait_until_ready(self, timeout: float = READY_SECONDS) -> int:
        """Wait until the server answers, at most ``timeout`` seconds. Returns its major version.

        Raises ``DatabaseError``: at once for what waiting does not mend (password, missing database, old server).
        """
        deadline = time.monotonic() + timeout
        told = False
        while True:
            try:
                with self.connect("start") as connection:
                    version = connection.info.server_version // 10_000
                break
            except DatabaseUnreachable as error:
                if time.monotonic() >= deadline:
                    waited = f" Gave up after {timeout:.0f} s." if timeout else ""
                    raise DatabaseUnreachable(f"{error}{waited}") from None
                if not told:
                    log.warning("waiting for PostgreSQL", address=self.address, at_most_seconds=round(timeout))
                    told = True
                time.sleep(min(0.5, max(0.0, deadline - time.monotonic())))
        if version < OLDEST_SERVER:
            raise DatabaseError(
                f"PostgreSQL at {self.address} is version {version}; {OLDEST_SERVER} or newer is needed. "
                "Upgrade it or point DATABASE_URL to another server."
            )
        return version

    def _explained(self, error: psycopg.OperationalError) -> DatabaseError:
        text = str(error)
        if isinstance(error, errors.InvalidPassword) or "password authentication failed" in text:
            return DatabaseError(
                f"PostgreSQL at {self.address} refuses user {self.user!r} with this password. Correct DATABASE_URL; "
                "characters like @ : / in a password must be written as %40 %3A %2F."
            )
        if "no password supplied" in text:
            return DatabaseError(f"PostgreSQL at {self.address} wants a password: add it to DATABASE_URL.")
        if "does not exist" in text and "database" in text:
            return DatabaseError(
                f"PostgreSQL at {self.address} has no such database. "
                f'Create it (CREATE DATABASE "{self._parts.get("dbname")}") or correct DATABASE_URL.'
            )
        if "does not exist" in text and "role" in text:
            return DatabaseError(f"PostgreSQL at {self.address} has no user {self.user!r}. Correct DATABASE_URL.")
        if "no pg_hba.conf entry" in text:
            return DatabaseError(
                f"PostgreSQL at {self.address} does not let user {self.user!r} in from this machine "
                "(pg_hba.conf), or wants TLS: try ?sslmode=require in DATABASE_URL."
            )
        if "SSL" in text or "certificate" in text:
            return DatabaseError(
                f"PostgreSQL at {self.address}: no TLS connection ({_reason(text)}). Check sslmode in DATABASE_URL."
            )
        return DatabaseUnreachable(
            f"PostgreSQL at {self.address} does not answer ({_reason(text)}). "
            "Is it running, and are host and port in DATABASE_URL right?"
        )


@contextlib.contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of these settings: ``DATABASE_URL``, or else the embedded server, which runs while this is open.

    Does not connect; see :meth:`Database.wait_until_ready`. Raises ``DatabaseError``.
    """
    if settings.database_url is not None:
        yield Database(settings.database_url.get_secret_value())
        return
    from warehouse.embedded import embedded_server  # images of containers come without the server's binaries

    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(embedded_server(settings.b24_home))
        except EmbeddedServerError as error:
            raise DatabaseError(str(error)) from None
        yield Database(server.url, embedded=True)


def _reason(text: str) -> str:
    """The server's or the system's own words: the last part of libpq's last line, which names no password."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "Is the server running" not in line]
    line = lines[-1] if lines else "no reason given"
    return line.rsplit(": ", 1)[-1].rstrip(".?") if ": " in line else line.rstrip(".?")
