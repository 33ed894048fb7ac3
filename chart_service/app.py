"""The FastAPI application: assembly only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from chart_service import health, metrics
from chart_service.ask import ask_routes, settings_routes
from chart_service.ask.ask_errors import add_ask_errors
from chart_service.ask.asker import Asker
from chart_service.ask.model_client import model_client
from chart_service.ask.schema_source import SchemaSource
from chart_service.chart_data import Charts
from chart_service.dashboards import dashboard_routes, data_routes, freshness_routes
from chart_service.dashboards.install import StarterInstaller
from chart_service.embedding import frame_routes, guest_routes, link_routes, security_routes, superset_routes
from chart_service.embedding.errors import add_superset_errors
from chart_service.embedding.secret import SigningKeys
from chart_service.errors import add_chart_errors
from chart_service.library import chart_routes, sql_routes
from chart_service.measures import ChartMeasures
from chart_service.pages import page_routes, section_routes, sign_in_page
from chart_service.pages.assets import Assets
from chart_service.pages.viewer import add_page_errors
from chart_service.query import DataVersions, Runner
from chart_service.query.replica import replica
from chart_service.query.statements import Statements
from chart_service.schema import schema_routes
from chart_service.services import Services
from chart_service.sign_in import routes as sign_in
from chart_service.sign_in.middleware import SessionCookie
from chart_service.sign_in.sessions import Sessions
from chart_service.sign_in.supabase import SupabaseSignIn
from warehouse.database import Database
from warehouse.settings import Settings
from webhook_api.auth import TokenChecker
from webhook_api.errors import COMMON_ERRORS, add_error_handlers
from webhook_api.pool import connection_pool
from webhook_api.requests import RequestContext

BODY_BYTES = 1024 * 1024
"""A dashboard of a hundred charts has 100 KB; a statement at most 20 KB."""

DESCRIPTION = """Charts asked for in words or written in SQL, kept, filtered, exported, put on dashboards and embedded.

Every error has one shape: `detail` says what happened and what to do, `code` is for programs, `request_id` finds the
request in the service's log. Every statement, whoever wrote it, passes one guard and runs as a login that may only read
the schema `crm`."""

TAGS = [
    {"name": "asking", "description": "Questions in words: answers, history, examples, settings, cost."},
    {"name": "charts", "description": "The library: kept charts, their data, their files."},
    {"name": "sql", "description": "Statements: check, run, draw, export; what filters can choose from."},
    {"name": "dashboards", "description": "Charts on a grid, with filters that hold for all of them."},
    {"name": "embedding", "description": "Dashboards in other sites, as Superset embeds them; links that show one."},
    {"name": "schema", "description": "What every table and column means."},
    {"name": "sign-in", "description": "Sessions of browsers."},
    {"name": "health", "description": "For load balancers and Prometheus."},
]

ROUTERS = (
    ask_routes.router,
    settings_routes.router,
    sql_routes.router,
    chart_routes.router,
    dashboard_routes.router,
    data_routes.router,
    freshness_routes.router,
    link_routes.router,
    guest_routes.router,
    frame_routes.router,
    security_routes.router,
    superset_routes.router,
    sign_in.router,
    health.router,
    metrics.router,
    page_routes.router,
    schema_routes.router,
    section_routes.router,
    sign_in_page.router,
)


def create_app(settings: Settings, database: Database) -> FastAPI:
    """The application for one installation. Connects to nothing before it starts, and starts without any of it."""

    measures = ChartMeasures()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await stack.enter_async_context(connection_pool(database))
            tokens = TokenChecker(settings)
            stack.push_async_callback(tokens.aclose)
            supabase = SupabaseSignIn(settings)
            stack.push_async_callback(supabase.aclose)
            copy = settings.chart_database_url
            versions = DataVersions(
                pool, None if copy is None else await stack.enter_async_context(replica(copy.get_secret_value()))
            )
            statements = Statements(settings, Runner(database, settings), versions, measures)
            stack.push_async_callback(statements.aclose)
            schemas = SchemaSource(database, versions)
            client = model_client(settings)
            if client is not None:
                await stack.enter_async_context(client)
            asker = Asker(pool, schemas, client, settings.chart_time_zone, measures)
            stack.push_async_callback(asker.aclose)
            app.state.services = Services(
                settings=settings,
                database=database,
                pool=pool,
                tokens=tokens,
                starters=StarterInstaller(),
                signing=SigningKeys(settings, pool),
                supabase=supabase,
                sessions=Sessions(pool, supabase),
                charts=Charts(statements),
                schemas=schemas,
                asker=asker,
                measures=measures,
            )
            yield

    app = FastAPI(
        title="bitrix-to-postgres: charts",
        version=version("bitrix-to-postgres"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redoc_url=None,
        responses=COMMON_ERRORS,
        lifespan=lifespan,
    )
    app.add_middleware(SessionCookie)
    app.add_middleware(RequestContext, body_bytes=BODY_BYTES, measures=measures)
    add_error_handlers(app)
    add_chart_errors(app)
    add_ask_errors(app)
    add_superset_errors(app)
    add_page_errors(app)
    app.state.assets = Assets(fresh=settings.debug)
    for router in ROUTERS:
        app.include_router(router)
    return app
