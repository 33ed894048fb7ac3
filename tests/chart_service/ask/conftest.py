"""The chart service on a loaded warehouse with a scripted model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.chart_service.ask.model_server import KEY, ModelServer, model_server
from tests.webhook_api.conftest import settings_with
from warehouse.database import Database


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A model that says what the test wrote down."""
    monkeypatch.setattr("chart_service.ask.model_client.FIRST_PAUSE_SECONDS", 0.01)
    with model_server() as server:
        yield server


@pytest.fixture
def serve_asking(
    serve_charts: Callable[..., httpx.Client], warehouse: Database, model: ModelServer
) -> Callable[..., httpx.Client]:
    """Start the service with the scripted model; ``values`` are further settings."""

    def start(**values: Any) -> httpx.Client:
        settings = settings_with(
            warehouse, openai_api_key=KEY, openai_base_url=model.url, **{"openai_timeout_seconds": 10, **values}
        )
        return serve_charts(settings)

    return start


@pytest.fixture
def asking(serve_asking: Callable[..., httpx.Client]) -> httpx.Client:
    """The service with the scripted model."""
    return serve_asking()
