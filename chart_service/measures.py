"""What the chart service counts about itself: refusals of the guard, statements, calls of the model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from chart_service.ask.model_errors import Usage
from chart_service.guard import Refused
from chart_service.query.failures import QueryFailed
from webhook_api.measures import SECONDS, Measures

MODEL_SECONDS = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60)


class ChartMeasures(Measures):
    """The figures of one process of the chart service."""

    def __init__(self) -> None:
        super().__init__()
        registry = self.registry
        self._refusals = Counter(
            "b24_guard_refusals", "Statements that the guard refused, by rule.", ["rule"], registry=registry
        )
        self._query_seconds = Histogram(
            "b24_chart_query_seconds",
            "Time that PostgreSQL and the way to it took for a statement, by how it ended.",
            ["outcome"],
            buckets=SECONDS,
            registry=registry,
        )
        self._results = Counter(
            "b24_chart_results",
            "Results given, by where they came from: database or memory.",
            ["source"],
            registry=registry,
        )
        self._tokens = Counter(
            "b24_model_tokens",
            "Tokens of the model: prompt (cached ones included), cached, output.",
            ["model", "kind"],
            registry=registry,
        )
        self._model_seconds = Histogram(
            "b24_model_call_seconds",
            "Time of a call of the model, by how it ended.",
            ["model", "outcome"],
            buckets=MODEL_SECONDS,
            registry=registry,
        )
        self._dollars = Counter(
            "b24_model_cost_dollars", "What the model cost by the prices that are set.", ["model"], registry=registry
        )

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Counts the refusal that ends the block, if one does."""
        try:
            yield
        except Refused as refused:
            self._refusals.labels(refused.rule).inc()
            raise

    @contextmanager
    def querying(self) -> Iterator[None]:
        """Times a statement."""
        began, outcome = time.perf_counter(), "ok"
        try:
            yield
        except QueryFailed as failed:
            outcome = failed.code
            raise
        except Exception:
            outcome = "unavailable"
            raise
        finally:
            self._query_seconds.labels(outcome).observe(time.perf_counter() - began)

    def result(self, *, cached: bool) -> None:
        """Count a result that was given."""
        self._results.labels("memory" if cached else "database").inc()

    def model_call(self, model: str, outcome: str, usage: Usage, seconds: float, dollars: float) -> None:
        """Count a call of the model."""
        self._tokens.labels(model, "prompt").inc(usage.prompt_tokens)
        self._tokens.labels(model, "cached").inc(usage.cached_tokens)
        self._tokens.labels(model, "output").inc(usage.output_tokens)
        self._model_seconds.labels(model, outcome).observe(seconds)
        self._dollars.labels(model).inc(dollars)
