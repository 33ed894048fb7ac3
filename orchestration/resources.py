"""What assets are given: a way to the portal and a way to the warehouse, both from the process's settings.

Neither has configuration of its own: Dagster shows run configuration in its UI, and a webhook URL is a secret.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import dagster as dg
from pydantic import PrivateAttr

from bitrix.client import PortalClient
from bitrix.limits import OperatingBudget
from bitrix.webhook_url import WebhookUrl, WebhookUrlError
from orchestration.process import PROCESS_TAG, this_process
from warehouse.database import Database, open_database
from warehouse.portal_limits import Rate, shared_limits
from warehouse.settings import load_settings


class PortalResource(dg.ConfigurableResource["PortalResource"]):
    """The Bitrix24 portal of ``BITRIX_WEBHOOK_URL``."""

    @asynccontextmanager
    async def client(self, database: Database, *, urgent: bool = False) -> AsyncIterator[PortalClient]:
        """A client of the portal within the limits that all processes share through ``database``.

        ``urgent`` requests go before those of bulk work. Raises ``dagster.Failure`` that says what to set when the URL
        is missing or wrong.
        """
        settings = load_settings()
        if settings.bitrix_webhook_url is None:
            raise dg.Failure(
                "BITRIX_WEBHOOK_URL is not set. Set it to the portal's incoming webhook, or start `b24 up`, which runs "
                "a simulated portal.",
                allow_retries=False,
            )
        try:
            url = WebhookUrl.parse(settings.bitrix_webhook_url.get_secret_value())
        except WebhookUrlError as error:
            raise dg.Failure(f"BITRIX_WEBHOOK_URL: {error}", allow_retries=False) from None
        rate = Rate(settings.bitrix_request_burst, settings.bitrix_requests_per_second)
        async with (
            shared_limits(database, url.origin, rate, urgent=urgent) as limits,
            PortalClient(
                url, bucket=limits, budget=OperatingBudget(store=limits), batch_size=settings.sync_batch_size
            ) as client,
        ):
            yield client


class WarehouseResource(dg.ConfigurableResource["WarehouseResource"]):
    """PostgreSQL of ``DATABASE_URL``, or the embedded server."""

    _database: Database = PrivateAttr()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[WarehouseResource]:
        """Hold the database open for one run, and let the run say which process executes it."""
        run = context.run
        if context.instance is not None and run is not None and context.instance.has_run(run.run_id):
            context.instance.add_run_tags(run.run_id, {PROCESS_TAG: this_process()})
        with open_database(load_settings()) as database:
            self._database = database
            yield self

    @property
    def database(self) -> Database:
        """The open database."""
        return self._database
