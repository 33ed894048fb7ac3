"""From the bytes of the portal's answers to committed rows, against a bare binary COPY and merge of the same rows.

A program of its own for ``b24 bench --compare``: it reads ``BENCH_WEBHOOK_URL`` and ``BENCH_DATABASE_URL``. A first
full sync of the deals records every answer; then the table is emptied and the very same sync runs on what was recorded,
without a portal: decoding, conversion, COPY, log and all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import statistics
import sys

import httpx
import structlog
from psycopg import sql

from bitrix.client import PortalClient
from bitrix.entities import entity_named
from bitrix.limits import LeakyBucket
from bitrix.webhook_url import WebhookUrl
from cli.bench.bare import measure_bare
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncReport, SyncRequest
from warehouse.database import Database

DEAL = entity_named("deal")
TABLE = sql.Identifier("bitrix", DEAL.table)
STATE = ("app.sync_state", "app.full_syncs", "app.sync_logs")
ROUNDS = 3


class Recorder(httpx.AsyncBaseTransport):
    """Answers a request that was sent before with what came then."""

    def __init__(self) -> None:
        self._portal = httpx.AsyncHTTPTransport()
        self._answers: dict[tuple[str, bytes], tuple[int, bytes]] = {}
        self.sent = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The recorded answer, or the portal's."""
        key = (request.url.path, request.content)
        if key not in self._answers:
            answer = await self._portal.handle_async_request(request)
            self._answers[key] = answer.status_code, await answer.aread()
            self.sent += 1
        status, body = self._answers[key]
        return httpx.Response(status, headers={"content-type": "application/json"}, content=body)

    async def aclose(self) -> None:
        """Close the connections to the portal; what was recorded stays, for the event loop of another sync."""
        await self._portal.aclose()
        self._portal = httpx.AsyncHTTPTransport()


def main() -> None:
    """Measure and print rows per second, the medians of some rounds."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),  # the figures alone go to standard output
    )
    database = Database(os.environ["BENCH_DATABASE_URL"])
    url = WebhookUrl.parse(os.environ["BENCH_WEBHOOK_URL"])
    recorder = Recorder()
    asyncio.run(_sync(database, url, recorder))
    ours: list[float] = []
    for _ in range(3 * ROUNDS):
        _forget(database)
        recorded = recorder.sent
        report = asyncio.run(_sync(database, url, recorder))
        if recorder.sent == recorded:  # what goes into one batch depends on which answers came first
            ours.append(report.counts.inserted / report.seconds)
        if len(ours) == ROUNDS:
            break
    else:
        raise RuntimeError("the sync asked for something new each time: no figure without the portal")
    bare = asyncio.run(measure_bare(database, os.environ["BENCH_WEBHOOK_URL"]))
    median = statistics.median(ours)
    figures = {
        "rows": report.counts.inserted,
        "from_bytes_rows_per_second": round(median),
        "bare_upsert_rows_per_second": bare.upsert,
        "bare_merge_rows_per_second": bare.merge,
        "of_bare_upsert": round(median / bare.upsert, 3),
        "of_bare_merge": round(median / bare.merge, 3),
    }
    print(json.dumps(figures))


async def _sync(database: Database, url: WebhookUrl, recorder: Recorder) -> SyncReport:
    unlimited = LeakyBucket(capacity=1_000_000, leak=1_000_000)
    async with PortalClient(url, bucket=unlimited, transport=recorder) as client:
        return await sync_entity(client, lambda: database.connect("bench"), SyncRequest(DEAL, "full"))


def _forget(database: Database) -> None:
    with database.connect("bench", autocommit=True) as conn:
        conn.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join([TABLE, *map(sql.SQL, STATE)])))


if __name__ == "__main__":
    main()
