"""From the bytes of the portal's answers to committed rows, against a bare binary COPY and merge of the same rows.

A program of its own for ``b24 bench --compare``: it reads ``BENCH_WEBHOOK_URL`` and ``BENCH_DATABASE_URL``. A first
full sync of the deals records every answer; then the table is emptied and the very same sync runs on what was recorded,
without a portal: decoding, conversion, COPY, merge, log and all. The bare way sends COPY data that was made beforehand
and upserts it, in the same units, with nothing else around.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import statistics
import sys
import time

import httpx
import structlog
from psycopg import Connection, sql

from bitrix.client import PortalClient
from bitrix.entities import entity_named
from bitrix.limits import LeakyBucket
from bitrix.webhook_url import WebhookUrl
from orchestration.entity_sync import sync_entity
from orchestration.row_writer import UNIT_ROWS
from orchestration.sync_report import SyncReport, SyncRequest
from warehouse.columns import SERVICE_COLUMNS
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
        """Close the connections to the portal; what was recorded stays."""
        await self._portal.aclose()


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
    recorded, ours = recorder.sent, []
    for _ in range(ROUNDS):
        _forget(database)
        report = asyncio.run(_sync(database, url, recorder))
        ours.append(report.counts.inserted / report.seconds)
    if recorder.sent != recorded:
        raise RuntimeError(f"{recorder.sent - recorded} requests were not among those recorded: no figure without them")
    with database.connect("bench") as conn:
        units = _prepared(conn)
        bare = [report.counts.inserted / _bare(conn, units) for _ in range(ROUNDS)]
    ours_median, bare_median = statistics.median(ours), statistics.median(bare)
    figures = {
        "rows": report.counts.inserted,
        "from_bytes_rows_per_second": round(ours_median),
        "prepared_rows_per_second": round(bare_median),
        "ratio": round(ours_median / bare_median, 3),
    }
    print(json.dumps(figures))


async def _sync(database: Database, url: WebhookUrl, recorder: Recorder) -> SyncReport:
    unlimited = LeakyBucket(capacity=1_000_000, leak=1_000_000)
    async with PortalClient(url, bucket=unlimited, transport=recorder) as client:
        return await sync_entity(client, lambda: database.connect("bench"), SyncRequest(DEAL, "full"))


def _forget(database: Database) -> None:
    with database.connect("bench", autocommit=True) as conn:
        conn.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join([TABLE, *map(sql.SQL, STATE)])))


def _columns(conn: Connection) -> sql.Composed:
    names = conn.execute(
        """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
           AND NOT attname = ANY(%s) ORDER BY attnum""",
        (f"bitrix.{DEAL.table}", [name for name in SERVICE_COLUMNS if name != "_extra"]),
    ).fetchall()
    return sql.SQL(", ").join(sql.Identifier(name) for (name,) in names)


def _prepared(conn: Connection) -> list[bytes]:
    """The rows of the table as COPY data, in units."""
    [count] = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(TABLE)).fetchone() or (0,)
    rows = sql.SQL("COPY (SELECT {} FROM {} ORDER BY id LIMIT {} OFFSET {}) TO STDOUT (FORMAT binary)")
    units = []
    for start in range(0, count, UNIT_ROWS):
        statement = rows.format(_columns(conn), TABLE, sql.Literal(UNIT_ROWS), sql.Literal(start))
        with conn.cursor() as cursor, cursor.copy(statement) as copy:
            units.append(b"".join(bytes(part) for part in copy))
    return units


def _bare(conn: Connection, units: list[bytes]) -> float:
    """Seconds of COPY and merge alone, into the emptied table."""
    columns = _columns(conn)
    staging = sql.Identifier("pg_temp", "prepared")
    conn.execute(sql.SQL("TRUNCATE {}").format(TABLE))
    conn.commit()
    begun = time.monotonic()
    for unit in units:
        conn.execute(
            sql.SQL("CREATE TEMPORARY TABLE prepared ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                columns, TABLE
            )
        )
        with conn.cursor() as cursor:
            with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(staging)) as copy:
                copy.write(unit)
            changes = sql.SQL(", ").join(
                sql.SQL("{c} = excluded.{c}").format(c=column)
                for column in columns
                if isinstance(column, sql.Identifier)
            )
            cursor.execute(
                sql.SQL("INSERT INTO {t} ({c}) SELECT {c} FROM {s} ON CONFLICT (id) DO UPDATE SET {a}").format(
                    t=TABLE, c=columns, s=staging, a=changes
                )
            )
        conn.commit()
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
