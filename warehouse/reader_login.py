"""The login that reads for charts: a member of ``chart_reader`` of its own, so that no statement of a person or a model
ever runs on the owner's session, not even one that has dropped its rights for a while."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog
from psycopg import Connection, errors, sql

from warehouse.database import Database, DatabaseError
from warehouse.settings import Settings, parse_database_url, render_url

CONNECTION_LIMIT = 40
"""Sessions of this login at once, over all replicas of the service: what a runaway can take of the server."""

LOGIN_SETTINGS: Mapping[str, str] = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "60s",
    "work_mem": "32MB",
    "search_path": "crm",
    "jit": "off",  # compiling takes longer than most charts
}
TEMP_FILE_LIMIT = "1GB"

_SECRET = "chart_login_password"  # noqa: S105  the name of the row, not the password
_LOCK = 0x623234726465  # "b24rde"; any constant that nothing else in the database locks

log = structlog.get_logger(__name__)


def reader_database(database: Database, settings: Settings) -> Database:
    """The database as a login that may read the ``crm`` views and nothing else.

    ``CHART_DATABASE_URL`` where it is set (and its login is harmless), else a login that is made here for this
    database, once; several processes may do so at once. Raises ``DatabaseError``.
    """
    if settings.chart_database_url is not None:
        reader = Database(settings.chart_database_url.get_secret_value())
        _refuse_if_powerful(reader)
        return reader
    with database.connect("reader login") as conn:
        number = _one(conn, "SELECT oid FROM pg_database WHERE datname = current_database()")
        name = f"b24_charts_{number}"
        password = _make_login(database, conn, name)
        reader = _as(database, conn, name, password)
        conn.commit()
        if not _password_fits(reader):  # the login is older than this database: a dump was restored here
            _set_password(conn, name, password)
            conn.commit()
    _refuse_if_powerful(reader)
    return reader


def _make_login(database: Database, conn: Connection[Any], name: str) -> str:
    """Make sure that the login exists with its rights and limits, in the caller's transaction; answers its password."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    if _one(conn, "SELECT to_regclass('app.secrets') IS NULL"):
        raise DatabaseError(f"the database {database.address} is not up to date: run b24 migrate.")
    conn.execute(
        "INSERT INTO app.secrets (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (_SECRET, secrets.token_urlsafe(32)),
    )
    password = str(_one(conn, "SELECT value FROM app.secrets WHERE name = %s", _SECRET))
    if not _one(conn, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", name):
        _create(conn, name, password)
    if not _one(conn, "SELECT pg_has_role(%s, 'chart_reader', 'USAGE')", name):
        _join_readers(conn, name)
    for parameter, value in LOGIN_SETTINGS.items():
        _set_limit(conn, name, parameter, value)
    _set_limit(conn, name, "temp_file_limit", TEMP_FILE_LIMIT)
    _close_temporary_tables(conn)
    return password


def _create(conn: Connection[Any], name: str, password: str) -> None:
    try:
        conn.execute(
            sql.SQL(
                "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT CONNECTION LIMIT {}"
                " PASSWORD {}"
            ).format(sql.Identifier(name), sql.Literal(CONNECTION_LIMIT), _hashed(conn, name, password))
        )
    except errors.InsufficientPrivilege:
        owner = _owner(conn)
        raise DatabaseError(
            f"the database login {owner!r} may not create the login that reads for charts. Let an administrator run "
            f'once: ALTER ROLE "{owner}" CREATEROLE; or make a login that is a member of chart_reader and set '
            "CHART_DATABASE_URL to it."
        ) from None


def _set_password(conn: Connection[Any], name: str, password: str) -> None:
    try:
        conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), _hashed(conn, name, password)))
    except errors.InsufficientPrivilege:
        raise DatabaseError(
            f"the login {name!r} exists with another password, and this service may not change it. Let an "
            f'administrator run DROP ROLE "{name}"; and start again.'
        ) from None


def _join_readers(conn: Connection[Any], name: str) -> None:
    try:
        conn.execute(sql.SQL("GRANT chart_reader TO {}").format(sql.Identifier(name)))
    except errors.InsufficientPrivilege:  # since PostgreSQL 16 only who made a role may give it
        owner = _owner(conn)
        raise DatabaseError(
            f"the role chart_reader is another login's, so {owner!r} may not give it. Let an administrator run once: "
            f'GRANT chart_reader TO "{owner}" WITH ADMIN OPTION;'
        ) from None


def _set_limit(conn: Connection[Any], name: str, parameter: str, value: str) -> None:
    """Set a default of the login's sessions. What is not ours to set is left to the statements' own limits."""
    try:
        with conn.transaction():
            conn.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(
                    sql.Identifier(name), sql.Identifier(parameter), sql.Literal(value)
                )
            )
    except errors.InsufficientPrivilege:
        # temp_file_limit is a superuser's to set, or whose who was granted it (PostgreSQL 15 and newer).
        log.debug("a limit of the charts' login is not ours to set", parameter=parameter)


def _close_temporary_tables(conn: Connection[Any]) -> None:
    """Nobody but the owner may make temporary tables, where the database is ours."""
    name, ours = conn.execute(
        "SELECT datname, pg_has_role(current_user, datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
    ).fetchone() or ("", False)
    if ours:
        conn.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))


def _as(database: Database, conn: Connection[Any], name: str, password: str) -> Database:
    """The address for this login. A pooler's tenant, ``owner.tenant``, is kept: ``login.tenant``."""
    url = parse_database_url(database.url)
    owner = str(_one(conn, "SELECT session_user"))
    given = url.username or ""
    tenant = given.removeprefix(owner) if given.startswith(f"{owner}.") else ""
    return Database(render_url(url.set(username=f"{name}{tenant}", password=password)))


def _password_fits(reader: Database) -> bool:
    try:
        reader.connect("reader login").close()
    except DatabaseError as error:
        if "refuses user" in str(error):
            return False
        raise
    return True


def _refuse_if_powerful(reader: Database) -> None:
    """Raise ``DatabaseError`` when the login could do more than read views: the guard would be all there is."""
    with reader.connect("reader login", autocommit=True) as conn:
        superuser, sees = conn.execute(
            """SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls, ARRAY(
                   SELECT nspname::text FROM pg_namespace
                   WHERE nspname IN ('app', 'bitrix', 'dagster') AND has_schema_privilege(oid, 'USAGE') ORDER BY 1)
               FROM pg_roles WHERE rolname = current_user"""
        ).fetchone() or (False, [])
    if superuser or sees:
        reach = "is an administrator" if superuser else f"can reach the schema {', '.join(sees)}"
        raise DatabaseError(
            f"the login {reader.user!r} {reach}: statements of people and models must not run as it. Set "
            "CHART_DATABASE_URL to a login that is a member of chart_reader and of nothing else."
        )


def _hashed(conn: Connection[Any], name: str, password: str) -> sql.Literal:
    """The password as the server keeps it, so that it is in no log of statements."""
    return sql.Literal(conn.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode())


def _owner(conn: Connection[Any]) -> str:
    """The name of our own login, after a statement that failed."""
    conn.rollback()
    return str(_one(conn, "SELECT current_user"))


def _one(conn: psycopg.Connection[Any], query: str, *parameters: object) -> Any:
    row = conn.execute(query.encode(), parameters).fetchone()
    if row is None:
        raise AssertionError("the query always answers one row")
    return row[0]
