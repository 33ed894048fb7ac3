"""The FastAPI application: assembly only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from warehouse.database import Database
from warehouse.settings import Settings
from webhook_api import health, metrics, registration, schema, sync_control, sync_status, webhooks
from webhook_api.auth import TokenChecker
from webhook_api.dagster_api import DagsterApi
from webhook_api.errors import COMMON_ERRORS, add_error_handlers
from webhook_api.event_store import event_store
from webhook_api.health import Probes
from webhook_api.measures import Measures
from webhook_api.pool import connection_pool
from webhook_api.requests import RequestContext
from webhook_api.senders import Senders
from webhook_api.services import Services

BODY_BYTES = 64 * 1024
"""An event of the portal has 1 or 2 KB, every other body less."""

DESCRIPTION = """Steers the copy of a Bitrix24 CRM in PostgreSQL and receives the portal's events.

Every error has one shape: `detail` says what happened and what to do, `code` is for programs, `request_id` finds the
request in the service's log. Everything but `/health` and the event handler needs a signed-in user."""

TAGS = [
    {"name": "sync", "description": "What is synced, how often, how it stands; start a sync."},
    {"name": "schema", "description": "What tables and columns mean."},
    {"name": "webhooks", "description": "Events of the portal."},
    {"name": "health", "description": "For load balancers and Prometheus."},
]


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application for one installation. Connects to nothing before it starts, and starts without any of it."""

    measures = Measures()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(connection_pool(database))
            tokens = TokenChecker(settings)
            stack.push_async_callback(tokens.aclose)
            dagster = stack.enter_context(DagsterApi(settings.dagster_url))
            events = await stack.enter_async_context(event_store(database))
            probes = Probes(settings, pool, dagster)
            senders = Senders(settings, database)
            app.state.services = Services(settings, database, pool, dagster, events, tokens, probes, senders, measures)
            yield

    app = FastAPI(
        title="bitrix-to-postgres: control and webhook API",
        version=version("bitrix-to-postgres"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redoc_url=None,
        responses=COMMON_ERRORS,
        lifespan=lifespan,
    )
    app.add_middleware(RequestContext, body_bytes=BODY_BYTES, measures=measures)
    add_error_handlers(app)
    for module in (sync_control, sync_status, schema, webhooks, registration, health, metrics):
        app.include_router(module.router)
    return app
