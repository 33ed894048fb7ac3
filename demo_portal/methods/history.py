"""``crm.stagehistory.list``: every stage that a deal or a lead ever entered. Contacts and companies have none."""

from __future__ import annotations

from collections.abc import Mapping

from demo_portal.errors import RestError, missing_parameter
from demo_portal.filters import parse_filter
from demo_portal.listing import page_of
from demo_portal.methods.call import Answer, Call, Method

_ENTITY_TYPES = {1: "lead", 2: "deal"}


def _list(call: Call) -> Answer:
    if "entitytypeid" not in call.params:
        raise missing_parameter("entityTypeId")
    entity = _ENTITY_TYPES.get(call.integer("entitytypeid"))
    if entity is None:
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    table, fields = call.portal.history[entity], call.portal.history_fields[entity]
    conditions = parse_filter(call.array("filter"), fields)
    page = page_of(table, fields, conditions, call.array("order"), call.integer("start"))
    wanted = {str(code).upper() for code in call.array("select").values()} - {"*"}
    project = table.projector([code for code in table.columns if not wanted or code in wanted or code == "ID"])
    items = [project(table.ids[at], table.rows[at]) for at in page.indexes]
    return Answer({"items": items}, page.total, page.next)


METHODS: Mapping[str, Method] = {"crm.stagehistory.list": Method(_list, "crm")}
