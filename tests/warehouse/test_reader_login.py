"""The login that reads for charts: made once, by whoever comes first, and able to read the views and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from warehouse.database import Database, DatabaseError
from warehouse.embedded import embedded_server
from warehouse.migrate import upgrade
from warehouse.reader_login import reader_database
from warehouse.settings import Settings, load_settings


@pytest.fixture
def settings(database: Database) -> Settings:
    return load_settings(database_url=database.url)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect("test", autocommit=True) as conn:
        conn.execute("CREATE TABLE bitrix.deals (id bigint PRIMARY KEY)")
        conn.execute("INSERT INTO bitrix.deals VALUES (1), (2)")
        conn.execute("CREATE VIEW crm.deals AS SELECT id FROM bitrix.deals")
        yield conn


@pytest.fixture
def drop_login(database: Database) -> Iterator[Callable[[str], None]]:
    names: list[str] = []
    yield names.append
    with database.connect("test", autocommit=True) as conn:
        for name in names:
            conn.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.fixture
def reader(
    owner: psycopg.Connection[Any], database: Database, settings: Settings, drop_login: Callable[[str], None]
) -> Database:
    login = reader_database(database, settings)
    drop_login(login.user)
    return login


def test_it_reads_the_views(reader: Database) -> None:
    with reader.connect() as conn:
        assert conn.execute("SELECT count(*) FROM crm.deals").fetchone() == (2,)
        assert conn.execute("SELECT count(*) FROM deals").fetchone() == (2,)  # the schema may be left out


@pytest.mark.parametrize(
    "statement",
    [
        *("SELECT * FROM bitrix.deals", "SELECT * FROM app.secrets", "SELECT * FROM app.charts"),
        *("CREATE TABLE crm.mine (id int)", "CREATE TEMPORARY TABLE mine (id int)", "DELETE FROM crm.deals"),
        *("SET ROLE b24", "SELECT * FROM pg_authid", "COPY crm.deals TO PROGRAM 'id'", "SELECT pg_read_file('x')"),
    ],
)
def test_it_may_do_nothing_else_even_in_a_transaction_that_may_write(reader: Database, statement: str) -> None:
    with reader.connect(autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)):
            conn.execute(statement.encode())


def test_its_sessions_have_limits_before_any_statement(reader: Database) -> None:
    with reader.connect() as conn:
        shown = {
            name: conn.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            for name in ("transaction_read_only", "statement_timeout", "lock_timeout", "work_mem")
        }
    assert shown == {
        "transaction_read_only": ("on",),
        "statement_timeout": ("30s",),
        "lock_timeout": ("2s",),
        "work_mem": ("32MB",),
    }


def test_many_at_once_make_one_login(
    database: Database, settings: Settings, owner: psycopg.Connection[Any], drop_login: Callable[[str], None]
) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: reader_database(database, settings), range(6)))
    drop_login(made[0].user)
    assert len({login.url for login in made}) == 1
    assert owner.execute("SELECT count(*) FROM app.secrets WHERE name = 'chart_login_password'").fetchone() == (1,)


def test_a_password_that_no_longer_fits_is_set_again(
    reader: Database, database: Database, settings: Settings, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("UPDATE app.secrets SET value = 'of a dump' WHERE name = 'chart_login_password'")
    again = reader_database(database, settings)
    assert again.user == reader.user
    with again.connect() as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_the_password_is_in_no_text(reader: Database, owner: psycopg.Connection[Any]) -> None:
    row = owner.execute("SELECT value FROM app.secrets WHERE name = 'chart_login_password'").fetchone()
    assert row is not None
    assert row[0] not in repr(reader)
    assert row[0] in reader.url


def test_a_login_that_can_do_more_is_refused(database: Database) -> None:
    given = load_settings(database_url=database.url, chart_database_url=database.url)
    with pytest.raises(DatabaseError, match=r"must not run as it.*chart_reader") as caught:
        reader_database(database, given)
    assert "password" not in str(caught.value)


def test_a_login_of_an_administrator_is_used(reader: Database, database: Database) -> None:
    given = load_settings(database_url=database.url, chart_database_url=reader.url)
    assert reader_database(database, given).url == reader.url


def test_without_the_right_to_make_logins_the_way_out_is_told(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as server:  # of its own: roles are shared by all databases of a server
        database = Database(server.url)
        upgrade(database)
        settings = load_settings(database_url=server.url)
        with psycopg.connect(server.admin_url, autocommit=True) as admin:
            admin.execute("ALTER ROLE b24 NOCREATEROLE")
            with pytest.raises(DatabaseError, match=r"ALTER ROLE \"b24\" CREATEROLE.*CHART_DATABASE_URL"):
                reader_database(database, settings)
            admin.execute("ALTER ROLE b24 CREATEROLE")
            admin.execute("REVOKE chart_reader FROM b24 CASCADE")
            with pytest.raises(DatabaseError, match="run once: GRANT chart_reader") as caught:
                reader_database(database, settings)
            admin.execute(str(caught.value).split("run once: ")[1])
        assert reader_database(database, settings).user.startswith("b24_charts_")


def test_a_database_that_is_not_migrated_says_so(empty_database: Database) -> None:
    with pytest.raises(DatabaseError, match="b24 migrate"):
        reader_database(empty_database, load_settings(database_url=empty_database.url))


def test_the_embedded_server_takes_more_from_it(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as server:
        database = Database(server.url)
        upgrade(database)
        reader = reader_database(database, load_settings(database_url=server.url))
        with reader.connect(autocommit=True) as conn:
            assert conn.execute("SHOW temp_file_limit").fetchone() == ("1GB",)
            for call in (
                *("lo_from_bytea(0, 'x')", "pg_advisory_lock(1)", "set_config('statement_timeout', '0', false)"),
                *("query_to_xml('SELECT 1', true, true, '')", "pg_terminate_backend(1)", "pg_sleep(0)"),
                *("pg_notify('b24_events', '')", "pg_logical_emit_message(false, 'a', 'b')", "txid_current()"),
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute(f"SELECT {call}".encode())
        with database.connect(autocommit=True) as conn:
            conn.execute("SELECT pg_advisory_lock(1), set_config('search_path', '', false), pg_notify('x', '')")
