"""Faults on demand: what a portal, its proxy or the network does on a bad day."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What happens instead of, or to, the answer."""

    RATE = "rate"
    """503 QUERY_LIMIT_EXCEEDED."""
    OVERLOAD = "overload"
    """503 OVERLOAD_LIMIT: the vendor blocked the portal."""
    OPERATING = "operating"
    """429 OPERATION_TIME_LIMIT; inside a batch only for the commands of that method."""
    ERROR = "error"
    """An error envelope with the given code, description and status; inside a batch only for that method."""
    SERVER_ERROR_HTML = "server_error_html"
    """500 with an HTML page."""
    BAD_GATEWAY_HTML = "bad_gateway_html"
    """502 with an HTML page."""
    GATEWAY_TIMEOUT_HTML = "gateway_timeout_html"
    """504 with an HTML page."""
    TOO_MANY_HTML = "too_many_html"
    """429 with an HTML page, from whatever stands before the portal."""
    FORBIDDEN_HTML = "forbidden_html"
    """403 with an HTML page."""
    HTML_200 = "html_200"
    """200 with an HTML page: a login form or a captive proxy."""
    EMPTY = "empty"
    """200 with an empty body."""
    TRUNCATED = "truncated"
    """The connection closes in the middle of the body."""
    TRUNCATED_JSON = "truncated_json"
    """A complete HTTP answer whose JSON is cut in the middle."""
    INVALID_UTF8 = "invalid_utf8"
    """Bytes that are no UTF-8 in the JSON."""
    BOM = "bom"
    """A byte order mark before the JSON."""
    PHP_WARNING = "php_warning"
    """A PHP warning in HTML before the JSON."""
    RESET = "reset"
    """The connection is reset without an answer."""
    HANG = "hang"
    """No answer for ``seconds``."""
    REDIRECT = "redirect"
    """302 to the same method under another address, as after a portal was renamed."""
    WRONG_TOTAL = "wrong_total"
    """List answers whose ``total`` is ``offset`` too high."""
    NO_TOTAL = "no_total"
    """List answers whose ``total`` is 0, as where counting is switched off."""
    SHORT_PAGE = "short_page"
    """List answers that lack their last row."""
    GAP = "gap"
    """List answers that lack a row in the middle."""
    DUPLICATE = "duplicate"
    """List answers whose first row comes twice, in place of the last one where the page is full."""


COMMAND_KINDS = frozenset(
    {
        FaultKind.OPERATING,
        FaultKind.ERROR,
        FaultKind.WRONG_TOTAL,
        FaultKind.NO_TOTAL,
        FaultKind.SHORT_PAGE,
        FaultKind.GAP,
        FaultKind.DUPLICATE,
    }
)
"""Kinds that strike a single command, so also one inside a batch; the others strike an HTTP request."""


@dataclass(slots=True)
class Fault:
    """A fault that will strike ``times`` more times (None: until cleared), for one method or for any.

    ``after`` requests or commands that match are spared first.
    """

    kind: FaultKind
    times: int | None = 1
    method: str | None = None
    after: int = 0
    code: str = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    status: int = 500
    seconds: float = 5.0
    offset: int = 7


class Faults:
    """The faults that are switched on. Thread-safe."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: FaultKind | str, **options: object) -> Fault:
        """Switch a fault on: ``add("rate", times=3)``, ``add("operating", method="crm.deal.list", times=None)``.

        Options are the attributes of ``Fault``. Raises ``ValueError`` for an unknown kind, ``TypeError`` for an option.
        """
        fault = Fault(FaultKind(kind), **options)  # type: ignore[arg-type]
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def on_request(self, method: str) -> Fault | None:
        """The fault that strikes this HTTP request, used up by one. ``method`` is the outer one, maybe ``batch``."""
        return self._take(method, command=False)

    def on_command(self, method: str) -> Fault | None:
        """The fault that strikes this command, used up by one."""
        return self._take(method, command=True)

    def _take(self, method: str, *, command: bool) -> Fault | None:
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if (fault.kind in COMMAND_KINDS) is not command or fault.method not in (None, method):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                return fault
        return None
