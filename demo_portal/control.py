"""``/_portal/…``: change the portal over HTTP, switch faults, read counters. Loopback only.

==================  =====================================================================================
GET stats           requests, refusals, operating seconds, row counts
POST stats/reset    counters, bucket and operating time from zero
POST mutate         ``{"n": 100, "seed": 1, "deletions": true}`` random changes; answers the ids
POST add            ``{"entity": "deal", "fields": {…}}``; answers the id
POST update         ``{"entity", "id", "fields"}``
POST delete         ``{"entity", "id"}``
POST hide           ``{"entity", "share": 0.2}`` or ``{"entity", "ids": […]}``: rows become unreadable
POST restore        everything readable again
POST fields/add     ``{"entity", "code", "type", "multiple", "title", "options"}``
POST fields/remove  ``{"entity", "code"}``
POST fields/rename  ``{"entity", "code", "title"}``
POST fields/retype  ``{"entity", "code", "type", "multiple"}``: rows keep what they hold
POST nasty          ``{"entity"}``: fields of every type, rows with every oddity
POST faults         ``{"kind": "rate", "times": 3, "method": null, …}``
POST faults/clear   all off
POST limits         ``{"enforced", "bucket_size", "operating_limit", "page_cost", "page_latency", …}``
POST scopes         ``{"scopes": ["crm", "user"]}``: what the webhook was granted
POST install        ``{"client_id", "client_secret"}``: install an application; answers its ``auth`` block
POST events         ``{"url", "application_token"}``: post changes there; without ``url`` stop posting
==================  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from demo_portal.limits import LimitSettings
from demo_portal.service import Service

Body = Mapping[str, Any]


class ControlError(Exception):
    """A control request that makes no sense; the text says why."""


def _stats(service: Service, body: Body) -> Any:
    portal = service.portal
    rows = {name: len(table) for name, table in portal.tables.items()}
    rows |= {table.name: len(table) for table in portal.history.values()}
    events = {"sent": portal.events.sent, "failed": portal.events.failed}
    operating = service.operating.totals(portal.clock.time())
    return {**service.stats.as_dict(), "operating": operating, "rows": rows, "events": events}


def _reset(service: Service, body: Body) -> Any:
    service.stats.reset()
    service.bucket.reset()
    service.operating.reset()
    return True


def _mutate(service: Service, body: Body) -> Any:
    changes = service.portal.random_changes(
        int(body.get("n", 100)),
        int(body.get("seed", service.portal.now())),
        deletions=bool(body.get("deletions", True)),
    )
    return {entity: {kind: sorted(ids) for kind, ids in kinds.items()} for entity, kinds in changes.items()}


def _add(service: Service, body: Body) -> Any:
    return service.portal.add(body["entity"], body.get("fields", {}))


def _update(service: Service, body: Body) -> Any:
    service.portal.update(body["entity"], int(body["id"]), body.get("fields", {}))
    return True


def _delete(service: Service, body: Body) -> Any:
    service.portal.delete(body["entity"], int(body["id"]))
    return True


def _hide(service: Service, body: Body) -> Any:
    if "ids" in body:
        wanted = {str(row_id) for row_id in body["ids"]}
        return sorted(service.portal.hide(body["entity"], lambda row: row["ID"] in wanted))
    return sorted(service.portal.hide(body["entity"], float(body["share"])))


def _restore(service: Service, body: Body) -> Any:
    service.portal.restore()
    return True


def _add_field(service: Service, body: Body) -> Any:
    options = {name: body[name] for name in ("multiple", "title", "options", "settings") if name in body}
    return service.portal.add_field(body["entity"], body["code"], body["type"], **options).descriptor()


def _remove_field(service: Service, body: Body) -> Any:
    service.portal.remove_field(body["entity"], body["code"])
    return True


def _rename_field(service: Service, body: Body) -> Any:
    service.portal.rename_field(body["entity"], body["code"], body["title"])
    return True


def _retype_field(service: Service, body: Body) -> Any:
    multiple = bool(body.get("multiple", False))
    service.portal.retype_field(body["entity"], body["code"], body["type"], multiple=multiple)
    return True


def _nasty(service: Service, body: Body) -> Any:
    return service.portal.add_nasty(body["entity"])


def _fault(service: Service, body: Body) -> Any:
    options = {name: value for name, value in body.items() if name != "kind"}
    return asdict(service.portal.faults.add(body["kind"], **options))


def _clear_faults(service: Service, body: Body) -> Any:
    service.portal.faults.clear()
    return True


def _limits(service: Service, body: Body) -> Any:
    known = {item.name for item in fields(LimitSettings)}
    if unknown := set(body) - known:
        raise ControlError(f"unknown limits {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    for name, value in body.items():
        setattr(service.settings, name, value)
    return asdict(service.settings)


def _scopes(service: Service, body: Body) -> Any:
    service.portal.scopes = set(body["scopes"])
    return sorted(service.portal.scopes)


def _install(service: Service, body: Body) -> Any:
    return service.portal.oauth.install(str(body["client_id"]), str(body["client_secret"]))


def _events(service: Service, body: Body) -> Any:
    service.portal.events.unsubscribe()
    if body.get("url"):
        service.portal.on_event(body["url"], body.get("application_token", ""), body.get("events"))
    return True


_ACTIONS: Mapping[tuple[str, str], Callable[[Service, Body], Any]] = {
    ("GET", "stats"): _stats,
    ("POST", "stats/reset"): _reset,
    ("POST", "mutate"): _mutate,
    ("POST", "add"): _add,
    ("POST", "update"): _update,
    ("POST", "delete"): _delete,
    ("POST", "hide"): _hide,
    ("POST", "restore"): _restore,
    ("POST", "fields/add"): _add_field,
    ("POST", "fields/remove"): _remove_field,
    ("POST", "fields/rename"): _rename_field,
    ("POST", "fields/retype"): _retype_field,
    ("POST", "nasty"): _nasty,
    ("POST", "faults"): _fault,
    ("POST", "faults/clear"): _clear_faults,
    ("POST", "limits"): _limits,
    ("POST", "scopes"): _scopes,
    ("POST", "events"): _events,
    ("POST", "install"): _install,
}


def run_control(service: Service, verb: str, action: str, body: Body) -> tuple[int, Any]:
    """Do what a control request asks; returns HTTP status and answer."""
    handler = _ACTIONS.get((verb, action))
    if handler is None:
        known = ", ".join(f"{known_verb} {name}" for known_verb, name in _ACTIONS)
        return 404, {"error": f"no control action {verb} {action}; there are {known}"}
    try:
        return 200, {"result": handler(service, body)}
    except KeyError as error:
        return 400, {"error": f"missing or unknown: {error.args[0]}"}
    except (ValueError, TypeError, ControlError) as error:
        return 400, {"error": str(error)}
