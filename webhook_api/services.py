"""What the routes work with: made once at the application's start, asked for by type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from warehouse.database import Database
from warehouse.settings import Settings
from webhook_api.dagster_api import DagsterApi
from webhook_api.event_store import EventStore
from webhook_api.measures import Measures
from webhook_api.pool import ConnectionPool

if TYPE_CHECKING:
    from webhook_api.auth import TokenChecker
    from webhook_api.health import Probes
    from webhook_api.senders import Senders


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the process, and the settings. Lives in ``app.state.services`` while the application runs.

    ``dagster`` blocks: call it through :func:`webhook_api.dagster_threads.ask_dagster`.
    """

    settings: Settings
    database: Database
    pool: ConnectionPool
    dagster: DagsterApi
    events: EventStore
    tokens: TokenChecker
    probes: Probes
    senders: Senders
    measures: Measures


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]


def run_url(settings: Settings, run_id: str) -> str:
    """Where people see a run in the Dagster UI."""
    return f"{settings.dagster_public_url or settings.dagster_url}/runs/{run_id}"
