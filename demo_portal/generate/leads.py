"""Leads: those that became deals and those that did not."""

from __future__ import annotations

import random

from demo_portal.clock import DAY, print_datetime
from demo_portal.generate import custom_fields, names
from demo_portal.generate.customers import Customer, details
from demo_portal.generate.funnel import LEADS, Step, Walker
from demo_portal.generate.sources import Origin
from demo_portal.portal import Portal
from demo_portal.records import defaults


class Leads:
    """Creates leads in the order of time and keeps their trail for the status history."""

    def __init__(self, portal: Portal, generator: random.Random) -> None:
        self._portal = portal
        self._table = portal.tables["lead"]
        self._walker = Walker(generator)
        self._now = portal.now()
        fields = portal.fields["lead"]
        self._blank = {code: fields[code].empty for code in self._table.columns}
        self._blank |= dict.fromkeys(("PHONE", "EMAIL", "WEB", "IM", "LINK"), None)
        self._blank |= defaults("lead", self._now, 1)
        self._interests = [str(option.id) for option in fields[custom_fields.LEAD_INTEREST].options]
        self.trail: list[tuple[int, int, int, str, str]] = []  # moment, lead, kind, semantic, status

    def add(
        self,
        lead_id: int,
        created: int,
        manager_id: int,
        origin: Origin,
        converted: tuple[int, Customer] | None,
    ) -> None:
        """Create one lead. ``converted``: when it became a deal, and the customer that it became."""
        chance = self._walker.chance
        steps = self._converted_steps(created, converted[0]) if converted else None
        steps = steps or self._walker.walk(LEADS, created, self._now, 1.0)
        moved, status, semantic = steps[-1]
        modified = min(moved + int(chance() * 2 * DAY), self._now - 45) if chance() < 0.3 else moved
        name, second, last, honorific, english = names.person((chance(), chance(), chance()))
        company = ""
        if converted:
            customer = converted[1]
            company = customer.name if customer.company_id else ""
        elif chance() < 0.4:
            company, english = names.company((chance(), chance(), chance()))
        manager = str(manager_id)
        moved_text = print_datetime(moved)
        bought = converted[1] if converted else None
        record = self._blank | {
            "ID": str(lead_id),
            "TITLE": _title(origin.source, lead_id, f"{name} {last}", english),
            "HONORIFIC": honorific if chance() < 0.3 else None,
            "NAME": name,
            "SECOND_NAME": second if chance() < 0.4 else None,
            "LAST_NAME": last if chance() < 0.9 else "",
            "COMPANY_TITLE": company or None,
            "COMPANY_ID": str(bought.company_id) if bought and bought.company_id else "0" if chance() < 0.3 else None,
            "CONTACT_ID": str(bought.contact_id) if bought else None,
            "SOURCE_ID": origin.source,
            "STATUS_ID": status,
            "STATUS_SEMANTIC_ID": semantic,
            "OPPORTUNITY": f"{int(self._walker.factor() * 150) * 1000}.00" if chance() < 0.5 else "0.00",
            "ASSIGNED_BY_ID": manager,
            "CREATED_BY_ID": "1",
            "MODIFY_BY_ID": manager,
            "MOVED_BY_ID": manager,
            "LAST_ACTIVITY_BY": manager,
            "DATE_CREATE": print_datetime(created),
            "DATE_MODIFY": moved_text if modified == moved else print_datetime(modified),
            "MOVED_TIME": moved_text,
            "LAST_ACTIVITY_TIME": moved_text,
            "DATE_CLOSED": "" if semantic == "P" else moved_text,
            "PHONE": details(self._portal, "PHONE", lead_id, "", twice=False) if chance() < 0.9 else None,
            "EMAIL": details(self._portal, "EMAIL", lead_id, "lead", twice=False) if chance() < 0.55 else None,
            "IM": details(self._portal, "IM", lead_id, "", twice=False) if origin.source.startswith("14|") else None,
            **origin.utm,
            custom_fields.LEAD_INTEREST: self._interests[int(chance() * 6)] if chance() < 0.8 else "",
            custom_fields.LEAD_BUDGET: f"{int(self._walker.factor() * 200) * 1000}|RUB" if chance() < 0.3 else "",
            custom_fields.LEAD_TARGET: "1" if converted or chance() < 0.3 else "0",
        }
        record["HAS_PHONE"] = "Y" if record["PHONE"] else "N"
        record["HAS_EMAIL"] = "Y" if record["EMAIL"] else "N"
        record["HAS_IMOL"] = "Y" if record["IM"] else "N"
        self._table.append(lead_id, list(record.values()), modified)
        for place, (moment, code, group) in enumerate(steps):
            self.trail.append((moment, lead_id, 1 if place == 0 else 2 if group == "P" else 3, group, code))

    def _converted_steps(self, created: int, converted: int) -> list[Step]:
        span = max(converted - created, 3)
        steps = [(created, "NEW", "P"), (created + span // 5, "IN_PROCESS", "P")]
        if self._walker.chance() < 0.7:
            steps.append((created + span // 2, "PROCESSED", "P"))
        return [*steps, (converted, "CONVERTED", "S")]


def _title(source: str, number: int, person: str, english: bool) -> str:
    if source.startswith("14|"):
        return f"WhatsApp - {person}"
    if english:
        return f"Inquiry #{number}: {person}"
    if source in ("CALL", "CALLBACK"):
        return f"Звонок: {person}"
    if source in ("WEBFORM", "WEB"):
        return f"Заявка с сайта #{number}"
    return f"Лид #{number} {person}"
