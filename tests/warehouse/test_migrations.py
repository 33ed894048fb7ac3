"""The migrations: repeatable, safe when started twice at once, and clear where rights are missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from warehouse.database import Database, DatabaseError
from warehouse.migrate import migration_state, upgrade
from warehouse.settings import parse_database_url, render_url

TABLES = {"sync_config", "sync_state", "sync_logs", "sync_issues", "table_columns", "views"}


def test_an_empty_database_gets_schemas_and_tables(empty_database: Database) -> None:
    assert migration_state(empty_database).current is None
    assert upgrade(empty_database).up_to_date
    with empty_database.connect() as connection:
        schemas = {row[0] for row in connection.execute("SELECT nspname FROM pg_namespace")}
        tables = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'app'")}
    assert schemas >= {"bitrix", "crm", "app", "dagster"}
    assert tables >= TABLES


def test_upgrading_again_changes_nothing(database: Database) -> None:
    before = migration_state(database)
    assert before.up_to_date
    assert upgrade(database) == before


def test_four_starters_at_once_migrate_once(empty_database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(upgrade, [empty_database] * 4))
    assert all(state.up_to_date for state in states)


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("UPDATE app.alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match=r"revision 9999.*newer version.*Update"):
        upgrade(database)


def test_sync_logs_refuse_an_unknown_status(database: Database) -> None:
    with database.connect() as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO app.sync_logs (entity, sync_type, status) VALUES ('deal', 'full', 'odd')")


@pytest.mark.parametrize("minutes", [0, 10_081])
def test_sync_config_refuses_intervals_out_of_range(database: Database, minutes: int) -> None:
    with database.connect() as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO app.sync_config (entity, sync_interval_minutes) VALUES ('deal', %s)", [minutes])


def test_a_login_without_rights_is_told_what_an_administrator_runs(empty_database: Database) -> None:
    with empty_database.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS b24_test_plain")
        connection.execute("CREATE ROLE b24_test_plain LOGIN PASSWORD 'plain'")
    plain = parse_database_url(empty_database.url).set(username="b24_test_plain", password="plain")
    with pytest.raises(DatabaseError, match=r"'b24_test_plain' lacks a right.*GRANT CREATE ON DATABASE"):
        upgrade(Database(render_url(plain)))
    with empty_database.connect() as connection:
        connection.execute("DROP ROLE b24_test_plain")
