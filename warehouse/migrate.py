"""Brings the service's own schema up to date. Safe to call from several processes at once: one works, others wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import alembic.command
import sqlalchemy as sa
import structlog
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from warehouse.database import READY_SECONDS, Database, DatabaseError

SCRIPTS = Path(__file__).parents[1] / "migrations"
LOCK_ID = 0x6232346D6967  # "b24mig"; any constant that nothing else in the database locks
LOCK_SECONDS = 120

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MigrationState:
    """``current``: the revision that the database has, None before the first; ``head``: the newest in the code."""

    current: str | None
    head: str
    known: bool = True
    """False: the database was migrated by a newer version of the code."""

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def upgrade(database: Database, timeout: float = READY_SECONDS, *, to: str = "head") -> MigrationState:
    """Apply what is missing and return the new state. Waits at most ``timeout`` seconds for the server.

    ``to`` is the revision to stop at, for those who look at how an older database is upgraded.

    Raises ``DatabaseError``: unreachable, missing rights, or a database of a newer version of this project.
    """
    database.wait_until_ready(timeout)
    try:
        with _connected(database) as connection:
            connection.execute(sa.text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
            connection.execute(sa.text("SELECT pg_advisory_lock(:id)"), {"id": LOCK_ID})
            connection.execute(sa.text("SET lock_timeout = DEFAULT"))
            connection.commit()
            return _upgrade_locked(connection, to)
    except DBAPIError as error:
        raise _explained(error, database) from None


def migration_state(database: Database) -> MigrationState:
    """Compare the database with the code; changes nothing. Raises ``DatabaseError``."""
    try:
        with _connected(database) as connection:
            return _state(connection)
    except DBAPIError as error:
        raise _explained(error, database) from None


def _upgrade_locked(connection: sa.Connection, to: str) -> MigrationState:
    state = _state(connection)
    if not state.known:
        raise DatabaseError(
            f"the database has revision {state.current}, which this version does not know: a newer version has "
            "migrated it. Update this installation."
        )
    if state.up_to_date:
        return state
    exists = sa.text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'app')")
    if not connection.execute(exists).scalar_one():
        connection.execute(sa.text("CREATE SCHEMA app"))  # holds Alembic's own table, so it comes first
    connection.commit()
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    alembic.command.upgrade(config, to)
    reached = state.head if to == "head" else to
    log.info("migrated the database", revision=reached, before=state.current)
    return MigrationState(reached, state.head)


def _state(connection: sa.Connection) -> MigrationState:
    scripts = ScriptDirectory(str(SCRIPTS))
    head = scripts.get_current_head()
    if head is None:
        raise DatabaseError(f"no migrations in {SCRIPTS}: the installation is incomplete")
    current = MigrationContext.configure(connection, opts={"version_table_schema": "app"}).get_current_revision()
    connection.rollback()
    known = {script.revision for script in scripts.walk_revisions()}
    return MigrationState(current, head, current is None or current in known)


@contextmanager
def _connected(database: Database) -> Iterator[sa.Connection]:
    engine = database.sqlalchemy_engine("migrate", poolclass=sa.NullPool)  # closing ends the session and its lock
    with engine.connect() as connection:
        yield connection


def _explained(error: DBAPIError, database: Database) -> DatabaseError:
    reason = str(error.orig).strip().splitlines()[0]
    if isinstance(error.orig, errors.InsufficientPrivilege):
        name, login = database.address.rsplit("/", 1)[-1], database.user
        return DatabaseError(
            f"the database login {login!r} lacks a right at {database.address}: {reason}. Use the login that owns the "
            f'schemas; if there are none yet, an administrator runs: GRANT CREATE ON DATABASE "{name}" TO "{login}"; '
            f'ALTER ROLE "{login}" CREATEROLE;'
        )
    if isinstance(error.orig, errors.LockNotAvailable):
        return DatabaseError(f"another process has been migrating {database.address} for {LOCK_SECONDS} s; try again")
    return DatabaseError(f"migration of {database.address} failed: {reason}")
