"""From the text of a statement to its rows: guarded, filtered, planned, run, each step done once and kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from chart_service.guard import Checked, check
from chart_service.guard.filters import Filters, RowRule, apply
from chart_service.measures import ChartMeasures
from chart_service.query.cache import ResultCache
from chart_service.query.moments import moment
from chart_service.query.plan import Plan
from chart_service.query.runner import ROWS, Result, Runner
from chart_service.query.schema import CrmSchema
from chart_service.query.versions import DataVersions
from chart_service.rows import Rows
from warehouse.settings import Settings

THREADS = 2
"""For parsing, drawing and writing files: more would only take the processor from each other."""
PLAN_SECONDS = 3600

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Rows of a statement and what they are of. ``key`` is the same for the same rows; ``cached``: nothing was run."""

    rows: Rows
    milliseconds: float
    cached: bool
    data_version: str
    as_of: datetime | None
    key: tuple[str, ...]


class Statements:
    """Everything that turns statements into rows. One for the process, closed at its end."""

    def __init__(
        self, settings: Settings, runner: Runner, versions: DataVersions, measures: ChartMeasures | None = None
    ) -> None:
        self.runner = runner
        self.measures = measures or ChartMeasures()
        self.versions = versions
        self.zone = ZoneInfo(settings.chart_time_zone)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="charts")
        self._checked: ResultCache[Checked] = ResultCache(lambda checked: 2_000 + 20 * len(checked.sql), 16 * 2**20)
        self._plans: ResultCache[Plan] = ResultCache(lambda _: 500, 2**20)
        self._results: ResultCache[Result] = ResultCache(lambda result: result.size)

    async def aclose(self) -> None:
        """Close connections and threads."""
        await self.runner.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do work that takes the processor without holding up everybody else's requests."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def schema(self) -> CrmSchema:
        """The views as they are now."""
        return (await self.versions.now()).schema

    async def checked(
        self,
        sql: str,
        filters: Filters | None = None,
        rules: Sequence[RowRule] = (),
        *,
        schema: CrmSchema | None = None,
    ) -> Checked:
        """The statement as it may run, each view that it reads narrowed to the filters and rules.

        Raises ``Refused``.
        """
        schema = schema or await self.schema()
        with self.measures.guarding():
            return await self._guarded(sql, filters, rules, schema)

    async def _guarded(self, sql: str, filters: Filters | None, rules: Sequence[RowRule], schema: CrmSchema) -> Checked:
        columns = schema.columns
        plain, _ = await self._checked.get(
            ("plain", schema.hash, sql), lambda: self.in_thread(lambda: check(sql, columns))
        )
        filters = filters or Filters()
        if filters == Filters() and not rules:
            return plain
        key = ("narrow", schema.hash, sql, filters.model_dump_json(), tuple(rules))
        narrowed, _ = await self._checked.get(
            key, lambda: self.in_thread(lambda: apply(plain, filters, tuple(rules), schema.types, self.zone))
        )
        return narrowed

    async def explain(self, checked: Checked) -> Plan:
        """PostgreSQL's plan, which finds most errors without running. Raises ``QueryFailed``."""
        return await self._plan(checked, (await self.versions.now()).schema)

    async def load(self, checked: Checked, *, rows: int = ROWS, refresh: bool = False) -> Loaded:
        """The rows of a checked statement: from memory while the data that it reads is the same.

        ``refresh`` looks for new data now and runs it again. Raises as :meth:`Runner.run` and ``explain`` do.
        """
        began = time.perf_counter()
        versions = await self.versions.now(fresh=refresh)
        plan = await self._plan(checked, versions.schema)
        data_version = versions.of_tables(plan.tables)
        key = (checked.sql, str(rows), data_version, moment(checked.sql, self.zone))
        result, cached = await self._results.get(key, lambda: self._run(checked, rows), refresh=refresh)
        self.measures.result(cached=cached)
        milliseconds = (time.perf_counter() - began) * 1000
        return Loaded(result.rows, milliseconds, cached, data_version, versions.as_of(checked.relations), key)

    async def export_rows(self, checked: Checked, rows: int) -> Rows:
        """Many rows, which are not kept. Raises as :meth:`Runner.run` and ``explain`` do."""
        await self.explain(checked)
        return (await self._run(checked, rows, self.runner.limits.export_bytes)).rows

    async def _run(self, checked: Checked, rows: int, total_bytes: int | None = None) -> Result:
        with self.measures.querying():
            return await self.runner.run(checked, rows=rows, total_bytes=total_bytes)

    async def _plan(self, checked: Checked, schema: CrmSchema) -> Plan:
        key = (schema.hash, checked.sql, int(time.time() // PLAN_SECONDS))
        plan, _ = await self._plans.get(key, lambda: self.runner.explain(checked))
        return plan
