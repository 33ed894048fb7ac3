"""What a new record holds and what follows from a change of it: semantics, closing, contact flags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from demo_portal.clock import print_date, print_datetime
from demo_portal.schema import MULTIFIELDS, FieldSpec
from demo_portal.values import to_wire

STAGE_FIELD = {"deal": "STAGE_ID", "lead": "STATUS_ID"}
SEMANTIC_FIELD = {"deal": "STAGE_SEMANTIC_ID", "lead": "STATUS_SEMANTIC_ID"}

_FLAGS = {
    "deal": ("IS_RECURRING", "IS_RETURN_CUSTOMER", "IS_REPEATED_APPROACH", "IS_MANUAL_OPPORTUNITY"),
    "lead": ("IS_RETURN_CUSTOMER", "IS_MANUAL_OPPORTUNITY"),
    "contact": ("EXPORT",),
    "company": ("IS_MY_COMPANY",),
}

Detail = tuple[int, str, str]


def defaults(entity: str, now: int, user_id: int) -> dict[str, Any]:
    """Values that the portal sets in a record that somebody has just created."""
    moment, user = print_datetime(now), str(user_id)
    result: dict[str, Any] = {"ASSIGNED_BY_ID": user, "CREATED_BY_ID": user, "MODIFY_BY_ID": user, "OPENED": "Y"}
    result |= {"DATE_CREATE": moment, "DATE_MODIFY": moment, "LAST_ACTIVITY_TIME": moment, "LAST_ACTIVITY_BY": user}
    result |= dict.fromkeys(_FLAGS[entity], "N")
    if entity in ("deal", "lead"):
        result |= {"CURRENCY_ID": "RUB", "OPPORTUNITY": "0.00", "MOVED_BY_ID": user, "MOVED_TIME": moment}
    if entity == "deal":
        result |= {"CATEGORY_ID": "0", "STAGE_ID": "NEW", "TAX_VALUE": "0.00", "TYPE_ID": "SALE", "PROBABILITY": None}
        result |= {"BEGINDATE": print_date(now), "CLOSEDATE": print_date(now + 7 * 86_400)}
        result |= {"IS_NEW": "Y", "CLOSED": "N", "STAGE_SEMANTIC_ID": "P"}
    elif entity == "lead":
        result |= {"STATUS_ID": "NEW", "STATUS_SEMANTIC_ID": "P", "BIRTHDATE": "", "DATE_CLOSED": ""}
    elif entity == "contact":
        result |= {"BIRTHDATE": "", "EXPORT": "Y", "TYPE_ID": "CLIENT"}
    else:
        result |= {"COMPANY_TYPE": "CUSTOMER", "CURRENCY_ID": "RUB", "REVENUE": "0", "INDUSTRY": "IT"}
        result["EMPLOYEES"] = "EMPLOYEES_1"
    if entity != "deal":
        result |= {"HAS_PHONE": "N", "HAS_EMAIL": "N", "HAS_IMOL": "N"}
    return result


def apply_stage(entity: str, record: dict[str, Any], semantic: str, first_stage: bool, now: int, user_id: int) -> None:
    """Set what goes with a stage that was just entered."""
    record["MOVED_TIME"] = print_datetime(now)
    record["MOVED_BY_ID"] = str(user_id)
    record[SEMANTIC_FIELD[entity]] = semantic
    if entity == "deal":
        record["CLOSED"] = "N" if semantic == "P" else "Y"
        record["IS_NEW"] = "Y" if first_stage else "N"
        if semantic != "P":
            record["CLOSEDATE"] = print_date(now)
    else:
        record["DATE_CLOSED"] = "" if semantic == "P" else print_datetime(now)


def apply_flags(entity: str, record: dict[str, Any]) -> None:
    """Set HAS_PHONE, HAS_EMAIL and HAS_IMOL from the contact details."""
    if entity != "deal":
        record["HAS_PHONE"] = "Y" if record.get("PHONE") else "N"
        record["HAS_EMAIL"] = "Y" if record.get("EMAIL") else "N"
        chats = record.get("IM") or ()
        record["HAS_IMOL"] = "Y" if any(detail[2].startswith("imol|") for detail in chats) else "N"


def store(
    record: dict[str, Any],
    fields: Mapping[str, FieldSpec],
    values: Mapping[str, Any],
    next_detail: Callable[[], int],
    *,
    raw: bool,
) -> None:
    """Write values into a record in wire form; with ``raw`` as they are. Unknown codes are ignored, as the API does."""
    for code, value in values.items():
        if code not in record:
            continue
        if code in MULTIFIELDS:
            record[code] = merge_details(record[code] or (), value, next_detail)
        elif raw or code not in fields:
            record[code] = value
        else:
            record[code] = to_wire(fields[code], value)


def merge_details(
    details: Iterable[Detail], changes: Iterable[Mapping[str, Any]], next_detail: Callable[[], int]
) -> tuple[Detail, ...] | None:
    """Contact details after a change: entries with an ID change or (``DELETE``, empty value) remove, others add."""
    result = {detail[0]: detail for detail in details}
    for change in changes:
        detail_id = int(change.get("ID") or 0)
        value = str(change.get("VALUE", ""))
        if detail_id in result and (change.get("DELETE") == "Y" or ("VALUE" in change and not value)):
            del result[detail_id]
        elif detail_id in result:
            _, value_type, old = result[detail_id]
            result[detail_id] = (detail_id, str(change.get("VALUE_TYPE", value_type)), value or old)
        elif value:
            fresh = next_detail()
            result[fresh] = (fresh, str(change.get("VALUE_TYPE", "WORK")), value)
    return tuple(result.values()) or None
