"""The role ``chart_reader`` and what may be seen of a database: the views of ``crm``, nothing else."""

from __future__ import annotations

import sqlalchemy as sa

from warehouse.database import DatabaseError

SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "60s",
}


def open_crm_alone(connection: sa.Connection) -> None:
    """Close our schemas and ``public`` to everybody, and let ``chart_reader`` read ``crm``. May be run again.

    Raises ``DatabaseError`` where the role does not exist and this login may not create it.
    """
    for schema in ("app", "bitrix", "crm", "dagster"):
        connection.execute(sa.text(f"REVOKE ALL ON SCHEMA {schema} FROM PUBLIC"))
    _create(connection)
    connection.execute(sa.text("GRANT USAGE ON SCHEMA crm TO chart_reader"))
    connection.execute(sa.text("GRANT SELECT ON ALL TABLES IN SCHEMA crm TO chart_reader"))
    connection.execute(sa.text("ALTER DEFAULT PRIVILEGES IN SCHEMA crm GRANT SELECT ON TABLES TO chart_reader"))
    _close_public(connection)


def _create(connection: sa.Connection) -> None:
    """Create ``chart_reader`` unless it exists: roles belong to the server, other databases may share it."""
    exists = connection.execute(sa.text("SELECT oid FROM pg_roles WHERE rolname = 'chart_reader'")).scalar()
    may_create, login = connection.execute(
        sa.text("SELECT rolcreaterole OR rolsuper, rolname FROM pg_roles WHERE rolname = current_user")
    ).one()
    if exists is None and not may_create:
        raise DatabaseError(
            f"the database login {login!r} may not create the role chart_reader. Let an administrator run "
            f'once: ALTER ROLE "{login}" CREATEROLE; (or: CREATE ROLE chart_reader NOLOGIN;) and start again.'
        )
    if exists is None:
        connection.exec_driver_sql(
            "DO $$ BEGIN CREATE ROLE chart_reader NOLOGIN;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"  # by a migration next door
        )
    for name, value in SETTINGS.items():
        # A role that somebody else made may not be ours to alter; its logins are given the same settings anyway.
        connection.exec_driver_sql(
            f"DO $$ BEGIN ALTER ROLE chart_reader SET {name} = '{value}';"
            " EXCEPTION WHEN insufficient_privilege THEN NULL; END $$"
        )


def _close_public(connection: sa.Connection) -> None:
    """Take schema ``public`` from everybody where it is ours to take (since PostgreSQL 15 the database owner's)."""
    ours = sa.text("SELECT pg_has_role(current_user, nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'public'")
    if connection.execute(ours).scalar():
        connection.execute(sa.text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
