"""The chart service on data: a warehouse filled with a simulated portal's rows, and the service over real HTTP."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from chart_service.app import create_app
from cli.portal_rows import load_portal
from demo_portal.portal import Portal
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.settings import Settings

SEED = 5
DEALS = 500

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def loaded_template(postgres: PostgresServer, migrated_template: str) -> Iterator[str]:
    """The name of a database with the rows of a simulated portal, which nothing is connected to."""
    name = f"b24_test_{os.getpid()}_loaded"
    database = postgres.create(name, migrated_template)
    with database.connect("test", autocommit=True) as conn:
        load_portal(conn, Portal.generate(seed=SEED, deals=DEALS))
    yield name
    postgres.drop(name)


@pytest.fixture(scope="session")
def shared_api(postgres: PostgresServer, loaded_template: str) -> Iterator[httpx.Client]:
    """The service on a warehouse that tests share: for those that change nothing."""
    name = f"b24_test_{os.getpid()}_shared"
    database = postgres.create(name, loaded_template)
    with (
        serving(create_app(settings_with(database), database)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as http,
    ):
        yield http
    _drop(postgres, name)


@pytest.fixture
def warehouse(postgres: PostgresServer, loaded_template: str) -> Iterator[Database]:
    """A warehouse with 500 deals and all that belongs to them, for this test alone."""
    name = f"b24_test_{os.getpid()}_charts_{next(_numbers)}"
    yield postgres.create(name, loaded_template)
    _drop(postgres, name)


def _drop(postgres: PostgresServer, name: str) -> None:
    """Drop a database and the charts' login that belongs to it."""
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        row = admin.execute("SELECT oid FROM pg_database WHERE datname = %s", (name,)).fetchone()
        _end_sessions(postgres, name)
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(f"b24_charts_{row[0] if row else 0}")))


def _end_sessions(postgres: PostgresServer, name: str) -> None:
    """Drop the database. Only a superuser can end a statement of the charts' login; others wait until it has ended."""
    deadline = time.monotonic() + 30
    while True:
        try:
            postgres.drop(name)
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


@pytest.fixture
def owner(warehouse: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to the warehouse; commits each statement."""
    with warehouse.connect("test", autocommit=True) as connection:
        yield connection


@pytest.fixture
def charts_settings(warehouse: Database) -> Settings:
    """Settings of the service on the warehouse: no sign-in, no key of a model."""
    return settings_with(warehouse)


@pytest.fixture
def serve_charts(warehouse: Database) -> Iterator[Callable[[Settings], httpx.Client]]:
    """Start the service with settings of the test's own; answers a client of it."""
    with ExitStack() as stack:

        def start(settings: Settings) -> httpx.Client:
            url = stack.enter_context(serving(create_app(settings, warehouse)))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield start


@pytest.fixture
def charts_api(serve_charts: Callable[[Settings], httpx.Client], charts_settings: Settings) -> httpx.Client:
    """The service over HTTP on the warehouse, without a model's key."""
    return serve_charts(charts_settings)
