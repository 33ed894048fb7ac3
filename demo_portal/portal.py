"""The state of a simulated portal and everything that may be done to it."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from demo_portal.clock import Clock, print_datetime
from demo_portal.events import EventSender, Subscription
from demo_portal.faults import Faults
from demo_portal.records import SEMANTIC_FIELD, STAGE_FIELD, apply_flags, apply_stage, defaults, store
from demo_portal.schema import DEFAULT_SETTINGS, MULTIFIELDS, FieldSpec, OptionSpec
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


class Portal:
    """One portal: CRM tables, dictionaries, staff, rights, faults and event subscribers.

    Every public method takes the lock, so a test may change the portal while a server answers from it. Entities are
    named ``deal``, ``lead``, ``contact``, ``company``; ``rows`` knows the reference data too.
    """

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
        self.fields = {name: {spec.code: spec for spec in STANDARD_FIELDS[name]} for name in CRM}
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

    @classmethod
    def generate(cls, seed: int = 1, deals: int = 2000, *, now: datetime | None = None) -> Portal:
        """A portal with two years of business up to ``now`` (default: the present), the same for the same arguments."""
        from demo_portal.generate.world import fill  # it builds portals, so it is imported late

        portal = cls(seed=seed, now=now)
        fill(portal, deals)
        return portal

    # -- reading

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

    # -- records

    def add(self, entity: str, values: Mapping[str, Any], *, raw: bool = False, user_id: int | None = None) -> int:
        """Create a record; returns its id. Values may be Python's or already in wire form (``raw``: kept as given).

        A deal without a stage starts in the first one of its pipeline. Unknown codes are ignored.
        """
        with self.lock:
            table, now, user = self.tables[entity], self.now(), user_id or self.user_id
            fields = self.fields[entity]
            record = {code: (fields[code].empty if code in fields else None) for code in table.columns}
            record |= dict.fromkeys((code for code in MULTIFIELDS if code in record), None)
            record |= defaults(entity, now, user)
            category = str(values.get("CATEGORY_ID") or "0")
            if entity == "deal" and category != "0":
                record["STAGE_ID"] = f"C{category}:NEW"
            store(record, fields, values, self._next_detail, raw=raw)
            new_id = table.last_id + 1
            record["ID"] = str(new_id)
            if entity in STAGE_FIELD:
                self._enter_stage(entity, new_id, record, now, user, created=True)
            apply_flags(entity, record)
            self._append(table, new_id, record, now)
            self._publish(entity, "ADD", new_id)
            return new_id

    def update(
        self,
        entity: str,
        row_id: int,
        values: Mapping[str, Any],
        *,
        raw: bool = False,
        user_id: int | None = None,
        touch: bool = True,
    ) -> None:
        """Change a record, its DATE_MODIFY, and the stage history if the stage changes.

        ``touch=False`` leaves DATE_MODIFY alone and fires no event: some changes on the real portal do so. Raises
        ``KeyError`` if no such row is visible.
        """
        with self.lock:
            table, now, user = self.tables[entity], self.now(), user_id or self.user_id
            at = table.index(row_id)
            if at is None:
                raise KeyError(f"no {entity} with id {row_id}")
            record = dict(table.record(table.rows[at]))
            stage_field = STAGE_FIELD.get(entity, "")
            before, category = record.get(stage_field), record.get("CATEGORY_ID")
            store(record, self.fields[entity], values, self._next_detail, raw=raw)
            moved = entity == "deal" and record["CATEGORY_ID"] != category
            if moved and record[stage_field] == before:
                record[stage_field] = "NEW" if record["CATEGORY_ID"] == "0" else f"C{record['CATEGORY_ID']}:NEW"
            if stage_field and record[stage_field] != before:
                self._enter_stage(entity, row_id, record, now, user, moved=moved)
            if not raw:
                apply_flags(entity, record)
            if touch:
                record["DATE_MODIFY"] = values.get("DATE_MODIFY") if raw and "DATE_MODIFY" in values else None
                record["DATE_MODIFY"] = record["DATE_MODIFY"] or print_datetime(now)
                record["MODIFY_BY_ID"] = str(user)
            self._note_irregular(table, row_id, record)
            table.replace(row_id, [record[code] for code in table.columns], now if touch else table.modified[at])
            if touch:
                self._publish(entity, "MOVE" if moved else "UPDATE", row_id, record)

    def delete(self, entity: str, row_id: int) -> None:
        """Remove a record for good. Raises ``KeyError`` if no such row is visible."""
        with self.lock:
            self.tables[entity].delete(row_id)
            self._publish(entity, "DELETE", row_id)

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

    def random_changes(self, count: int, seed: int = 1, *, deletions: bool = True) -> dict[str, dict[str, set[int]]]:
        """Make so many changes, each to a row of its own; returns ``{"deal": {"added", "updated", "deleted"}, …}``."""
        from demo_portal.changes import random_changes  # it changes portals, so it is imported late

        with self.lock:
            return random_changes(self, count, seed, deletions=deletions)

    def add_nasty(self, entity: str) -> list[int]:
        """Add user fields of every type and rows with every oddity that the API is known for; returns the rows' ids."""
        from demo_portal.nasty import add_nasty

        with self.lock:
            return add_nasty(self, entity)

    # -- fields

    def add_field(
        self,
        entity: str,
        code: str,
        type: str,
        *,
        multiple: bool = False,
        title: str = "",
        options: Iterable[str] = (),
        settings: Any = None,
        custom: bool = True,
    ) -> FieldSpec:
        """Add a user field (``custom=False``: a standard one, like ``PARENT_ID_1220``); rows get its empty value.

        Raises ``ValueError`` if the code is taken.
        """
        with self.lock:
            if settings is None and custom:
                settings = DEFAULT_SETTINGS.get(type, [])
            spec = FieldSpec(code, type, title or code, multiple=multiple, settings=settings)
            if custom:
                self._last_field_id += 1
                spec.id = self._last_field_id
                spec.sort = 100 + 10 * sum(field.dynamic for field in self.fields[entity].values())
            if type == "crm_status" and isinstance(settings, Mapping):
                spec.status_type = str(settings.get("ENTITY_TYPE") or "") or None
            self.tables[entity].add_column(code, spec.empty)
            self.fields[entity][code] = spec
            for value in options:
                self.add_option(entity, code, value)
            if custom:
                self._publish_field(entity, "ADD", spec)
            return spec

    def remove_field(self, entity: str, code: str) -> None:
        """Remove a field with its values. Raises ``KeyError`` if there is none."""
        with self.lock:
            spec = self.fields[entity].pop(code)
            if code in self.tables[entity].position:
                self.tables[entity].remove_column(code)
            self._publish_field(entity, "DELETE", spec)

    def rename_field(self, entity: str, code: str, title: str) -> None:
        """Give a field another title. Raises ``KeyError`` if there is none."""
        with self.lock:
            self.fields[entity][code].title = title
            self._publish_field(entity, "UPDATE", self.fields[entity][code])

    def add_option(self, entity: str, code: str, value: str) -> int:
        """Add a choice to an enumeration field; returns its id."""
        with self.lock:
            spec = self.fields[entity][code]
            self._last_option_id += 2
            digest = hashlib.md5(f"{code} {self._last_option_id}".encode(), usedforsecurity=False).hexdigest()
            spec.options.append(OptionSpec(self._last_option_id, value, 10 * (len(spec.options) + 1), digest))
            self._publish_field(entity, "SETENUMVALUES", spec)
            return self._last_option_id

    def rename_option(self, entity: str, code: str, option_id: int, value: str) -> None:
        """Change the text of a choice; rows keep its id. Raises ``KeyError`` if there is none."""
        with self.lock:
            spec = self.fields[entity][code]
            for option in spec.options:
                if option.id == option_id:
                    option.value = value
                    return self._publish_field(entity, "SETENUMVALUES", spec)
            raise KeyError(f"{entity}.{code} has no option {option_id}")

    def delete_option(self, entity: str, code: str, option_id: int) -> None:
        """Remove a choice; rows that hold its id keep it."""
        with self.lock:
            spec = self.fields[entity][code]
            spec.options = [option for option in spec.options if option.id != option_id]
            self._publish_field(entity, "SETENUMVALUES", spec)

    # -- events

    def on_event(self, url: str, application_token: str, events: Iterable[str] | None = None) -> Subscription:
        """Post changes to a URL from now on, like an outgoing webhook. ``events``: names, default all it may have."""
        if events is None:
            return self.events.subscribe(url, application_token)
        return self.events.subscribe(url, application_token, events=frozenset(events))

    def _publish(self, entity: str, change: str, row_id: int, record: Mapping[str, Any] | None = None) -> None:
        if not self.events.subscriptions:
            return
        fields: dict[str, Any] = {"ID": row_id}
        event = f"ONCRM{entity.upper()}{change}"
        if change == "MOVE" and record is not None:
            event = "ONCRMDEALMOVETOCATEGORY"
            fields |= {"CATEGORY_ID": record["CATEGORY_ID"], "STAGE_ID": record["STAGE_ID"]}
        self.events.publish(event, fields, self.now())

    def _publish_field(self, entity: str, change: str, spec: FieldSpec) -> None:
        fields = {"ID": spec.id or 0, "ENTITY_ID": f"CRM_{entity.upper()}", "FIELD_NAME": spec.code}
        self.events.publish(f"ONCRM{entity.upper()}USERFIELD{change}", fields, self.now())

    # -- inside

    def _next_detail(self) -> int:
        self.last_detail_id += 1
        return self.last_detail_id

    def _append(self, table: Table, row_id: int, record: dict[str, Any], modified: int) -> None:
        self._note_irregular(table, row_id, record)
        table.append(row_id, [record[code] for code in table.columns], modified)

    @staticmethod
    def _note_irregular(table: Table, row_id: int, record: Mapping[str, Any]) -> None:
        if any(value is MISSING for value in record.values()):
            table.irregular.add(row_id)

    def _enter_stage(
        self,
        entity: str,
        row_id: int,
        record: dict[str, Any],
        now: int,
        user_id: int,
        *,
        created: bool = False,
        moved: bool = False,
    ) -> None:
        """Set what goes with the record's stage and append it to the stage history."""
        stage = record[STAGE_FIELD[entity]]
        semantic = self.semantic(entity, stage)
        apply_stage(entity, record, semantic, stage.rpartition(":")[2] == "NEW", now, user_id)
        kind = 5 if moved else 1 if created else 2 if semantic == "P" else 3
        table = self.history[entity]
        head = (table.last_id + 1, kind, row_id, print_datetime(now))
        if entity == "deal":
            category = int(record["CATEGORY_ID"])
            table.append(head[0], (*head, category, record[SEMANTIC_FIELD[entity]], stage), now)
        else:
            table.append(head[0], (*head, semantic, stage), now)


def _columns(entity: str) -> list[str]:
    codes = [spec.code for spec in STANDARD_FIELDS[entity] if spec.code not in NEVER_LISTED[entity]]
    return [code for code in codes if code not in MULTIFIELDS] + [code for code in codes if code in MULTIFIELDS]
