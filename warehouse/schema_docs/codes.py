"""The codes that columns hold, with their labels: from the mirrored dictionaries, never from rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from bitrix.entities import ENTITIES, Entity
from warehouse.schema_docs.privacy import without_contacts
from warehouse.view import StoredColumn


@dataclass(frozen=True, slots=True)
class Code:
    """A value that rows hold, and what it means. ``group`` is the pipeline of a stage."""

    code: str
    label: str
    group: str = ""


_DEAL_OUTCOMES = (Code("P", "в работе / in progress"), Code("S", "выиграна / won"), Code("F", "проиграна / lost"))
_LEAD_OUTCOMES = (
    Code("P", "в работе / in progress"),
    Code("S", "сконвертирован / converted"),
    Code("F", "брак / junk"),
)
_CHANGES = (
    Code("1", "создание / created"),
    Code("2", "промежуточная стадия / intermediate stage"),
    Code("3", "финальная стадия / final stage"),
    Code("5", "смена воронки / pipeline changed"),
)
_FIXED: Mapping[tuple[str, str], tuple[Code, ...]] = {
    ("deal", "STAGE_SEMANTIC_ID"): _DEAL_OUTCOMES,
    ("deal_stage_history", "STAGE_SEMANTIC_ID"): _DEAL_OUTCOMES,
    ("deal_stage_history", "TYPE_ID"): _CHANGES,
    ("lead", "STATUS_SEMANTIC_ID"): _LEAD_OUTCOMES,
    ("lead_stage_history", "STATUS_SEMANTIC_ID"): _LEAD_OUTCOMES,
    ("lead_stage_history", "TYPE_ID"): _CHANGES,
    ("status", "SEMANTICS"): (Code("S", "успех / success"), Code("F", "провал / failure")),
    ("field_option", "ENTITY"): tuple(
        Code(entity.name, entity.table) for entity in ENTITIES if entity.userfields_method
    ),
}
"""Codes that Bitrix24 itself fixes."""


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """Live rows of the dictionaries, in their order. Deal stages of all pipelines are under ``DEAL_STAGE``."""

    statuses: Mapping[str, tuple[Code, ...]] = field(default_factory=dict)
    options: Mapping[tuple[str, str], tuple[Code, ...]] = field(default_factory=dict)
    pipelines: tuple[Code, ...] = ()
    currencies: tuple[Code, ...] = ()

    def codes(self, entity: Entity, column: StoredColumn) -> tuple[Code, ...]:
        """The codes of one column; empty when it holds none."""
        if fixed := _FIXED.get((entity.name, column.field_code)):
            return fixed
        if column.part == "currency" or column.field_type == "crm_currency":
            return self.currencies
        if column.field_type == "crm_category":
            return self.pipelines
        if column.field_type == "enumeration":
            return self.options.get((entity.name, column.field_code), ())
        if column.field_type != "crm_status":
            return ()
        if column.field_code == "STAGE_ID":
            return self.statuses.get("DEAL_STAGE", ())
        return self.statuses.get("STATUS" if entity.name == "lead_stage_history" else column.status_type or "", ())


def read_dictionaries(conn: Connection) -> Dictionaries:
    """The dictionaries as they are mirrored now."""
    pipelines = _codes(
        conn.execute("SELECT id, name FROM bitrix.pipelines WHERE _deleted_at IS NULL ORDER BY sort, id")
    )
    names = {code.code: code.label for code in pipelines}
    statuses: dict[str, list[Code]] = {}
    for dictionary, code, label in conn.execute(
        """SELECT entity_id, status_id, name FROM bitrix.statuses
           WHERE _deleted_at IS NULL AND entity_id IS NOT NULL AND status_id IS NOT NULL
           ORDER BY entity_id, sort, id"""
    ):
        pipeline = "0" if dictionary == "DEAL_STAGE" else dictionary.removeprefix("DEAL_STAGE_")
        if dictionary.startswith("DEAL_STAGE"):
            if pipeline in names or pipeline == "0":
                group = names.get(pipeline, "")
                statuses.setdefault("DEAL_STAGE", []).append(Code(code, without_contacts(label or ""), group))
        else:
            statuses.setdefault(dictionary, []).append(Code(code, without_contacts(label or "")))
    options: dict[tuple[str, str], list[Code]] = {}
    for entity, field_code, number, value in conn.execute(
        """SELECT entity, field, id, value FROM bitrix.field_options WHERE _deleted_at IS NULL
           ORDER BY entity, field, sort, id"""
    ):
        options.setdefault((entity, field_code), []).append(Code(str(number), without_contacts(value or "")))
    return Dictionaries(
        {name: tuple(codes) for name, codes in statuses.items()},
        {key: tuple(codes) for key, codes in options.items()},
        pipelines,
        _codes(
            conn.execute(
                "SELECT currency, full_name FROM bitrix.currencies WHERE _deleted_at IS NULL ORDER BY sort, currency"
            )
        ),
    )


def _codes(rows: Iterable[tuple[Any, str | None]]) -> tuple[Code, ...]:
    return tuple(Code(str(code), without_contacts(label or "")) for code, label in rows)
