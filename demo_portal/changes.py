"""Random changes: what a working day does to a portal, at the press of a button."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from demo_portal.portal import CRM, Portal
from demo_portal.records import STAGE_FIELD

_SHARES = {"deal": 0.5, "lead": 0.2, "contact": 0.2, "company": 0.1}
_KINDS = (("updated", 0.6), ("added", 0.25), ("deleted", 0.15))

Changes = dict[str, dict[str, set[int]]]


def random_changes(portal: Portal, count: int, seed: int, *, deletions: bool) -> Changes:
    """Make ``count`` changes, each to a row of its own, the same for the same seed and state.

    Returns the ids by entity and kind. Fewer changes are made where an entity has not enough rows left.
    """
    generator = random.Random(seed)
    changes: Changes = {entity: {"added": set(), "updated": set(), "deleted": set()} for entity in CRM}
    kinds = [(kind, share) for kind, share in _KINDS if deletions or kind != "deleted"]
    for entity, place in _spread(generator, count):
        kind = generator.choices([name for name, _ in kinds], [share for _, share in kinds])[0]
        done = changes[entity]
        free = [] if kind == "added" else _untouched(portal, entity, done, generator)
        if kind == "added" or not free:
            done["added"].add(portal.add(entity, _new(generator, portal, entity, place)))
        elif kind == "deleted":
            portal.delete(entity, free[0])
            done["deleted"].add(free[0])
        else:
            portal.update(entity, free[0], _edit(generator, portal, entity, free[0]))
            done["updated"].add(free[0])
    return changes


def _spread(generator: random.Random, count: int) -> list[tuple[str, int]]:
    names = list(_SHARES)
    chosen = list(names[:count]) + generator.choices(names, list(_SHARES.values()), k=max(0, count - len(names)))
    return [(entity, place) for place, entity in enumerate(chosen)]


def _untouched(portal: Portal, entity: str, done: Mapping[str, set[int]], generator: random.Random) -> list[int]:
    ids = portal.tables[entity].ids
    touched = done["added"] | done["updated"]
    for _ in range(20):
        if not ids:
            return []
        row_id = ids[generator.randrange(len(ids))]
        if row_id not in touched:
            return [row_id]
    return [row_id for row_id in ids if row_id not in touched][:1]


def _new(generator: random.Random, portal: Portal, entity: str, place: int) -> dict[str, Any]:
    manager = str(generator.randint(4, 6))
    if entity == "contact":
        phone = [{"VALUE": f"+7 900 000-{generator.randrange(100):02}-77", "VALUE_TYPE": "WORK"}]
        return {"NAME": "Новый", "LAST_NAME": f"Контакт {place}", "PHONE": phone, "ASSIGNED_BY_ID": manager}
    if entity == "company":
        return {"TITLE": f"ООО «Новая компания {place}»", "ASSIGNED_BY_ID": manager}
    values = {"TITLE": f"Новая запись {place}", "OPPORTUNITY": generator.randrange(5, 900) * 1000}
    return {**values, "ASSIGNED_BY_ID": manager, "SOURCE_ID": generator.choice(("CALL", "WEB", "EMAIL"))}


def _edit(generator: random.Random, portal: Portal, entity: str, row_id: int) -> dict[str, Any]:
    record = portal.row(entity, row_id) or {}
    if entity in STAGE_FIELD and generator.random() < 0.5:
        stage = _another_stage(generator, portal, entity, record)
        return {STAGE_FIELD[entity]: stage}
    if entity in STAGE_FIELD:
        return {"OPPORTUNITY": generator.randrange(5, 900) * 1000, "COMMENTS": f"Правка {generator.random():.6f}"}
    if entity == "contact":
        return {"POST": f"Должность {generator.random():.6f}"}
    return {"REVENUE": str(generator.randrange(1, 10_000) * 1000), "COMMENTS": f"Правка {generator.random():.6f}"}


def _another_stage(generator: random.Random, portal: Portal, entity: str, record: Mapping[str, Any]) -> str:
    category = record.get("CATEGORY_ID", "0")
    dictionary = "STATUS" if entity == "lead" else "DEAL_STAGE" if category == "0" else f"DEAL_STAGE_{category}"
    codes = [str(row["STATUS_ID"]) for row in portal.statuses if row["ENTITY_ID"] == dictionary]
    others = [code for code in codes if code != record.get(STAGE_FIELD[entity])]
    return generator.choice(others or ["DELETED"])  # a pipeline may have been deleted with its stages
