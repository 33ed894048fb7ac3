"""A database in a file and back, on another server with other logins."""

from __future__ import annotations

import hashlib
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from cli.portal_rows import load_portal
from demo_portal.portal import Portal
from tests.conftest import PostgresServer
from warehouse.backup import BackupError, dump, restore
from warehouse.database import Database, DatabaseError
from warehouse.embedded import embedded_server
from warehouse.migrate import migration_state, upgrade
from warehouse.reader_login import reader_database
from warehouse.settings import load_settings, parse_database_url, render_url
from warehouse.views import refresh_views

Content = dict[str, str]


@pytest.fixture(scope="module")
def other_server() -> Iterator[PostgresServer]:
    """A server of its own: no role of the first one exists there."""
    with tempfile.TemporaryDirectory(prefix="b24-tests-") as home, embedded_server(Path(home)) as server:
        yield PostgresServer(server.admin_url, server.url)


@pytest.fixture
def elsewhere(other_server: PostgresServer) -> Iterator[Database]:
    """An empty database at the other server, whose owner has another name."""
    with psycopg.connect(other_server.admin_url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS company")
        admin.execute("CREATE ROLE company LOGIN CREATEROLE PASSWORD 'company'")
        admin.execute("CREATE DATABASE moved OWNER company")
    url = parse_database_url(other_server.admin_url).set(username="company", password="company", database="moved")
    yield Database(render_url(url))
    with psycopg.connect(other_server.admin_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE moved WITH (FORCE)")
        admin.execute("DROP OWNED BY company CASCADE")
        for (role,) in admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^(b24_charts_.*|chart_reader|company)$' ORDER BY 1"
        ).fetchall():
            admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def filled(database: Database) -> Database:
    """A copy of a portal, with a chart, settings and a log."""
    with database.connect("test", autocommit=True) as conn:
        load_portal(conn, Portal.generate(seed=3, deals=60))
        refresh_views(conn)
        conn.execute("UPDATE bitrix.deals SET _deleted_at = now() WHERE id % 50 = 0")
        conn.execute("INSERT INTO app.secrets (name, value) VALUES ('other', 'kept')")
        conn.execute("CREATE TABLE dagster.runs (id bigserial PRIMARY KEY, body text)")
        conn.execute("INSERT INTO dagster.runs (body) SELECT 'run' FROM generate_series(1, 40)")
    return database


def content(database: Database) -> Content:
    """Of every table of ours, a hash of its rows; of every view, its columns."""
    found: Content = {}
    with database.connect("test") as conn:
        tables = conn.execute(
            """SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('app', 'bitrix', 'dagster')
               ORDER BY 1, 2"""
        ).fetchall()
        for schema, table in tables:
            rows = conn.execute(
                sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, table))
            ).fetchall()
            found[f"{schema}.{table}"] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
        for name, column, comment in conn.execute(
            """SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_class c
               JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'crm'::regnamespace AND a.attnum > 0
               ORDER BY 1, a.attnum"""
        ):
            found[f"crm.{name}"] = found.get(f"crm.{name}", "") + f"{column}: {comment};"
    return found


def test_everything_is_there_again(filled: Database, elsewhere: Database, tmp_path: Path) -> None:
    file = tmp_path / "b24.dump"
    assert dump(filled, file) == file.stat().st_size > 10_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = restore(elsewhere, file)
    with filled.connect("test") as conn:
        [(live,)] = conn.execute("SELECT count(*) FROM crm.deals").fetchall()
    assert rows["deals"] == live
    assert content(elsewhere) == content(filled)
    assert migration_state(elsewhere).up_to_date


def test_what_was_restored_works_on(filled: Database, elsewhere: Database, tmp_path: Path) -> None:
    """Rows are added, views replaced, and the login of charts reads crm and nothing else."""
    dump(filled, tmp_path / "file")
    restore(elsewhere, tmp_path / "file")
    with elsewhere.connect("test") as conn:
        assert conn.execute("INSERT INTO dagster.runs (body) VALUES ('next') RETURNING id").fetchone() == (41,)
        conn.execute("DELETE FROM app.views")
        assert "deals" in list(refresh_views(conn).changed)
    reader = reader_database(elsewhere, load_settings(b24_home=tmp_path, database_url=elsewhere.url))
    with reader.connect("test", autocommit=True) as conn:
        assert conn.execute("SELECT count(*) > 50 FROM crm.deals").fetchone() == (True,)
        for table in ("bitrix.deals", "app.secrets", "dagster.runs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"SELECT 1 FROM {table}")


def test_a_database_that_is_not_empty_is_left_alone(filled: Database, tmp_path: Path) -> None:
    before = content(filled)
    dump(filled, tmp_path / "file")
    with pytest.raises(BackupError, match=r"has schemas app, bitrix, crm, dagster already.*CREATE DATABASE"):
        restore(filled, tmp_path / "file")
    assert content(filled) == before


def test_a_file_is_never_overwritten(filled: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        dump(filled, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"


def test_a_file_that_is_cut_off_restores_nothing(filled: Database, elsewhere: Database, tmp_path: Path) -> None:
    file = tmp_path / "file"
    dump(filled, file)
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(BackupError, match="pg_restore failed"):
        restore(elsewhere, file)
    with elsewhere.connect("test") as conn:
        assert conn.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'app'").fetchone() == (0,)


def test_a_file_of_something_else(elsewhere: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    with pytest.raises(BackupError, match=r"pg_restore failed.*does not appear to be a valid archive"):
        restore(elsewhere, tmp_path / "file")
    with pytest.raises(BackupError, match="does not exist"):
        restore(elsewhere, tmp_path / "none")


def test_nothing_is_left_of_a_dump_that_failed(
    elsewhere: Database, other_server: PostgresServer, tmp_path: Path
) -> None:
    wrong = Database(render_url(parse_database_url(elsewhere.url).set(password="wrong")))
    with pytest.raises(DatabaseError, match="password") as error:
        dump(wrong, tmp_path / "file")
    assert "wrong" not in str(error.value)
    with pytest.raises(BackupError, match=r"holds nothing of ours yet.*b24 sync"):
        dump(elsewhere, tmp_path / "file")
    upgrade(elsewhere)
    with pytest.raises(BackupError, match="cannot be written"):
        dump(elsewhere, tmp_path / "no" / "such" / "place")
    with psycopg.connect(
        render_url(parse_database_url(other_server.admin_url).set(database="moved")), autocommit=True
    ) as admin:
        admin.execute("CREATE TABLE app.forbidden ()")
    with pytest.raises(BackupError, match=r"pg_dump failed.*permission denied"):
        dump(elsewhere, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_is_brought_up_to_date(empty_database: Database, elsewhere: Database, tmp_path: Path) -> None:
    upgrade(empty_database, to="0003")
    dump(empty_database, tmp_path / "file")
    restore(elsewhere, tmp_path / "file")
    assert migration_state(elsewhere).up_to_date
