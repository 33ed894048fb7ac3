"""The API as it runs: uvicorn on a port of this machine, real HTTP, a database of the test's own. Dagster is away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from warehouse.database import Database
from warehouse.settings import Settings, load_settings
from webhook_api.app import create_app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The base URL of an application that answers while this is open."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def settings(database: Database) -> Settings:
    return settings_with(database)


def settings_with(database: Database, **values: Any) -> Settings:
    """Settings of this test: its database, no Dagster anywhere."""
    return load_settings(database_url=database.url, dagster_url="http://127.0.0.1:9", **values)


@pytest.fixture
def api(settings: Settings, database: Database) -> Iterator[httpx.Client]:
    with (
        serving(create_app(settings, database)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as http,
    ):
        yield http
