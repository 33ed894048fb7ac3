"""PostgreSQL for the tests: one server for the whole run, a fresh migrated database for each test that asks for one.

With ``DATABASE_URL`` set, that server is used (its login must be allowed to create databases and roles); otherwise an
embedded one in a temporary directory, which is gone when the tests end.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from warehouse.database import Database
from warehouse.embedded import embedded_server
from warehouse.migrate import upgrade
from warehouse.settings import parse_database_url, render_url

SECRETS = (
    *("DATABASE_URL", "BITRIX_WEBHOOK_URL", "BITRIX_APPLICATION_TOKEN", "B24_HOME", "SUPABASE_URL", "SUPABASE_KEY"),
    *("SUPABASE_JWT_SECRET", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "EMBED_SECRET", "DEBUG"),
    *("EMBED_ALLOWED_ORIGINS", "SYNC_BATCH_SIZE", "SYNC_DEFAULT_INTERVAL_MINUTES", "DAGSTER_HOME"),
    *("CHART_DATABASE_URL", "CHART_TIME_ZONE", "CHART_PUBLIC_URL"),
    *("EMBED_AUDIENCE", "EMBED_USERNAME", "EMBED_PASSWORD"),
)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that tests make databases in. ``admin_url`` may create them; ``owner_url`` is who shall own them."""

    admin_url: str
    owner_url: str

    def create(self, name: str, template: str | None = None) -> Database:
        """Create a database, a copy of ``template`` if given (which nobody may be connected to)."""
        owner = parse_database_url(self.owner_url)
        words = [
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner.username or ""))
        ]
        if template:
            # Copying files beats replaying them through the log for databases as small as these.
            words.append(sql.SQL("TEMPLATE {}").format(sql.Identifier(template)))
        self._run(sql.SQL(" ").join(words))
        return Database(render_url(owner.set(database=name)))

    def drop(self, name: str) -> None:
        """Drop a database, ending what is connected to it."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the settings of the machine that it runs on, or writes into the checkout."""
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DBT_DOCS_DIR", str(tmp_path_factory.getbasetemp() / "dbt_docs"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test run."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield PostgresServer(given, given)
        return
    with tempfile.TemporaryDirectory(prefix="b24-tests-") as home, embedded_server(Path(home)) as server:
        yield PostgresServer(server.admin_url, server.url)


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> Iterator[str]:
    """The name of a migrated database that nothing is connected to."""
    name = f"b24_test_{os.getpid()}_template"
    upgrade(postgres.create(name))
    yield name
    postgres.drop(name)


_numbers = itertools.count(1)


@pytest.fixture
def empty_database(postgres: PostgresServer) -> Iterator[Database]:
    """A database without anything in it, for this test alone."""
    name = f"b24_test_{os.getpid()}_{next(_numbers)}"
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture
def database(postgres: PostgresServer, migrated_template: str) -> Iterator[Database]:
    """A migrated database, for this test alone."""
    name = f"b24_test_{os.getpid()}_{next(_numbers)}"
    yield postgres.create(name, migrated_template)
    postgres.drop(name)
