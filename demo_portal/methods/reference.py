"""Dictionaries: ``crm.status.list``, ``crm.status.entity.types``, ``crm.category.list``, ``crm.currency.list``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demo_portal.errors import RestError, missing_parameter
from demo_portal.methods.call import Answer, Call, Method

_NAMES = {
    "STATUS": "Стадии лида",
    "SOURCE": "Источники",
    "CONTACT_TYPE": "Тип контакта",
    "COMPANY_TYPE": "Тип компании",
    "EMPLOYEES": "Кол-во сотрудников",
    "INDUSTRY": "Сфера деятельности",
    "DEAL_TYPE": "Тип сделки",
    "HONORIFIC": "Обращения",
}


def _statuses(call: Call) -> Answer:
    """All rows at once: no paging is documented, ``start`` changes nothing."""
    wanted = {key.upper(): value for key, value in call.array("filter").items()}
    rows = call.portal.statuses
    known = {key: str(value) for key, value in wanted.items() if rows and key in rows[0]}
    rows = [row for row in rows if all(str(row[key] or "") == value for key, value in known.items())]
    for code, way in reversed(call.array("order").items()):
        if rows and code.upper() in rows[0]:
            rows = sorted(rows, key=lambda row: _order_key(row[code.upper()]), reverse=str(way).upper() == "DESC")
    return Answer(rows, total=len(rows))


def _order_key(value: Any) -> tuple[int, int, str]:
    text = str(value or "")
    return (0, int(text), "") if text.isdigit() else (1, 0, text)


def _entity_types(call: Call) -> Answer:
    result: list[dict[str, Any]] = []
    for code, name in _NAMES.items():
        entry: dict[str, Any] = {"ID": code, "NAME": name}
        if code == "STATUS":
            entry |= {"SEMANTIC_INFO": _semantics("", "CONVERTED", "JUNK"), "ENTITY_TYPE_ID": 1}
        result.append(entry)
    for category in call.portal.categories:
        number = category["id"]
        prefix = f"C{number}:" if number else ""
        entry = {"ID": f"DEAL_STAGE_{number}" if number else "DEAL_STAGE", "NAME": f"Стадии сделки {category['name']}"}
        if number:
            entry |= {"PARENT_ID": "DEAL_STAGE", "PREFIX": f"C{number}"}
        entry |= {
            "SEMANTIC_INFO": _semantics(prefix, f"{prefix}WON", f"{prefix}LOSE"),
            "FIELD_ATTRIBUTE_SCOPE": f"category_{number}" if number else "",
            "ENTITY_TYPE_ID": 2,
            "CATEGORY_ID": str(number) if number else 0,  # text for all pipelines but the default one
        }
        result.append(entry)
    return Answer(result)


def _semantics(prefix: str, success: str, failure: str) -> dict[str, Any]:
    return {
        "START_FIELD": f"{prefix}NEW",
        "FINAL_SUCCESS_FIELD": success,
        "FINAL_UNSUCCESS_FIELD": failure,
        "FINAL_SORT": 0,
    }


def _categories(call: Call) -> Answer:
    if "entitytypeid" not in call.params:
        raise missing_parameter("entityTypeId")
    if call.integer("entitytypeid") != 2:
        raise RestError("ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    return Answer({"categories": call.portal.categories}, total=len(call.portal.categories))


def _currencies(call: Call) -> Answer:
    return Answer(call.portal.currencies, total=0)  # always 0, whatever there is


METHODS: Mapping[str, Method] = {
    "crm.status.list": Method(_statuses, "crm"),
    "crm.status.entity.types": Method(_entity_types, "crm"),
    "crm.category.list": Method(_categories, "crm"),
    "crm.currency.list": Method(_currencies, "crm"),
}
