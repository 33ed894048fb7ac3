"""``events``, ``event.bind``, ``event.unbind``, ``event.get``: for applications only, a webhook is refused."""

from __future__ import annotations

from collections.abc import Mapping

from demo_portal.errors import RestError, missing_parameter, wrong_auth_type
from demo_portal.events import ALL_EVENTS, Subscription
from demo_portal.methods.call import Answer, Call, Method


def _token(call: Call) -> str:
    if call.access_token is None:
        raise wrong_auth_type()
    return call.access_token


def _own(call: Call, token: str) -> list[Subscription]:
    """The application's subscriptions: they outlive the access token that they were made with."""
    mine = call.portal.applications[token]
    return [item for item in call.portal.events.subscriptions if item.access_token and item.application_token == mine]


def _name(call: Call) -> str:
    name = str(call.params.get("event") or "").upper()
    if not name:
        raise missing_parameter("event")
    if name not in ALL_EVENTS:
        raise RestError("ERROR_EVENT_NOT_FOUND", "Event not found")
    return name


def _bind(call: Call) -> Answer:
    token, name = _token(call), _name(call)
    handler = str(call.params.get("handler") or "")
    if not handler:
        raise missing_parameter("handler")
    if any(item.url == handler and name in item.events for item in _own(call, token)):
        raise RestError("ERROR_CORE", "Unable to set event handler: Handler already binded")
    call.portal.events.subscribe(
        handler,
        call.portal.applications[token],
        events=frozenset({name}),
        access_token=token,
        auth_type=str(call.params.get("auth_type") or "0"),
    )
    return Answer(True)


def _unbind(call: Call) -> Answer:
    token, name = _token(call), _name(call)
    handler = str(call.params.get("handler") or "")
    gone = [item for item in _own(call, token) if name in item.events and item.url == handler]
    for subscription in gone:
        call.portal.events.unsubscribe(subscription)
    return Answer({"count": len(gone)})


def _get(call: Call) -> Answer:
    return Answer(
        [
            {"event": name, "handler": item.url, "auth_type": item.auth_type, "offline": 0}
            for item in _own(call, _token(call))
            for name in sorted(item.events)
        ]
    )


def _names(call: Call) -> Answer:
    return Answer(sorted(ALL_EVENTS))


METHODS: Mapping[str, Method] = {
    "events": Method(_names),
    "event.bind": Method(_bind),
    "event.unbind": Method(_unbind),
    "event.get": Method(_get),
}
