"""Filters of the classic list methods: prefixes before the field's code, all joined by AND.

An unknown field or operator is dropped without a word, so the answer holds more rows than were asked for: the portal
does the same. Prefixes are from the Bitrix24 REST documentation, pages ``crm.deal.list`` and ``crm.lead.list``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo_portal.clock import DAY, OFFSET_SECONDS, parse_instant
from demo_portal.php import as_list
from demo_portal.schema import MULTIFIELDS, FieldSpec
from demo_portal.table import MISSING, Row, Table

_OPERATORS = (">=", "<=", "!@", "!=", "=%", "%=", ">", "<", "@", "%", "=", "!")
_LEAD_OPERATORS = ("!=%", "!%=", "!%")
_KEY = re.compile(r"([^A-Za-z0-9_]*)([A-Za-z0-9_]+)$")

_NUMERIC = frozenset({"integer", "double", "user", "employee", "boolean", "crm_category", "enumeration", "money"})
_REFERENCES = frozenset({"crm_company", "crm_contact", "crm_lead", "crm_deal", "crm_quote", "crm_entity"})
_WHOLE_ONLY = frozenset({"crm_status", "crm_contact", "crm_company"})  # LIKE acts as = on them, silently

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a filter that the portal understood."""

    operator: str
    field: FieldSpec
    value: Any


def parse_filter(raw: Mapping[str, Any], fields: Mapping[str, FieldSpec], *, lead: bool = False) -> list[Condition]:
    """The conditions of a filter; what is not understood is left out."""
    result = []
    for key, value in raw.items():
        match = _KEY.match(key)
        if match is None or match[2] not in fields:
            continue
        operator = match[1] or "="
        if operator in _OPERATORS or (lead and operator in _LEAD_OPERATORS):
            result.append(Condition(operator, fields[match[2]], value))
    return result


def select_rows(table: Table, conditions: Sequence[Condition]) -> Sequence[int]:
    """Indexes of the rows that pass, ascending by id.

    Id ranges and id lists are answered from the sorted ids; a window of modification times from the parallel list of
    instants; only what is left is tested row by row.
    """
    low, high = 0, len(table.ids)
    chosen: Sequence[int] | None = None
    rest: list[Condition] = []
    for condition in conditions:
        code, operator = condition.field.code, condition.operator
        if code == "ID" and operator in _RANGES and not isinstance(condition.value, list | Mapping):
            edge = _RANGES[operator](table.ids, to_number(condition.value))
            low, high = (max(low, edge), high) if operator.startswith(">") else (low, min(high, edge))
        elif code == "ID" and operator in ("=", "@") and chosen is None:
            wanted = sorted({int(to_number(value)) for value in as_list(condition.value)})
            chosen = [at for value in wanted if (at := table.index(value)) is not None]
        elif (
            code == "DATE_MODIFY"
            and operator == ">="
            and chosen is None
            and (epoch := parse_instant(str(condition.value))) is not None
        ):
            chosen = table.modified_since(-int(-epoch // 1))
        else:
            rest.append(condition)
    found: Sequence[int]
    if chosen is None:
        found = range(low, max(low, high))
    elif low == 0 and high == len(table.ids):
        found = chosen
    else:
        found = chosen[bisect_left(chosen, low) : bisect_left(chosen, high)]
    for condition in rest:
        at, test = table.position[condition.field.code], _test(condition)
        found = [index for index in found if test(_value(table.rows[index], at))]
    return found


def _value(row: Row, at: int) -> Any:
    value = row[at]
    return None if value is MISSING else value


_RANGES: Mapping[str, Callable[[list[int], float], int]] = {
    ">": bisect_right,
    ">=": bisect_left,
    "<": bisect_left,
    "<=": bisect_right,
}


def to_number(value: Any) -> float:
    """PHP's cast: the leading number of a text, otherwise 0; an array is 1 unless it is empty."""
    if isinstance(value, list | Mapping):
        return 1 if value else 0
    match = re.match(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", str(value))
    if match is None:
        return 1 if value is True else 0
    text = match[0]
    return float(text) if re.search(r"[.eE]", text) else int(text)


def _test(condition: Condition) -> Test:
    operator, field = condition.operator, condition.field
    if field.code in MULTIFIELDS:  # exact match only
        wanted = {str(value) for value in as_list(condition.value)}
        return lambda value: any(detail[2] in wanted for detail in value or ())
    single = _single(operator, field, condition.value)
    if not field.multiple:
        return single
    if operator.startswith("!"):
        return lambda value: all(single(item) for item in _items(value))
    return lambda value: any(single(item) for item in _items(value))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value else [None]


def _single(operator: str, field: FieldSpec, raw: Any) -> Test:
    if operator.startswith("!"):
        positive = _single(operator[1:] or "=", field, raw)
        return lambda value: not positive(value)
    if operator in ("%", "=%", "%=") and field.type in _WHOLE_ONLY:
        operator = "="
    if operator in ("%", "=%", "%="):
        return _like(str(raw), anywhere=operator == "%")
    key = _key(field)
    if operator in ("=", "@"):
        wanted = [None if _is_empty(field, value) else key(value) for value in as_list(raw)]
        return lambda value: (None if _is_empty(field, value) else key(value)) in wanted
    bound = key(raw)
    if bound is None:  # an unreadable date: the comparison holds for no row
        return lambda value: False
    compare = _COMPARE[operator]

    def ordered(value: Any) -> bool:
        if _is_empty(field, value):
            return False
        own = key(value)
        return own is not None and compare(own, bound)

    return ordered


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def _is_empty(field: FieldSpec, value: Any) -> bool:
    if value is None or value is False or value in ("", []):  # 0 is a value: the default pipeline
        return True
    return field.type in _REFERENCES and value in ("0", 0)


def _key(field: FieldSpec) -> Callable[[Any], Any]:
    """How values of the field compare: as numbers, as instants, or as text whatever its case, like MySQL does."""
    if field.type in _NUMERIC or field.type in _REFERENCES:
        return to_number
    if field.type == "date":
        return _day
    if field.type == "datetime":
        return lambda value: parse_instant(str(value))
    return lambda value: str(value).casefold()


def _day(value: Any) -> float | None:
    epoch = parse_instant(str(value))
    return None if epoch is None else (epoch + OFFSET_SECONDS) // DAY


def _like(pattern: str, *, anywhere: bool) -> Test:
    if anywhere:
        wanted = pattern.casefold()
        return lambda value: value is not None and wanted in str(value).casefold()
    regex = re.compile(
        "".join(".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern), re.I | re.S
    )
    return lambda value: value is not None and regex.fullmatch(str(value)) is not None
