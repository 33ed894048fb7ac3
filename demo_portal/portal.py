"""A simulated portal: its state and everything that may be done to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from demo_portal.clock import parse_instant, print_datetime
from demo_portal.events import Subscription
from demo_portal.fields import PortalFields
from demo_portal.oauth import OAuthServer
from demo_portal.records import SEMANTIC_FIELD, STAGE_FIELD, apply_flags, apply_stage, defaults, store
from demo_portal.schema import MULTIFIELDS
from demo_portal.state import CRM
from demo_portal.table import MISSING, Table

__all__ = ["CRM", "Portal"]


class Portal(PortalFields):
    """One portal.

    Every public method takes the lock, so a test may change the portal while a server answers from it. Entities are
    named ``deal``, ``lead``, ``contact``, ``company``; ``rows`` knows the reference data too.
    """

    def __init__(self, *, seed: int = 1, now: datetime | None = None) -> None:
        super().__init__(seed=seed, now=now)
        self.oauth = OAuthServer(self)

    @classmethod
    def generate(cls, seed: int = 1, deals: int = 2000, *, now: datetime | None = None) -> Portal:
        """A portal with two years of business up to ``now`` (default: the present), the same for the same arguments."""
        from demo_portal.generate.world import fill  # it builds portals, so it is imported late

        portal = cls(seed=seed, now=now)
        fill(portal, deals)
        return portal

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
            self._append(table, new_id, record, _modified(record, now))
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
            table.replace(
                row_id,
                [record[code] for code in table.columns],
                _modified(record, now) if touch else table.modified[at],
            )
            if touch:
                self._publish(entity, "MOVE" if moved else "UPDATE", row_id, record)

    def delete(self, entity: str, row_id: int) -> None:
        """Remove a record for good. Raises ``KeyError`` if no such row is visible."""
        with self.lock:
            self.tables[entity].delete(row_id)
            self._publish(entity, "DELETE", row_id)

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

    def on_event(self, url: str, application_token: str, events: Iterable[str] | None = None) -> Subscription:
        """Post changes to a URL from now on, like an outgoing webhook. ``events``: names, default all it may have."""
        if events is None:
            return self.events.subscribe(url, application_token)
        return self.events.subscribe(url, application_token, events=frozenset(events))

    def register_application(self, access_token: str, application_token: str) -> None:
        """Let an application call ``/rest/{method}`` with ``auth``; its event handlers get ``application_token``."""
        with self.lock:
            self.applications[access_token] = application_token

    def _publish(self, entity: str, change: str, row_id: int, record: Mapping[str, Any] | None = None) -> None:
        if not self.events.subscriptions:
            return
        fields: dict[str, Any] = {"ID": row_id}
        event = f"ONCRM{entity.upper()}{change}"
        if change == "MOVE" and record is not None:
            event = "ONCRMDEALMOVETOCATEGORY"
            fields |= {"CATEGORY_ID": record["CATEGORY_ID"], "STAGE_ID": record["STAGE_ID"]}
        self.events.publish(event, fields, self.now())

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


def _modified(record: Mapping[str, Any], now: int) -> int:
    """The instant of DATE_MODIFY, which an import may have set back."""
    return int(parse_instant(str(record["DATE_MODIFY"])) or now)
