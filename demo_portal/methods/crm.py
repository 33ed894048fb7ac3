"""``crm.{deal,lead,contact,company}.{fields,list,get,add,update,delete,userfield.list}``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from demo_portal.errors import invalid_id, must_be_array, not_found
from demo_portal.filters import parse_filter
from demo_portal.listing import page_of
from demo_portal.methods.call import Answer, Call, Method
from demo_portal.portal import CRM, Portal
from demo_portal.schema import MULTIFIELDS


def _fields(entity: str, call: Call) -> Answer:
    return Answer({code: spec.descriptor() for code, spec in call.portal.fields[entity].items()})


def selected(portal: Portal, entity: str, select: Mapping[str, Any]) -> list[str]:
    """The columns of an answer: ``*`` is the standard fields, ``UF_*`` the user fields, contact details by name only.

    The id always comes. Without a selection both masks hold.
    """
    wanted = {str(code).upper() for code in select.values()} or {"*", "UF_*"}
    fields = portal.fields[entity]

    def chosen(code: str) -> bool:
        if code in wanted or code == "ID":
            return True
        if code in MULTIFIELDS:
            return False
        custom = fields[code].dynamic if code in fields else code.startswith("UF_")
        return ("UF_*" if custom else "*") in wanted

    return [code for code in portal.tables[entity].columns if chosen(code)]


def _list(entity: str, call: Call) -> Answer:
    portal = call.portal
    table = portal.tables[entity]
    fields = {code: spec for code, spec in portal.fields[entity].items() if code in table.position}
    conditions = parse_filter(call.array("filter"), fields, lead=entity == "lead")
    page = page_of(table, fields, conditions, call.array("order"), call.integer("start"))
    project = table.projector(selected(portal, entity, call.array("select")))
    ids, rows = table.ids, table.rows
    return Answer([project(ids[at], rows[at]) for at in page.indexes], page.total, page.next)


def _id(call: Call) -> int:
    row_id = call.integer("id")
    if row_id <= 0:
        raise invalid_id()
    return row_id


def _get(entity: str, call: Call) -> Answer:
    row = call.portal.row(entity, _id(call))
    if row is None:
        raise not_found()
    if entity == "contact":
        row.setdefault("FACE_ID", None)  # get returns a key that .fields does not name
    return Answer(row)


def _values(call: Call) -> dict[str, Any]:
    if not isinstance(call.params.get("fields"), Mapping | list):
        raise must_be_array("fields")
    return call.array("fields")


def _add(entity: str, call: Call) -> Answer:
    return Answer(call.portal.add(entity, _writable(entity, call)))


def _update(entity: str, call: Call) -> Answer:
    row_id, values = _id(call), _writable(entity, call)
    values.pop("CATEGORY_ID", None)  # the pipeline of a deal is immutable for this method
    if call.portal.tables[entity].index(row_id) is None:
        raise not_found()
    call.portal.update(entity, row_id, values)
    return Answer(True)


def _writable(entity: str, call: Call) -> dict[str, Any]:
    fields = call.portal.fields[entity]
    values = {code.upper(): value for code, value in _values(call).items()}
    for code in MULTIFIELDS:
        if isinstance(values.get(code), Mapping):  # a form-encoded list
            values[code] = list(values[code].values())
    return {code: value for code, value in values.items() if code in fields and not fields[code].read_only}


def _delete(entity: str, call: Call) -> Answer:
    row_id = _id(call)
    if call.portal.tables[entity].index(row_id) is None:
        raise not_found()
    call.portal.delete(entity, row_id)
    return Answer(True)


def _user_fields(entity: str, call: Call) -> Answer:
    wanted = {key.upper(): str(value) for key, value in call.array("filter").items()}
    labels = bool(wanted.pop("LANG", ""))
    rows = [spec.listing(entity, labels=labels) for spec in call.portal.fields[entity].values() if spec.dynamic]
    known = {key: value for key, value in wanted.items() if rows and key in rows[0]}
    rows = [row for row in rows if all(str(row[key]) == value for key, value in known.items())]
    return Answer(rows, total=len(rows))


_HANDLERS: Mapping[str, Callable[[str, Call], Answer]] = {
    "fields": _fields,
    "list": _list,
    "get": _get,
    "add": _add,
    "update": _update,
    "delete": _delete,
    "userfield.list": _user_fields,
}

METHODS: Mapping[str, Method] = {
    f"crm.{entity}.{verb}": Method(partial(handler, entity), "crm")
    for entity in CRM
    for verb, handler in _HANDLERS.items()
}
