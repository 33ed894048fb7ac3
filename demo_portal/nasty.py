"""Every oddity that the API is known for, in fields and rows made for the purpose.

Types and variants follow the Bitrix24 REST documentation, page "Data types", and what users report of real answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from demo_portal.schema import FieldSpec
from demo_portal.table import MISSING

if TYPE_CHECKING:
    from demo_portal.portal import Portal

LONGEST_CODE = "UF_CRM_" + "NASTY_FIFTY_CHARACTERS_LONG_CODE_ABCDEFGHIJKLMNOP"[:43]
GHOST = "UF_CRM_NASTY_GHOST"  # in rows but not in the field list
ABSENT = "UF_CRM_NASTY_ABSENT"  # in the field list but in no row
PARENT = "PARENT_ID_1220"

_TOKEN = "auth=0a1b2c3d4e5f"  # noqa: S105  a file's URL carries a token of the webhook, here a made-up one


def _file(number: int) -> dict[str, Any]:
    url = f"/bitrix/components/bitrix/crm.deal.show/show_file.php?{_TOKEN}{number}&ownerId=1&fileId={number}"
    return {"id": number, "showUrl": url, "downloadUrl": url + "&download=y"}


LONG_TEXT = "Очень длинный текст. " * 2800  # over 100 kB in UTF-8

SINGLE: Mapping[str, Sequence[Any]] = {
    "string": (
        "обычный текст", "", None, "NUL\x00 inside", "lone \ud800 surrogate", LONG_TEXT, "😀 emoji 👩‍👩‍👧", "0", False,
        "[B]bold[/B]\n[LIST][*]a[/LIST]", "'; DROP TABLE deals; --", "tab\tand\\N \\. backslash", "\udc00\x00",
        "<p>HTML &amp; entities</p>", MISSING, [], "\u2028 line\r\nbreaks", "10,5", {"TEXT": "a map", "TYPE": "html"},
    ),
    "integer": (
        "410", "", None, "0", "-5", "9223372036854775807", "9223372036854775808", "1.0E+25", "12.0", "text", 42, False,
        "007", MISSING, [], "12.7", " 15 ", True, "1e3",
    ),
    "double": (
        "19999.99", "0.00", "", None, "1.0E+25", "19999.990000000002", "-0.0", 19000, 19999.5, "not a number", "1,5",
        "NaN", "Infinity", "1e-400", False, MISSING, "12345678901234567890.123456789", [], "0",
    ),
    "boolean": ("1", "0", None, "", "Y", "N", True, False, 1, 0, "да", MISSING, [], "2"),
    "datetime": (
        "2024-09-02T18:37:18+03:00", "", None, "0000-00-00 00:00:00", "0000-01-01T00:00:00+03:00",
        "-0001-11-30T00:00:00+02:30", "9999-12-31T23:59:59+03:00", "12345-01-01T00:00:00+03:00", "24.08.2023 13:19:39",
        "2024-02-30T10:00:00+03:00", False, "yesterday", "2024-02-26T00:00:00+02:00", MISSING,
        "0001-01-01T00:00:00+14:00",
        "2024-09-02T18:37:18", [], "9999-12-31T23:59:59-12:00",
    ),
    "date": (
        "2024-08-30T03:00:00+03:00", "", None, "2024-08-30T02:00:00+02:00", "2024-08-29T19:00:00-05:00",
        "2024-08-30T00:00:00+03:00", "0000-00-00T00:00:00+03:00", "9999-12-31T03:00:00+03:00", "30.08.2024",
        "2024-08-30",
        "2024-13-45T03:00:00+03:00", "0000-12-31T03:00:00+03:00", False, MISSING, "later", [],
        "0001-01-01T03:00:00+03:00",
    ),
    "money": ("300|RUB", "", None, "|RUB", "1.0E+25|USD", "300", "-12.50|EUR", "300|", "abc|RUB", False, MISSING,
              "1|2|3"),
    "url": ("https://example.com/a?b=c", "", None, "http://пример.рф/путь", "javascript:alert(1)", MISSING, False),
    "address": (
        "Москва, ул. Мира, 1|55.75;37.61|12", "", None, "Москва", "Москва|;|", "|55.75;37.61", MISSING, "a|b|c|d",
        False,
    ),
    "employee": ("1", "", None, "9001", "0", 5, "user_7", MISSING, False, []),
    "crm": ("D_1", "CO_3", "", None, "6", "T80_6", "SI_7", "C_", MISSING, False, "DEAL_9"),
    "crm_status": ("IT", "", None, "14|WZ_WHATSAPP_C3", "УДАЛЁН", MISSING, False, "0"),
    "iblock_element": ("17", "", None, "0", 17, "text", MISSING, False),
    "iblock_section": ("3", "", None, False, MISSING),
    "resourcebooking": ([12, 15], [], False, None, "", MISSING),
    "file": (_file(12), MISSING, None, False, "", "77", [], {"id": "13"}, {"showUrl": f"/x?{_TOKEN}"}),
    "rest_app_x": ("anything", {"a": {"b": [1, "2", None]}}, ["x", 1], None, "", 7, 1.5, True, MISSING,
                   {"k\x00": "v\ud800"}),
    "hlblock": ("5", None, "", "text", MISSING),
}  # fmt: skip
"""Values of a single field of each type; row number n takes the n-th, wrapping around."""

_EMPTY_LISTS: Sequence[Any] = (False, [], None, "", MISSING)


def _multiple(type_name: str) -> list[Any]:
    good = [value for value in SINGLE[type_name] if value is not MISSING and value not in (None, False, "")]
    mapped = {str(index): value for index, value in enumerate(good[:2])}
    as_map = [{"1": mapped["0"]}] if type_name != "file" else []
    return [*_EMPTY_LISTS, good[:1], good[:3], good, [None, "", *good[:1]], *as_map, *good[:1]]


_STANDARD: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "deal": (
        {"TITLE": "NUL \x00 title \ud83d", "OPPORTUNITY": "1.0E+25", "CLOSEDATE": "0000-00-00T00:00:00+02:30"},
        {"TITLE": "", "OPPORTUNITY": "19999.990000000002", "CLOSEDATE": "9999-12-31T03:00:00+03:00", "TAX_VALUE": ""},
        {"OPPORTUNITY": "много", "PROBABILITY": "почти 100%", "COMPANY_ID": "0", "CONTACT_ID": "", "LEAD_ID": "x"},
        {"COMMENTS": LONG_TEXT, "SOURCE_ID": "14|WZ_WHATSAPP_DELETED", "ASSIGNED_BY_ID": "9001", "CLOSED": "да"},
        {"IS_RECURRING": "Y", "STAGE_ID": "C7:GONE", "CATEGORY_ID": "7", "CURRENCY_ID": "", "MOVED_TIME": "bad"},
        {"UTM_SOURCE": MISSING, "LOCATION_ID": {"ID": "7"}, "TYPE_ID": None, "BEGINDATE": "", "OPENED": ""},
    ),
    "lead": (
        {"TITLE": "NUL \x00 lead \udfff", "NAME": "", "BIRTHDATE": "0000-00-00T00:00:00+02:30", "OPPORTUNITY": ""},
        {"DATE_CLOSED": "нет", "STATUS_ID": "DELETED_STATUS", "COMPANY_ID": "0", "ADDRESS_LOC_ADDR_ID": "text"},
        {"COMMENTS": LONG_TEXT, "OPPORTUNITY": "1.0E+25", "HAS_PHONE": MISSING, "LAST_NAME": MISSING},
    ),
    "contact": (
        {"NAME": "NUL \x00 name \ud800", "BIRTHDATE": "2099-01-01T03:00:00+03:00", "PHOTO": _file(5), "EXPORT": ""},
        {"BIRTHDATE": "1799-12-31T00:00:00+02:30", "COMPANY_ID": "0", "LEAD_ID": "", "PHOTO": False, "POST": LONG_TEXT},
        {"BIRTHDATE": "0000-11-30T03:00:00+03:00", "PHOTO": MISSING, "HONORIFIC": "", "COMPANY_ID": [1, 2]},
    ),
    "company": (
        {"TITLE": "NUL \x00 company \ud800", "REVENUE": "1.0E+25", "LOGO": _file(9), "IS_MY_COMPANY": "Y"},
        {"TITLE": "", "REVENUE": "", "EMPLOYEES": None, "LOGO": "", "LAST_COMMUNICATION_TIME": "02.09.2024 18:37:18"},
        {"REVENUE": "оборот", "REG_ADDRESS_LOC_ADDR_ID": "", "LOGO": MISSING, "BANKING_DETAILS": LONG_TEXT},
    ),
}
"""Oddities in the standard fields, one mapping a row."""

_DETAILS: Sequence[Any] = (
    ((1, "WORK", "+7 900 000-00-00"), (2, "", ""), (3, "WORK", "+7 900 000-00-00"), (4, "ДРУГОЕ", "доб. \x00 12")),
    None,
    ((5, "MOBILE", "не звонить \ud800 😀"),),
)


def add_nasty(portal: Portal, entity: str) -> list[int]:
    """Add the fields (once) and the rows to an entity; returns the rows' ids. The caller holds the portal's lock."""
    if LONGEST_CODE not in portal.fields[entity]:
        _add_fields(portal, entity)
    values = {f"UF_CRM_NASTY_{name.upper()}": list(variants) for name, variants in SINGLE.items()}
    values |= {f"UF_CRM_NASTY_{name.upper()}_M": _multiple(name) for name in SINGLE}
    choices = [str(option.id) for option in portal.fields[entity]["UF_CRM_NASTY_ENUM"].options]
    numbers = [int(choice) for choice in choices]
    values["UF_CRM_NASTY_ENUM"] = [choices[0], "", None, False, "999999", numbers[1], "0", "текст", MISSING, []]
    values["UF_CRM_NASTY_ENUM_M"] = [numbers, choices, False, [], None, "", [999999, "x"], choices[0], MISSING, "0"]
    values |= {LONGEST_CODE: ["да", None], "ORDER": ["first", "select", "", "\x00"]}
    values |= {"UF_CRM_NASTY_TWIN_1": ["левый"], "UF_CRM_NASTY_TWIN_2": ["правый"]}
    values |= {GHOST: ["ghost", {"deep": ["\x00"]}, None, MISSING], PARENT: ["22", None, "0", "x", MISSING]}
    count = max(len(variants) for variants in values.values())
    return [_add_row(portal, entity, values, place) for place in range(count)]


def _add_fields(portal: Portal, entity: str) -> None:
    for name in SINGLE:
        portal.add_field(entity, f"UF_CRM_NASTY_{name.upper()}", name, title=f"Nasty {name}")
        portal.add_field(entity, f"UF_CRM_NASTY_{name.upper()}_M", name, multiple=True, title=f"Nasty {name}, multiple")
    options = ("Да", "Нет", "Да", "", "с \x00 нулём")  # two alike, an empty one, one with a NUL
    portal.add_field(entity, "UF_CRM_NASTY_ENUM", "enumeration", title='С "кавычками" и \n строкой', options=options)
    portal.add_field(entity, "UF_CRM_NASTY_ENUM_M", "enumeration", multiple=True, title="😀", options=options)
    portal.add_field(entity, "UF_CRM_NASTY_TWIN_1", "string", title="Близнец")
    portal.add_field(entity, "UF_CRM_NASTY_TWIN_2", "string", title="Близнец")
    portal.add_field(entity, LONGEST_CODE, "string", title="Очень длинное название поля, " * 9)
    portal.add_field(entity, "ORDER", "string", title="Порядок")
    portal.add_field(entity, PARENT, "crm_entity", title="", settings={"parentEntityTypeId": 1220}, custom=False)
    absent = FieldSpec(ABSENT, "string", "Нет в строках", id=99_999, settings={})
    portal.fields[entity][ABSENT] = absent
    portal.tables[entity].add_column(GHOST, None)


def _add_row(portal: Portal, entity: str, values: Mapping[str, Sequence[Any]], place: int) -> int:
    record = {code: variants[place % len(variants)] for code, variants in values.items()}
    oddities = _STANDARD[entity]
    if place < len(oddities):
        record |= oddities[place]
    row_id = portal.add(entity, record, raw=True)
    if entity != "deal":
        table = portal.tables[entity]
        at = table.index(row_id)
        if at is not None:
            row = list(table.rows[at])
            row[table.position["PHONE"]] = _DETAILS[place % len(_DETAILS)]
            table.replace(row_id, row, table.modified[at])
    return row_id
