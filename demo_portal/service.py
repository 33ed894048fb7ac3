"""Answers calls: rights, limits, faults and the envelope around every method."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from demo_portal.clock import print_datetime
from demo_portal.errors import RestError, insufficient_scope, method_not_found, operation_time_limit
from demo_portal.faults import Fault, FaultKind
from demo_portal.limits import LeakyBucket, LimitSettings, OperatingTime
from demo_portal.listing import PAGE
from demo_portal.methods import METHODS, Answer, Call, Method
from demo_portal.portal import Portal


@dataclass(slots=True)
class Stats:
    """What was asked since the last reset. ``commands`` counts methods wherever they were called, batch or not."""

    requests: int = 0
    refused_by_rate: int = 0
    refused_by_operating_time: int = 0
    pages: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    """Rows that list methods answered with by method, but not rows of one field, which tell ids."""
    statuses: Counter[int] = field(default_factory=Counter)

    def reset(self) -> None:
        """Start from zero."""
        fresh = Stats()
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def as_dict(self) -> dict[str, Any]:
        """For the control interface."""
        return {
            "requests": self.requests,
            "503": self.refused_by_rate,
            "429": self.refused_by_operating_time,
            "pages": self.pages,
            "methods": dict(self.methods),
            "commands": dict(self.commands),
            "records": dict(self.records),
            "statuses": {str(status): count for status, count in self.statuses.items()},
        }


class Service:
    """The portal's REST interface without HTTP around it."""

    def __init__(self, portal: Portal, settings: LimitSettings) -> None:
        self.portal = portal
        self.settings = settings
        self.bucket = LeakyBucket(settings)
        self.operating = OperatingTime(settings)
        self.stats = Stats()

    def command(self, method: str, params: Mapping[str, Any], access_token: str | None) -> tuple[Answer, float]:
        """Run one method; returns its answer and the operating seconds it has used. Raises ``RestError``."""
        self.stats.commands[method] += 1
        found = self.allowed(method)
        fault = self.portal.faults.on_command(method)
        if fault is not None and fault.kind == FaultKind.ERROR:
            raise RestError(fault.code, fault.description, fault.status)
        blocked = fault is not None and fault.kind == FaultKind.OPERATING
        if blocked or self.operating.exhausted(method, self.portal.clock.time()):
            self.stats.refused_by_operating_time += 1
            raise operation_time_limit()
        lowered = {name.lower(): value for name, value in params.items()}
        with self.portal.lock:
            answer = found.handler(Call(self.portal, lowered, access_token))
        if isinstance(answer.result, list):
            self.stats.records[method] += sum(isinstance(row, Mapping) and len(row) > 1 for row in answer.result)
        pages = answer.pages if found.scope else 0  # probes such as profile cost next to nothing
        self.stats.pages += pages
        used = self.operating.charge(method, pages, self.portal.clock.time())
        return (_struck(fault, answer) if fault else answer), used

    def allowed(self, method: str) -> Method:
        """The method if it exists and its scope was granted. Raises ``RestError``."""
        found = METHODS.get(method)
        if found is None:
            raise method_not_found()
        if found.scope is not None and found.scope not in self.portal.scopes:
            raise insufficient_scope()
        return found

    def time_block(self, method: str, started: float, used: float) -> dict[str, Any]:
        """The ``time`` part of an answer; ``started`` is ``time.perf_counter()`` at the call's begin."""
        now = self.portal.clock.time()
        duration = time.perf_counter() - started
        start = now - duration
        return {
            "start": start,
            "finish": now,
            "duration": duration,
            "processing": duration,
            "date_start": print_datetime(int(start)),
            "date_finish": print_datetime(int(now)),
            "operating_reset_at": self.operating.reset_at(method, now),
            "operating": used,
        }

    def single(self, method: str, params: Mapping[str, Any], access_token: str | None) -> dict[str, Any]:
        """The whole answer to one method outside a batch. Raises ``RestError``."""
        started = time.perf_counter()
        answer, used = self.command(method, params, access_token)
        body: dict[str, Any] = {"result": answer.result}
        if answer.next is not None:
            body["next"] = answer.next
        if answer.total is not None:
            body["total"] = answer.total
        body["time"] = self.time_block(method, started, used)
        return body


def _struck(fault: Fault, answer: Answer) -> Answer:
    """An answer after a fault that spoils a list. Only lists that are not nested can lack or repeat rows."""
    match fault.kind:
        case FaultKind.WRONG_TOTAL if answer.total is not None:
            return replace(answer, total=max(0, answer.total + fault.offset))
        case FaultKind.NO_TOTAL if answer.total is not None:
            return replace(answer, total=0)
    if not isinstance(answer.result, list) or not answer.result:
        return answer
    rows = answer.result
    match fault.kind:
        case FaultKind.SHORT_PAGE:
            return replace(answer, result=rows[:-1])
        case FaultKind.GAP:
            return replace(answer, result=rows[: len(rows) // 2] + rows[len(rows) // 2 + 1 :])
        case FaultKind.DUPLICATE:
            return replace(answer, result=[rows[0], *rows][:PAGE])
    return answer
