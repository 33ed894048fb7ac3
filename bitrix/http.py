"""One HTTP request to a portal: sent, redirected, answered or failed, without its URL leaking anywhere."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import structlog

from bitrix.decode import Response, parse_answer
from bitrix.errors import (
    AnswerTimeoutError,
    BitrixError,
    CertificateError,
    InvalidRequestError,
    MalformedAnswerError,
    UnreachableError,
)
from bitrix.webhook_url import WebhookUrl, is_loopback, redact

_CONNECT_SECONDS = 10.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3

log = structlog.get_logger("bitrix.http")


class _RedactingFilter(logging.Filter):
    """httpx logs every request's URL, and httpcore the headers of redirects: the webhook's secret is in both."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def _redact_http_logs() -> None:
    for name in ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks"))):
        logger = logging.getLogger(name)
        if not any(isinstance(item, _RedactingFilter) for item in logger.filters):
            logger.addFilter(_RedactingFilter())


_redact_http_logs()


class PortalHttp:
    """Connections to one portal. ``url`` follows the portal to a new host, ``requests`` counts what was sent."""

    def __init__(
        self, url: WebhookUrl, *, concurrency: int, timeout: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.url = url
        self.requests = 0
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=_CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            headers={"User-Agent": "bitrix-to-postgres", "Accept": "application/json"},
            follow_redirects=False,  # httpx would turn the POST into a GET
            trust_env=not is_loopback(httpx.URL(url.origin).host),  # no proxy on the way to this machine
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post(self, method: str, params: Mapping[str, Any], *, before: Callable[[], Awaitable[None]]) -> Response:
        """POST a method's parameters as JSON. ``before`` is awaited before each request, also those of redirects.

        Raises a :class:`~bitrix.errors.BitrixError` for every failure, of the network and of the portal.
        """
        target = self.url.reveal(f"{method}.json")
        for _ in range(_MAX_REDIRECTS + 1):
            await before()
            self.requests += 1
            try:
                answer: httpx.Response | BitrixError = await self._http.post(target, json=dict(params))
            except httpx.HTTPError as exc:
                answer = _network_error(method, self.url, exc)
            if isinstance(answer, BitrixError):
                raise answer  # outside the handler: httpx's exception holds the request, whose URL holds the secret
            # Read already, and it refers back to the answer, so that megabytes would wait for the garbage collector.
            answer.stream = httpx.ByteStream(b"")
            if answer.status_code not in _REDIRECTS:
                return _parse(method, answer, self.url)
            target = self._redirected(method, answer)
        raise InvalidRequestError(method, f"the portal redirects in circles from {self.url.host}")

    def _redirected(self, method: str, http: httpx.Response) -> str:
        """Where to send the same POST again. A portal that was renamed keeps the path: its new place is remembered."""
        status = http.status_code
        try:
            location = http.request.url.join(http.headers.get("location", ""))
        except httpx.InvalidURL:
            raise InvalidRequestError(method, f"{self.url.host} redirects to no valid address", status) from None
        if location.scheme != "https" and not is_loopback(location.host):
            raise InvalidRequestError(method, f"{self.url.host} redirects to {location.host} without TLS", status)
        netloc = location.netloc.decode("ascii")
        moved = self.url.moved(f"{location.scheme}://{netloc}", location.path, f"{method}.json")
        if moved is None:
            text = f"{self.url.host} redirects to a page of {location.host} that is no REST address"
            raise InvalidRequestError(method, text, status)
        if moved != self.url:
            log.warning("the portal moved", old=str(self.url), new=str(moved))
            self.url = moved
        return str(location)


def _parse(method: str, http: httpx.Response, url: WebhookUrl) -> Response:
    try:
        response = parse_answer(method, http.status_code, http.content)
    except BitrixError as error:
        error.detail = url.redact(error.detail)
        error.args = (error.method, error.detail, error.status, error.code)
        raise
    if response.time.started is None:
        return replace(response, time=replace(response.time, started=_date_header(http)))
    return response


def _date_header(http: httpx.Response) -> datetime | None:
    try:
        moment = parsedate_to_datetime(http.headers.get("date", ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _network_error(method: str, url: WebhookUrl, exc: httpx.HTTPError) -> BitrixError:
    what = url.redact(str(exc)) or type(exc).__name__
    if isinstance(exc, httpx.ConnectTimeout):
        return UnreachableError(method, f"no connection to {url.host} within {_CONNECT_SECONDS:.0f} s")
    if isinstance(exc, httpx.TimeoutException):
        return AnswerTimeoutError(method, f"{url.host} did not answer in time ({type(exc).__name__})")
    if isinstance(exc, httpx.DecodingError):
        return MalformedAnswerError(method, "the answer's compression is broken")
    if _has_certificate_error(exc):
        return CertificateError(method, f"no trusted connection to {url.host}: {what}")
    if isinstance(exc, httpx.ConnectError):
        return UnreachableError(method, f"cannot connect to {url.host}: {what}")
    return UnreachableError(method, f"the connection to {url.host} broke: {what}")


def _has_certificate_error(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(exc):
            return True
        exc = exc.__cause__ or exc.__context__
    return False
