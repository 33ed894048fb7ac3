"""A second portal, which shares nothing with ``demo_portal``: it answers what Bitrix24's documentation says, no more.

What it is asked beyond that (a method, a parameter, a filter) is noted in ``undocumented``; an unknown method fails.
Its server stands in another time zone, it tells no operating time, and its ids have gaps.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_plus

PAGE = 50
ZONE = timezone(timedelta(hours=-5))
SECRET = "0f1e2d3c4b5a6978"
CRM = ("deal", "contact", "lead", "company")
LIST = frozenset({"select", "filter", "order", "start"})
PARAMETERS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("profile", "scope", "server.time", "user.fields"), frozenset()),
    **{f"crm.{name}.fields": frozenset() for name in CRM},
    **{f"crm.{name}.list": LIST for name in CRM},
    **{f"crm.{name}.userfield.list": frozenset({"order", "filter"}) for name in CRM},
    "crm.status.list": frozenset({"order", "filter"}),
    "crm.category.list": frozenset({"entitytypeid"}),
    "crm.currency.list": frozenset({"order"}),
    "crm.stagehistory.list": LIST | {"entitytypeid"},
    "user.get": frozenset({"sort", "order", "filter", "admin_mode", "start"}),
    "department.get": frozenset({"sort", "order", "id", "name", "parent", "uf_head", "start"}),
    "batch": frozenset({"halt", "cmd"}),
}
"""Methods that the documentation names for this use, with their parameters in small letters."""

OPERATORS = (">=", "<=", "!@", "!=", ">", "<", "@", "!", "=", "%", "")


def field(type_name: str, title: str, **more: Any) -> dict[str, Any]:
    """A descriptor as ``crm.*.fields`` has it."""
    flags = {"isRequired": False, "isReadOnly": False, "isImmutable": False, "isMultiple": False, "isDynamic": False}
    return {"type": type_name, **flags, "title": title, **more}


COMMON = {
    "ID": field("integer", "ID", isReadOnly=True),
    "ASSIGNED_BY_ID": field("user", "Responsible"),
    "DATE_CREATE": field("datetime", "Created", isReadOnly=True),
    "DATE_MODIFY": field("datetime", "Modified", isReadOnly=True),
}
PHONE = {"PHONE": field("crm_multifield", "Phone", isMultiple=True)}
FIELDS: Mapping[str, dict[str, Any]] = {
    "deal": {
        **COMMON,
        "TITLE": field("string", "Name"),
        "CATEGORY_ID": field("crm_category", "Pipeline", isImmutable=True),
        "STAGE_ID": field("crm_status", "Stage", statusType="DEAL_STAGE"),
        "STAGE_SEMANTIC_ID": field("string", "Stage group", isReadOnly=True),
        "OPPORTUNITY": field("double", "Amount"),
        "CURRENCY_ID": field("crm_currency", "Currency"),
        "CLOSEDATE": field("date", "Close date"),
        "CLOSED": field("char", "Closed", isReadOnly=True),
        "CONTACT_ID": field("crm_contact", "Contact", isDeprecated=True),
        "CONTACT_IDS": field("crm_contact", "Contacts", isMultiple=True),
        "UF_CRM_1": field(
            "enumeration",
            "UF_CRM_1",
            isDynamic=True,
            listLabel="Channel",
            items=[{"ID": "81", "VALUE": "Web"}, {"ID": "83", "VALUE": "Phone"}],
            settings={"DISPLAY": "LIST"},
        ),
        "UF_CRM_2": field("money", "UF_CRM_2", isDynamic=True, formLabel="Cost", settings=[]),
    },
    "contact": {**COMMON, "NAME": field("string", "First name"), "LAST_NAME": field("string", "Last name"), **PHONE},
    "lead": {
        **COMMON,
        "TITLE": field("string", "Name"),
        "STATUS_ID": field("crm_status", "Status", statusType="STATUS"),
    },
    "company": {**COMMON, "TITLE": field("string", "Name")},
}
STATUSES = [
    {
        "ID": str(100 + at),
        "ENTITY_ID": dictionary,
        "STATUS_ID": code,
        "NAME": name,
        "NAME_INIT": "",
        "SORT": str(10 * at),
    }
    | {"SYSTEM": "Y", "CATEGORY_ID": None, "COLOR": "#39A8EF", "SEMANTICS": end, "EXTRA": {"SEMANTICS": "process"}}
    for at, (dictionary, code, name, end) in enumerate(
        [
            ("DEAL_STAGE", "NEW", "New", None),
            ("DEAL_STAGE", "WON", "Won", "S"),
            ("DEAL_STAGE", "LOSE", "Lost", "F"),
            ("STATUS", "NEW", "New", None),
            ("STATUS", "CONVERTED", "Converted", "S"),
        ]
    )
]
PIPELINES = [{"id": 0, "name": "General", "sort": 300, "entityTypeId": 2, "isDefault": "Y"}]
CURRENCIES = [
    {"CURRENCY": "USD", "AMOUNT_CNT": "1", "AMOUNT": "1.0000", "SORT": "100", "BASE": "Y", "FULL_NAME": "Dollar"}
    | {"LID": "en", "FORMAT_STRING": "$#", "DEC_POINT": ".", "THOUSANDS_SEP": None, "DECIMALS": "2"}
]
USER_TITLES = {"ID": "ID", "ACTIVE": "Active", "NAME": "First name", "LAST_NAME": "Last name", "EMAIL": "E-mail"}
USERS = [
    {"ID": str(number), "ACTIVE": True, "NAME": f"Name {number}", "LAST_NAME": "Lee", "EMAIL": f"n{number}@example.com"}
    | {"DATE_REGISTER": "2024-07-15T00:00:00-05:00", "IS_ONLINE": "N", "UF_DEPARTMENT": [1], "USER_TYPE": "employee"}
    for number in range(1, 71)
]
DEPARTMENTS = [{"ID": "1", "NAME": "Company", "SORT": 500}, {"ID": "15", "NAME": "Sales", "SORT": 500, "PARENT": "1"}]


class Refused(Exception):
    """An error answer: HTTP status, code, text."""


class DocumentedPortal:
    """The portal, answering on a port of this machine while it is open. ``rows(entity)`` is what it holds."""

    def __init__(self, deals: int = 260) -> None:
        self.undocumented: list[str] = []
        self._tables = {name: self._make(name, count) for name, count in self._counts(deals)}
        self._history = [
            {"ID": number, "TYPE_ID": 1, "OWNER_ID": int(row["ID"]), "CREATED_TIME": row["DATE_CREATE"]}
            | {"CATEGORY_ID": 0, "STAGE_SEMANTIC_ID": "P", "STAGE_ID": "NEW"}
            for number, row in enumerate(self._tables["deal"], 35)
        ]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.webhook_url = f"http://127.0.0.1:{self._server.server_port}/rest/7/{SECRET}/"

    def __enter__(self) -> DocumentedPortal:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rows(self, entity: str) -> list[dict[str, Any]]:
        """All rows of an entity, with every field."""
        small = {"status": STATUSES, "pipeline": PIPELINES, "currency": CURRENCIES, "user": USERS}
        if entity in small:
            return small[entity]
        histories = {"deal_stage_history": self._history, "lead_stage_history": []}
        return {**self._tables, **histories, "department": DEPARTMENTS}[entity]

    def change(self, entity: str, row_id: int, **values: Any) -> None:
        """Change a record as a person would."""
        [row] = [row for row in self._tables[entity] if row["ID"] == str(row_id)]
        row |= {**values, "DATE_MODIFY": _text(datetime.now(ZONE))}

    def delete(self, entity: str, row_id: int) -> None:
        """Remove a record."""
        self._tables[entity] = [row for row in self._tables[entity] if row["ID"] != str(row_id)]

    @staticmethod
    def _counts(deals: int) -> list[tuple[str, int]]:
        return [("deal", deals), ("contact", 120), ("lead", 3), ("company", 0)]

    @staticmethod
    def _make(entity: str, count: int) -> list[dict[str, Any]]:
        rows = []
        begun = datetime(2026, 1, 5, 9, 0, tzinfo=ZONE)
        for at in range(count):
            number, moment = 37 + 3 * at, _text(begun + timedelta(minutes=7 * at))
            row = {"ID": str(number), "ASSIGNED_BY_ID": "7", "DATE_CREATE": moment, "DATE_MODIFY": moment}
            if entity == "deal":
                won = at % 3 == 0
                row |= {"TITLE": f"Deal {number}", "CATEGORY_ID": "0", "STAGE_ID": "WON" if won else "NEW"}
                row |= {"STAGE_SEMANTIC_ID": "S" if won else "P", "CLOSED": "Y" if won else "N", "CONTACT_ID": "37"}
                row |= {"OPPORTUNITY": f"{number}.50", "CURRENCY_ID": "USD", "CLOSEDATE": "2026-02-01T19:00:00-05:00"}
                row |= {"UF_CRM_1": "81" if at % 2 else "", "UF_CRM_2": f"{number}|USD" if at % 5 else ""}
            elif entity == "contact":
                row |= {"NAME": "Ann", "LAST_NAME": f"Lee {number}"}
                row |= {"PHONE": [_phone(number)]} if at % 2 else {}
            else:
                row |= {"TITLE": f"{entity} {number}"} | ({"STATUS_ID": "NEW"} if entity == "lead" else {})
            rows.append(row)
        return rows

    # -- answers

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        portal = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = portal._answer(self.path, json.loads(body or b"{}"))
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler

    def _answer(self, path: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        method = path.removeprefix(f"/rest/7/{SECRET}/").removesuffix(".json")
        if method == path:
            return 401, {"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"}
        try:
            result = self._batch(params) if method == "batch" else self._call(method, params)
        except Refused as refused:
            status, code, text = refused.args
            return status, {"error": code, "error_description": text}
        return 200, {**result, "time": _time()}

    def _batch(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_parameters("batch", params)
        answers: dict[str, Any] = {}
        parts: dict[str, dict[str, Any]] = {
            name: {} for name in ("result", "result_error", "result_total", "result_next", "result_time")
        }
        if len(params["cmd"]) > 50:
            raise Refused(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
        for key, command in params["cmd"].items():
            method, _, query = _resolved(command, answers).partition("?")
            try:
                answer = self._call(method, _parsed(query))
            except Refused as refused:
                parts["result_error"][key] = {"error": refused.args[1], "error_description": refused.args[2]}
                if str(params.get("halt", 0)) == "1":
                    break
                continue
            answers[key] = parts["result"][key] = answer["result"]
            parts["result_time"][key] = _time()
            for name in ("total", "next"):
                if name in answer:
                    parts[f"result_{name}"][key] = answer[name]
        return {"result": {name: part or [] for name, part in parts.items()}}  # PHP: an empty map is a list

    def _call(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method not in PARAMETERS:
            self.undocumented.append(method)
            raise Refused(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        params = {name.lower(): value for name, value in given.items()}
        self._check_parameters(method, params)
        entity = method.split(".")[1] if method.startswith("crm.") else ""
        simple: dict[str, Callable[[], dict[str, Any]]] = {
            "profile": lambda: {"result": {"ID": "7", "ADMIN": True, "NAME": "Ann", "LAST_NAME": "Lee"}},
            "scope": lambda: {"result": ["crm", "user", "department"]},
            "server.time": lambda: {"result": _text(datetime.now(ZONE))},
            "user.fields": lambda: {"result": USER_TITLES},
            "crm.status.list": lambda: {"result": STATUSES, "total": len(STATUSES)},
            "crm.category.list": lambda: {"result": {"categories": PIPELINES}, "total": 1},
            "crm.currency.list": lambda: {"result": CURRENCIES, "total": 0},
            "department.get": lambda: {"result": DEPARTMENTS, "total": len(DEPARTMENTS)},
        }
        if method in simple:
            return simple[method]()
        if method.endswith(".userfield.list"):
            return self._user_fields(entity)
        if method.endswith(".fields"):
            return {"result": FIELDS[entity]}
        if method == "crm.stagehistory.list":
            rows = self._history if str(params["entitytypeid"]) == "2" else []
            page = self._page(rows, params, set(self._history[0]))
            return {**page, "result": {"items": page["result"]}}
        if method == "user.get":
            order = {str(params.get("sort") or "ID"): str(params.get("order") or "ASC")}
            return self._page(USERS, {**params, "order": order}, set(USERS[0]))
        return self._page(self._tables[entity], params, set(FIELDS[entity]), self._selected(entity, params))

    def _user_fields(self, entity: str) -> dict[str, Any]:
        found = [
            {"ID": str(at), "ENTITY_ID": f"CRM_{entity.upper()}", "FIELD_NAME": code, "USER_TYPE_ID": spec["type"]}
            | {"SORT": "100", "MULTIPLE": "N", "MANDATORY": "N", "XML_ID": None, "SETTINGS": spec["settings"]}
            | (
                {"LIST": [{**item, "SORT": "10", "DEF": "N", "XML_ID": "x"} for item in spec["items"]]}
                if "items" in spec
                else {}
            )
            for at, (code, spec) in enumerate(FIELDS[entity].items(), 1)
            if spec["isDynamic"]
        ]
        return {"result": found, "total": len(found)}

    def _selected(self, entity: str, params: dict[str, Any]) -> set[str]:
        wanted = {str(code) for code in _values(params.get("select"))} or {"*", "UF_*"}
        chosen = {"ID"}
        for code, spec in FIELDS[entity].items():
            named = spec["type"] == "crm_multifield"
            if code in wanted or (not named and ("UF_*" if spec["isDynamic"] else "*") in wanted):
                chosen.add(code)
        for code in wanted - {"*", "UF_*"} - set(FIELDS[entity]) - {"PHONE", "EMAIL", "WEB", "IM", "LINK"}:
            self.undocumented.append(f"select {code}")
        return chosen

    def _page(
        self, rows: list[dict[str, Any]], params: dict[str, Any], known: set[str], select: set[str] | None = None
    ) -> dict[str, Any]:
        found = list(rows)
        for key, value in (params.get("filter") or {}).items():
            operator = next(sign for sign in OPERATORS if key.startswith(sign))
            code = key.removeprefix(operator)
            if code not in known:
                self.undocumented.append(f"filter {key}")
                continue  # as the real one does: what it does not know filters nothing
            found = [row for row in found if _passes(row.get(code), operator, value)]
        for code, way in (params.get("order") or {}).items():
            found.sort(key=lambda row: _comparable(row.get(code)), reverse=str(way).upper() == "DESC")
        start = int(params.get("start") or 0)
        first = 0 if start < 0 else start // PAGE * PAGE
        page = [
            {code: value for code, value in row.items() if select is None or code in select}
            for row in found[first : first + PAGE]
        ]
        answer: dict[str, Any] = {"result": page, "total": 0 if start < 0 else len(found)}
        if start >= 0 and first + PAGE < len(found):
            answer["next"] = first + PAGE
        return answer

    def _check_parameters(self, method: str, params: Mapping[str, Any]) -> None:
        for name in params.keys() - PARAMETERS[method]:
            self.undocumented.append(f"{method}: {name}")


def _phone(number: int) -> dict[str, str]:
    return {"ID": str(1000 + number), "VALUE_TYPE": "WORK", "VALUE": f"+1 202 555 {number:04d}", "TYPE_ID": "PHONE"}


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _time() -> dict[str, Any]:
    now = datetime.now(ZONE)
    seconds = now.timestamp()
    shown = {"date_start": _text(now), "date_finish": _text(now)}
    return {"start": seconds, "finish": seconds + 0.01, "duration": 0.01, "processing": 0.01, **shown}


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value or [])


def _passes(value: Any, operator: str, wanted: Any) -> bool:
    if operator in ("@", "!@"):
        return (str(value) in {str(item) for item in _values(wanted)}) is (operator == "@")
    left, right = _comparable(value), _comparable(wanted)
    return {
        **{">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right},
        **{
            "=": left == right,
            "": left == right,
            "!": left != right,
            "!=": left != right,
            "%": str(wanted) in str(value),
        },
    }[operator]


def _comparable(value: Any) -> tuple[int, float, str]:
    text = str(value or "")
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return (1, float(text), "")
    if re.match(r"\d{4}-\d\d-\d\dT", text):
        return (1, datetime.fromisoformat(text).timestamp(), "")
    return (0, 0.0, text)


def _resolved(command: str, answers: Mapping[str, Any]) -> str:
    """With every ``$result[key][…]`` replaced; what leads nowhere becomes what PHP makes of an array: 1."""

    def value(found: re.Match[str]) -> str:
        node: Any = answers
        for step in re.findall(r"\[([^\]]*)\]", found[0]):
            try:
                node = node[int(step)] if isinstance(node, list) else node[step]
            except (KeyError, IndexError, ValueError, TypeError):
                return "1"
        return "1" if isinstance(node, list | dict) else str(node)

    return re.sub(r"\$result(?:\[[^\]]*\])+", value, command)


def _parsed(query: str) -> dict[str, Any]:
    """A query string as PHP reads it: ``filter[>ID]=1`` nests, ``select[]=ID`` and ``select[0]=ID`` make lists."""
    result: dict[str, Any] = {}
    for pair in query.split("&"):
        if not pair:
            continue
        key, _, value = pair.partition("=")
        name, steps = re.fullmatch(r"([^\[]+)((?:\[[^\]]*\])*)", unquote_plus(key)).groups()  # type: ignore[union-attr]
        node, at = result, name
        for step in re.findall(r"\[([^\]]*)\]", steps):
            node = node.setdefault(at, {})
            at = step or str(len(node))
        node[at] = unquote_plus(value)
    return result
