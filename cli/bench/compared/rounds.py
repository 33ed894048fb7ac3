"""Rounds of a comparison: each tool copies all deals into empty tables, then what changed meanwhile."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import httpx
from psycopg import sql

from cli.bench.compared.tools import OURS, TABLE, Tool
from cli.bench.limits import begin_anew
from cli.bench.measured import Measured, measure
from warehouse.database import Database

CHANGED = 0.01
ADDED = 0.2
"""Of the deals that change, so many are new ones; the others are edited."""
PAGE, PAGES = 50, 50


@dataclass(frozen=True, slots=True)
class Copy:
    """One run of a tool. ``seconds`` are the copy's own, without the start of the process, which ``run`` has too;
    ``refused`` counts the portal's refusals by its limits."""

    run: Measured
    rows: int
    seconds: float
    requests: int
    refused: int


@dataclass(frozen=True, slots=True)
class Round:
    """One tool's copy of everything and of what changed. ``wrong`` counts deals of which it then has another state than
    the portal, or that only one of the two has."""

    full: Copy
    changes: Copy
    wrong: int


class Place:
    """The portal, the database and the directory that all tools of a comparison work with. Use as ``with``."""

    def __init__(self, home: Path, database: Database, webhook_url: str, *, limits: bool, latency: float = 0.0) -> None:
        """``latency`` is how many seconds every answer of the portal takes longer."""
        self.home = home
        self.database = database
        self.limits = limits
        self.latency = latency
        self._webhook_url = webhook_url
        self._portal = httpx.Client(base_url=webhook_url.partition("/rest/")[0], timeout=60, trust_env=False)
        self._environment = {
            "B24_HOME": str(home),
            "DATABASE_URL": database.url,
            "BITRIX_WEBHOOK_URL": webhook_url,
            "BENCH_HOME": str(home),
            "BENCH_DATABASE_URL": database.url,
            "BENCH_WEBHOOK_URL": webhook_url,
            "BENCH_LIMITS": "on" if limits else "off",
        }

    def __enter__(self) -> Self:
        """Raises ``httpx.HTTPError`` when the portal does not answer."""
        self._control("POST", "limits", {"latency": self.latency})
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._portal.close()

    def round(self, tools: Sequence[Tool], seed: int) -> list[Round]:
        """A round of each tool, on the same deals and the same changes.

        Raises ``RuntimeError`` when a tool fails, ``httpx.HTTPError`` when the portal does.
        """
        for tool in tools:
            self._empty(tool)
        full = [self._run(tool, tool.full) for tool in tools]
        self.change(seed)
        changes = [self._run(tool, tool.changes) for tool in tools]
        truth = dict(self._deals())
        wrong = [self._wrong(tool, truth) for tool in tools]
        return [Round(*figures) for figures in zip(full, changes, wrong, strict=True)]

    def program(self, module: str, what: str) -> Any:
        """The answer of another program of the benchmark, which finds the portal and the database as the tools do."""
        return measure(module, environment=self._environment, what=what).answer

    def sync(self, *options: str) -> Measured:
        """A sync of the deals by this project."""
        environment = self._environment if self.limits else {**self._environment, **OURS.unlimited}
        return measure(OURS.module, "sync", "deal", "--json", *options, environment=environment, what="the sync")

    def change(self, seed: int) -> None:
        """Edit and add one deal in a hundred; the same ones for the same seed and portal."""
        chance = random.Random(seed)  # noqa: S311
        ids = sorted(row_id for row_id, _ in self._deals())
        count = max(2, round(len(ids) * CHANGED))
        added = max(1, round(count * ADDED))
        for number in range(added):
            fields: Mapping[str, object] = {"TITLE": f"New {seed}/{number}", "OPPORTUNITY": 1000}
            self._control("POST", "add", {"entity": "deal", "fields": fields})
        for row_id in chance.sample(ids, count - added):
            fields = {"OPPORTUNITY": chance.randrange(1000, 900_000), "COMMENTS": f"Edited {seed}"}
            self._control("POST", "update", {"entity": "deal", "id": row_id, "fields": fields})

    def _empty(self, tool: Tool) -> None:
        with self.database.connect("bench", autocommit=True) as conn:
            if tool is OURS:
                begin_anew(conn)
                return
            schema = sql.Identifier(tool.schema)
            conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
            conn.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        shutil.rmtree(self.home / "dlt", ignore_errors=True)

    def _run(self, tool: Tool, arguments: Sequence[str]) -> Copy:
        self._control("POST", "stats/reset")
        environment = self._environment if self.limits else {**self._environment, **tool.unlimited}
        run = measure(tool.module, *arguments, environment=environment, what=tool.name)
        stats = self._control("GET", "stats")
        refused = stats["503"] + stats["429"]
        if tool is OURS:
            [outcome] = run.answer
            return Copy(run, outcome["fetched"], outcome["seconds"], stats["requests"], refused)
        return Copy(run, run.answer["rows"], run.answer["seconds"], stats["requests"], refused)

    def _control(self, verb: str, action: str, body: object = None) -> Any:
        answer = self._portal.request(verb, f"/_portal/{action}", json=body)
        answer.raise_for_status()
        return answer.json()["result"]

    def _deals(self) -> Iterator[tuple[int, datetime]]:
        """Every deal's id and time of change, as the portal has them."""
        command = "crm.deal.list?start=-1&order[ID]=ASC&select[]=ID&select[]=DATE_MODIFY&filter[%3EID]="
        above = 0
        while True:
            chain = {"c0": f"{command}{above}"}
            chain |= {f"c{at}": f"{command}$result[c{at - 1}][{PAGE - 1}][ID]" for at in range(1, PAGES)}
            self._control("POST", "stats/reset")  # no limit holds up what only checks the tools
            answer = self._portal.post(f"{self._webhook_url}batch", json={"cmd": chain})
            answer.raise_for_status()
            for rows in answer.json()["result"]["result"].values():
                yield from ((int(row["ID"]), datetime.fromisoformat(row["DATE_MODIFY"])) for row in rows)
                if len(rows) < PAGE:
                    return
                above = int(rows[-1]["ID"])

    def _wrong(self, tool: Tool, truth: Mapping[int, datetime]) -> int:
        statement = sql.SQL("SELECT {}::bigint, {}::timestamptz FROM {}").format(
            sql.Identifier(tool.key), sql.Identifier(tool.modified), sql.Identifier(tool.schema, TABLE)
        )
        with self.database.connect("bench") as conn:
            found = dict(conn.execute(statement).fetchall())
        return sum(found.get(row_id) != truth.get(row_id) for row_id in found.keys() | truth.keys())
