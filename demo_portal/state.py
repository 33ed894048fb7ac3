"""What a portal holds, and reading it: CRM tables, dictionaries, staff, rights, faults, event subscribers."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from demo_portal.clock import Clock
from demo_portal.events import EventSender
from demo_portal.faults import Faults
from demo_portal.schema import MULTIFIELDS, FieldSpec
from demo_portal.standard_fields import STANDARD_FIELDS
from demo_portal.table import MISSING, Table, expand_details

CRM = ("deal", "lead", "contact", "company")
NEVER_LISTED = {"deal": {"CONTACT_IDS"}, "lead": {"CONTACT_IDS"}, "contact": {"COMPANY_IDS"}, "company": {"CONTACT_ID"}}
SCOPES = ("crm", "department", "task", "telephony", "user", "user.userfield", "userfieldconfig")

_HISTORY_COLUMNS = {
    "deal": ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID"),
    "lead": ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "STATUS_SEMANTIC_ID", "STATUS_ID"),
}
_HISTORY_TYPES = {"ID": "integer", "TYPE_ID": "integer", "OWNER_ID": "integer", "CREATED_TIME": "datetime"}

Rows = list[dict[str, Any]]


class PortalState:
    """The state of one portal, guarded by ``lock``."""

    def __init__(self, *, seed: int = 1, now: datetime | None = None) -> None:
        self.seed = seed
        self.clock = Clock(now)
        self.secret = hashlib.sha256(f"portal {seed}".encode()).hexdigest()[:16]
        self.user_id = 1
        self.is_admin = True
        self.lock = threading.RLock()
        self.faults = Faults()
        self.events = EventSender("demo.bitrix24.example")
        self.scopes = set(SCOPES)
        self.applications: dict[str, str] = {}  # access token -> application token
        self.tables = {name: Table(name, _columns(name)) for name in CRM}
        # Copies: fields can be changed, and the standard ones are the same objects for every portal of a process.
        self.fields = {
            name: {spec.code: replace(spec, options=[*spec.options]) for spec in STANDARD_FIELDS[name]} for name in CRM
        }
        self.history = {name: Table(f"{name}_stage_history", columns) for name, columns in _HISTORY_COLUMNS.items()}
        self.history_fields = {
            name: {code: FieldSpec(code, _HISTORY_TYPES.get(code, "string"), code) for code in columns}
            for name, columns in _HISTORY_COLUMNS.items()
        }
        self.statuses: Rows = []
        self.categories: Rows = []
        self.currencies: Rows = []
        self.users: Rows = []
        self.departments: Rows = []
        self.last_detail_id = 0
        self._last_field_id = 100
        self._last_option_id = 40

    def now(self) -> int:
        """The portal's time in whole seconds since 1970."""
        return int(self.clock.time())

    def rows(self, entity: str) -> Rows:
        """All visible rows, by id, as the list method gives them with every field selected.

        Also knows ``status``, ``pipeline``, ``currency``, ``user``, ``department``, ``deal_stage_history`` and
        ``lead_stage_history``. Raises ``KeyError`` for another name.
        """
        with self.lock:
            reference = {
                "status": self.statuses,
                "pipeline": self.categories,
                "currency": self.currencies,
                "user": self.users,
                "department": self.departments,
            }
            if entity in reference:
                return [dict(row) for row in reference[entity]]
            history = entity.removesuffix("_stage_history")
            table = self.history[history] if history != entity else self.tables[entity]
            codes = [code for code in table.columns if code not in MULTIFIELDS]
            details = [code for code in table.columns if code in MULTIFIELDS]
            project = table.projector(codes + details)
            return [project(row_id, row) for row_id, row in zip(table.ids, table.rows, strict=True)]

    def row(self, entity: str, row_id: int) -> dict[str, Any] | None:
        """One visible row in the same form, or None."""
        with self.lock:
            table = self.tables[entity]
            at = table.index(row_id)
            if at is None:
                return None
            record = dict(table.record(table.rows[at]))
            for code in MULTIFIELDS:
                if code in record and (details := record.pop(code)):
                    record[code] = expand_details(code, details)
            return {code: value for code, value in record.items() if value is not MISSING}

    def ids(self, entity: str) -> list[int]:
        """Ids of all visible rows, ascending."""
        with self.lock:
            return list(self.tables[entity].ids)

    def semantic(self, entity: str, stage: str) -> str:
        """P, S or F. A stage without a status row counts as in progress, as on the real portal."""
        for status in self.statuses:
            dictionary = status["ENTITY_ID"]
            is_stage = dictionary == "STATUS" if entity == "lead" else dictionary.startswith("DEAL_STAGE")
            if is_stage and status["STATUS_ID"] == stage:
                return status["SEMANTICS"] or "P"
        return "P"

    def hide(self, entity: str, which: Callable[[Mapping[str, Any]], bool] | float) -> set[int]:
        """Take away the right to read some rows: those that match, or a share (0–1) of all. Returns their ids."""
        with self.lock:
            table = self.tables[entity]
            if callable(which):
                chosen = {row_id for row_id, row in zip(table.ids, table.rows, strict=True) if which(table.record(row))}
            else:
                generator = random.Random(self.seed)
                chosen = set(generator.sample(table.ids, round(len(table.ids) * which)))
            table.hide(chosen)
            return chosen

    def restore(self) -> None:
        """Give back the right to read everything."""
        with self.lock:
            for table in self.tables.values():
                table.restore()


def _columns(entity: str) -> list[str]:
    codes = [spec.code for spec in STANDARD_FIELDS[entity] if spec.code not in NEVER_LISTED[entity]]
    return [code for code in codes if code not in MULTIFIELDS] + [code for code in codes if code in MULTIFIELDS]
