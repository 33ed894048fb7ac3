"""What a service counts about itself, in its own memory: requests by route and status, and how long they took."""

from __future__ import annotations

from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

TEXT = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter that nothing reads


class PrometheusText(PlainTextResponse):
    """An answer in Prometheus's text format."""

    media_type = TEXT


class Measures:
    """The figures of one process; ``registry`` takes more. Each replica has its own: Prometheus adds them up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "b24_http_requests", "Requests answered, by route.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "b24_http_request_seconds",
            "Time until a request was answered.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. ``route`` is the path's template, so that ids make no series; status 0: hung up."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> str:
        """Prometheus's text format."""
        return generate_latest(self.registry).decode()
