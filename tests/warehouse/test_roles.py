"""What ``chart_reader`` may do: read the views of ``crm``, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import PostgresServer
from warehouse.database import Database, DatabaseError
from warehouse.embedded import embedded_server
from warehouse.migrate import upgrade
from warehouse.settings import parse_database_url, render_url

PASSWORD = "reader"


@pytest.fixture
def reader(database: Database) -> Iterator[psycopg.Connection]:
    """A session of a login that is a member of chart_reader, in a database with a mirror table and a view of it."""
    name = f"reader_of_{parse_database_url(database.url).database}"
    with database.connect() as owner:
        owner.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE chart_reader").format(
                sql.Identifier(name), sql.Literal(PASSWORD)
            )
        )
        owner.execute("CREATE TABLE bitrix.deals (id bigint PRIMARY KEY)")
        owner.execute("INSERT INTO bitrix.deals VALUES (1), (2)")
        owner.execute("CREATE VIEW crm.deals AS SELECT id FROM bitrix.deals")
    url = parse_database_url(database.url).set(username=name, password=PASSWORD)
    with psycopg.connect(render_url(url), autocommit=True) as connection:
        yield connection
    with database.connect() as owner:
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_views_made_after_the_migration_can_be_read(reader: psycopg.Connection) -> None:
    row = reader.execute("SELECT count(*) FROM crm.deals").fetchone()
    assert row == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM bitrix.deals",
        "SELECT * FROM app.sync_logs",
        "SELECT * FROM app.alembic_version",
        "CREATE TABLE crm.mine (id int)",
        "CREATE TABLE dagster.mine (id int)",
        "DELETE FROM crm.deals",
        "DROP VIEW crm.deals",
        "CREATE SCHEMA mine",
        "SET ROLE b24",
    ],
)
def test_everything_else_is_refused(reader: psycopg.Connection, statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)):
        reader.execute(statement)


def test_public_is_closed_where_the_database_is_ours(reader: psycopg.Connection) -> None:
    ours = reader.execute(
        """SELECT pg_has_role(datdba, nspowner, 'USAGE') FROM pg_database, pg_namespace
           WHERE datname = current_database() AND nspname = 'public'"""
    ).fetchone()
    usable = reader.execute("SELECT has_schema_privilege('public', 'USAGE')").fetchone()
    assert ours is not None
    assert usable == (not ours[0],)


def test_the_role_carries_its_limits(database: Database) -> None:
    with database.connect() as connection:
        row = connection.execute(
            "SELECT rolcanlogin, rolconfig FROM pg_roles WHERE rolname = 'chart_reader'"
        ).fetchone()
    assert row is not None
    assert row[0] is False
    assert set(row[1]) >= {"default_transaction_read_only=on", "statement_timeout=30s", "lock_timeout=2s"}


def test_a_login_that_may_not_create_roles_is_told_what_an_administrator_runs_once(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as server:  # of its own: roles are shared by all databases of a server
        with psycopg.connect(server.admin_url, autocommit=True) as admin:
            admin.execute("ALTER ROLE b24 NOCREATEROLE")
            database = Database(server.url)
            with pytest.raises(
                DatabaseError, match=r"'b24' may not create the role chart_reader.*run once: "
            ) as caught:
                upgrade(database)
            admin.execute(str(caught.value).split("(or: ")[1].split(")")[0])
        assert upgrade(database).up_to_date


def test_a_second_database_of_the_server_shares_the_role(database: Database, postgres: PostgresServer) -> None:
    name = f"{parse_database_url(database.url).database}_second"
    try:
        assert upgrade(postgres.create(name)).up_to_date
    finally:
        postgres.drop(name)
