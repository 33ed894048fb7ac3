"""What the warehouse must hold for what the portal holds, worked out a second time from the documentation alone.

Shares no code with ``warehouse.values``: a mistake there must not hide here.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any

import httpx
import psycopg

NOTHING: tuple[Any, ...] = (None, "", [], [""], [None])
INTEGERS = {"integer", "int", "crm_category"}
REFERENCES = {
    *("user", "employee", "enumeration", "crm_company", "crm_contact", "crm_deal", "crm_entity", "crm_lead"),
    *("crm_quote", "iblock_element", "iblock_section", "resourcebooking", "file"),
}
TEXTS = {"string", "text", "url", "address", "crm", "crm_currency", "crm_status"}
TYPED = INTEGERS | REFERENCES | TEXTS | {"double", "money", "char", "boolean", "date", "datetime"}

Cell = Any
BAD = object()
"""Stands for a value that fits nothing: the cell must be null, and an issue must exist."""


def cells(field: dict[str, Any], raw: Any) -> dict[str, Cell]:
    """The cells of one field by part (``value``, for money also ``currency``)."""
    kind = field["type"]
    if kind not in TYPED:
        return {"value": None if raw in NOTHING or raw is False else clean(raw)}
    parts = {"value": one_value}
    if kind == "money":
        parts = {"value": amount, "currency": currency}
    multiple = field["isMultiple"] or kind == "resourcebooking"
    return {part: (many if multiple else single)(convert, kind, raw) for part, convert in parts.items()}


def single(convert: Any, kind: str, raw: Any) -> Cell:
    if raw in NOTHING or (raw is False and kind not in ("char", "boolean")):
        return None
    if isinstance(raw, list):
        return BAD if len(raw) > 1 else convert(kind, raw[0])
    return convert(kind, raw)


def many(convert: Any, kind: str, raw: Any) -> Cell:
    if raw in NOTHING or raw is False:
        return None
    if isinstance(raw, dict) and "id" not in raw:
        raw = list(raw.values())
    items = [convert(kind, item) for item in (raw if isinstance(raw, list) else [raw]) if item not in (None, "", False)]
    if BAD in items:
        return BAD
    return [item for item in items if item is not None] or None


def one_value(kind: str, raw: Any) -> Cell:
    try:
        if kind in TEXTS:
            return text(raw)
        if kind in INTEGERS:
            return integer(raw)
        if kind in REFERENCES:
            return integer(raw["id"] if kind == "file" and isinstance(raw, dict) else raw) or None
        if kind == "double":
            return number(raw)
        if kind in ("char", "boolean"):
            return {"Y": True, "1": True, "N": False, "0": False, "True": True, "False": False}[str(raw)]
        moment = datetime.fromisoformat(raw)
        if moment.tzinfo is None and len(raw) > 10:
            return BAD
        if kind == "datetime":
            return moment.astimezone(UTC)
        return (moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC) + timedelta(hours=12)).date()
    except (ValueError, KeyError, TypeError, OverflowError, DecimalException):
        return BAD


def amount(kind: str, raw: Any) -> Cell:
    if str(raw).count("|") > 1:
        return BAD
    left = str(raw).split("|")[0]
    try:
        return number(left) if left else None
    except (ValueError, DecimalException):
        return BAD


def currency(kind: str, raw: Any) -> Cell:
    if str(raw).count("|") > 1:
        return BAD
    return [*str(raw).split("|"), ""][1] or None


def text(raw: Any) -> str | None:
    if isinstance(raw, dict | list):
        raise TypeError
    return re.sub("[\x00\ud800-\udfff]", "", str(raw)) or None


def number(raw: Any) -> Decimal | None:
    if isinstance(raw, bool | dict | list):
        raise TypeError
    if str(raw).strip() == "":
        return None
    value = Decimal(str(raw).strip())
    if not value.is_finite() or abs(value.adjusted()) > 1000:
        raise ValueError
    return value


def integer(raw: Any) -> int | None:
    value = number(raw)
    if value is None:
        return None
    if value != math.floor(value) or abs(value) > 2**63 - 1:
        raise ValueError
    return int(value)


def clean(raw: Any) -> Any:
    """Any JSON as ``jsonb`` keeps it: no NUL, no lone surrogates, tokens in URLs masked."""
    if isinstance(raw, str):
        return re.sub(r"auth=[^&\"\\\s]+", "auth=***", re.sub("[\x00\ud800-\udfff]", "", raw))
    if isinstance(raw, list):
        return [clean(item) for item in raw]
    if isinstance(raw, dict):
        return {clean(key): clean(item) for key, item in raw.items()}
    return raw


def portal_fields(webhook_url: str, method: str) -> dict[str, dict[str, Any]]:
    """The portal's own field list, asked with nothing but httpx."""
    answer = httpx.post(f"{webhook_url}{method}", json={}, timeout=30)
    result: dict[str, dict[str, Any]] = json.loads(answer.content)["result"]
    return result


def differences(
    conn: psycopg.Connection[Any],
    entity: str,
    table: str,
    fields: dict[str, dict[str, Any]],
    rows: list[dict[str, Any]],
    key: str = "ID",
) -> list[str]:
    """Every cell in which a mirror table differs from the portal, in words; empty when it is an exact copy."""
    columns = conn.execute(
        """SELECT field_code, part, column_name FROM app.table_columns WHERE table_name = %s AND vanished_at IS NULL""",
        (table,),
    ).fetchall()
    issues = {
        tuple(row) for row in conn.execute("SELECT row_id, field FROM app.sync_issues WHERE entity = %s", (entity,))
    }
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        stored = {
            row[key.lower()]: row
            for row in cursor.execute(f"SELECT * FROM bitrix.{table} WHERE _deleted_at IS NULL")  # type: ignore[arg-type]
        }
    found = []
    for raw in rows:
        name = integer(raw[key]) if key in ("ID", "id") else raw[key]
        mine = stored.pop(name, None)
        if mine is None:
            found.append(f"{table} {name}: missing")
            continue
        for code, part, column in columns:
            expected = cells(fields[code], raw.get(code))[part]
            if expected is BAD:
                expected = None
                if (str(raw[key]), code) not in issues:
                    found.append(f"{table} {name}.{column}: no issue for {raw.get(code)!r:.80}")
            if mine[column] != expected:
                found.append(f"{table} {name}.{column}: {mine[column]!r:.80} instead of {expected!r:.80}")
        extra = clean({code: value for code, value in raw.items() if code not in fields}) or None
        if mine["_extra"] != extra:
            found.append(f"{table} {name}._extra: {mine['_extra']!r:.80} instead of {extra!r:.80}")
    return found + [f"{table} {name}: not in the portal" for name in stored]
