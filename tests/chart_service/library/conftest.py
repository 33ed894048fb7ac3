"""The service on a database that was migrated and never synced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from chart_service.app import create_app
from tests.chart_service.query.conftest import activity
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

__all__ = ["activity"]


@pytest.fixture
def empty_of_data(database: Database) -> Iterator[Callable[[], httpx.Client]]:
    with ExitStack() as stack:

        def start() -> httpx.Client:
            url = stack.enter_context(serving(create_app(settings_with(database), database)))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield start
