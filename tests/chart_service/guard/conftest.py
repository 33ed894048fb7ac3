"""A small CRM with every view that the example statements read, and a login that is a member of chart_reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import PostgresServer
from warehouse.database import Database
from warehouse.settings import parse_database_url, render_url

SCHEMA = Path(__file__).with_name("small_crm.sql")
PASSWORD = "reader"


@pytest.fixture(scope="session")
def small_crm(postgres: PostgresServer, migrated_template: str) -> Iterator[Database]:
    """The database. Tests read it; what changes it is for a transaction that is rolled back."""
    name = f"b24_test_{os.getpid()}_guard"
    database = postgres.create(name, migrated_template)
    with database.connect("test", autocommit=True) as owner:
        owner.execute(SCHEMA.read_bytes())
    yield database
    postgres.drop(name)


@pytest.fixture(scope="session")
def reader_url(small_crm: Database) -> Iterator[str]:
    """URL of a login of its own that is a member of chart_reader, as the service uses one."""
    name = f"reader_of_{parse_database_url(small_crm.url).database}"
    with small_crm.connect("test", autocommit=True) as owner:
        owner.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE chart_reader").format(
                sql.Identifier(name), sql.Literal(PASSWORD)
            )
        )
    yield render_url(parse_database_url(small_crm.url).set(username=name, password=PASSWORD))
    with small_crm.connect("test", autocommit=True) as owner:
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def owner(small_crm: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection; what it does is rolled back."""
    with small_crm.connect("test") as connection:
        yield connection
        connection.rollback()
