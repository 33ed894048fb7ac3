"""Events: a POST for each change to whoever asked, without order, retry or interest in the answer.

The body is form-encoded as in the Bitrix24 REST documentation, section "Events"; an outgoing webhook gets no access
token, an application's handler does.
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

CRM_EVENTS = tuple(
    f"ONCRM{entity}{change}"
    for entity in ("LEAD", "DEAL", "CONTACT", "COMPANY")
    for change in ("ADD", "UPDATE", "DELETE")
)
USER_FIELD_EVENTS = tuple(
    f"ONCRM{entity}USERFIELD{change}"
    for entity in ("LEAD", "DEAL", "CONTACT", "COMPANY")
    for change in ("ADD", "UPDATE", "DELETE", "SETENUMVALUES")
)
MOVE_EVENT = "ONCRMDEALMOVETOCATEGORY"
ALL_EVENTS = frozenset((*CRM_EVENTS, *USER_FIELD_EVENTS, MOVE_EVENT))
OUTGOING_WEBHOOK_EVENTS = ALL_EVENTS - {MOVE_EVENT}  # outgoing webhooks cannot subscribe to it


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told about which events. ``access_token`` is set for an application's handler."""

    id: int
    url: str
    application_token: str
    events: frozenset[str]
    access_token: str | None = None
    auth_type: str = "0"


class EventSender:
    """Posts events from a thread of its own, one connection a burst."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.scheme = "https"
        self.sent = 0
        self.failed = 0
        self.subscriptions: list[Subscription] = []
        self._next_id = 1
        self._queue: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def subscribe(
        self,
        url: str,
        application_token: str,
        *,
        events: frozenset[str] = OUTGOING_WEBHOOK_EVENTS,
        access_token: str | None = None,
        auth_type: str = "0",
    ) -> Subscription:
        """Send these events to a URL from now on."""
        with self._lock:
            subscription = Subscription(self._next_id, url, application_token, events, access_token, auth_type)
            self._next_id += 1
            self.subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription | None = None) -> None:
        """Stop one subscription, or all."""
        with self._lock:
            self.subscriptions = [
                item for item in self.subscriptions if subscription is not None and item.id != subscription.id
            ]

    def publish(self, event: str, fields: Mapping[str, Any], moment: int) -> None:
        """Queue an event for every subscriber. ``moment`` is the change's time in seconds since 1970."""
        for subscription in self.subscriptions:
            if event in subscription.events:
                self._queue.put((subscription.url, self.body(subscription, event, fields, moment)))
                self._start()

    def flush(self) -> None:
        """Wait until everything queued so far was posted or failed."""
        self._queue.join()

    def body(self, subscription: Subscription, event: str, fields: Mapping[str, Any], moment: int) -> bytes:
        """What is posted to a subscriber: a form with percent-encoded PHP brackets."""
        pairs = [("event", event), ("event_handler_id", str(subscription.id))]
        pairs += [(f"data[FIELDS][{key}]", str(value)) for key, value in fields.items()]
        pairs.append(("ts", str(moment)))
        auth = {
            "domain": self.domain,
            "client_endpoint": f"{self.scheme}://{self.domain}/rest/",
            "server_endpoint": "https://oauth.bitrix24.tech/rest/",
            "member_id": hashlib.md5(self.domain.encode(), usedforsecurity=False).hexdigest(),
            "application_token": subscription.application_token,
        }
        if subscription.access_token:
            auth |= {"access_token": subscription.access_token, "expires_in": "3600", "scope": "crm", "status": "L"}
        pairs += [(f"auth[{key}]", value) for key, value in auth.items()]
        return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs).encode()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="portal-events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            url, body = self._queue.get()
            with httpx.Client(timeout=5, trust_env=False) as client:
                while True:
                    self._post(client, url, body)
                    self._queue.task_done()
                    try:
                        url, body = self._queue.get_nowait()
                    except queue.Empty:
                        break

    def _post(self, client: httpx.Client, url: str, body: bytes) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"}
        try:
            answer = client.post(url, content=body, headers=headers)
        except httpx.HTTPError:
            self.failed += 1  # no retry: the real portal has none either
        else:
            self.sent += answer.is_success
            self.failed += not answer.is_success
