"""What the routes work with: made once at the application's start, asked for by type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from chart_service.ask.asker import Asker
from chart_service.ask.schema_source import SchemaSource
from chart_service.chart_data import Charts
from chart_service.dashboards.install import StarterInstaller
from chart_service.embedding.secret import SigningKeys
from chart_service.measures import ChartMeasures
from chart_service.sign_in.sessions import Sessions
from chart_service.sign_in.supabase import SupabaseSignIn
from warehouse.database import Database
from warehouse.settings import Settings
from webhook_api.auth import TokenChecker
from webhook_api.pool import ConnectionPool


@dataclass(frozen=True, slots=True)
class Services:
    """Everything outside the process, and the settings. Lives in ``app.state.services`` while the application runs.

    ``pool`` is the owner's: for schema ``app`` only. Statements that people or models write go through ``charts``.
    """

    settings: Settings
    database: Database
    pool: ConnectionPool
    tokens: TokenChecker
    starters: StarterInstaller
    signing: SigningKeys
    supabase: SupabaseSignIn
    sessions: Sessions
    charts: Charts
    schemas: SchemaSource
    asker: Asker
    measures: ChartMeasures


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(_services)]
