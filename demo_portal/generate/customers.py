"""Companies and contacts: who buys."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from demo_portal.clock import DAY, print_date, print_datetime
from demo_portal.generate import custom_fields, names
from demo_portal.generate.ids import ids
from demo_portal.generate.sources import Origin
from demo_portal.portal import Portal
from demo_portal.records import defaults

_CITY_SUMS = list(accumulate(names.CITY_WEIGHTS))


@dataclass(frozen=True, slots=True)
class Customer:
    """A buyer: a company with contacts, or a person."""

    name: str
    english: bool
    company_id: int | None
    contact_id: int
    city: str
    partner: bool


class Customers:
    """Creates companies and contacts in the order of time."""

    def __init__(self, portal: Portal, generator: random.Random) -> None:
        self._portal = portal
        self._generator = generator
        self.chance = generator.random
        self._company_ids, self._contact_ids = ids(generator), ids(generator)
        self._company, self._contact = portal.tables["company"], portal.tables["contact"]
        self._company_blank = _blank(portal, "company")
        self._contact_blank = _blank(portal, "contact")
        self._segments = [str(o.id) for o in portal.fields["company"][custom_fields.COMPANY_SEGMENT].options]
        self._roles = [str(o.id) for o in portal.fields["contact"][custom_fields.CONTACT_ROLE].options]

    def create(self, moment: int, manager_id: int, lead_id: int | None, origin: Origin, *, partner: bool) -> Customer:
        """A new customer, met at that moment; partners are always companies."""
        chance = self.chance
        city = self._generator.choices(names.CITIES, cum_weights=_CITY_SUMS)[0]
        company_id = None
        name, english = "", False
        if partner or chance() < 0.68:
            name, english = names.company((chance(), chance(), chance()))
            company_id = self._add_company(moment, name, city, manager_id, lead_id, partner)
        contact_id, person = self._add_contact(moment + 5, city, manager_id, lead_id, company_id, origin)
        if company_id is not None and chance() < 0.35:
            self._add_contact(moment + 40, city, manager_id, None, company_id, origin)
        return Customer(name or person, english, company_id, contact_id, city, partner)

    def own_company(self, moment: int) -> None:
        """The portal owner's own legal entity, marked IS_MY_COMPANY."""
        self._add_company(moment, "ООО «Северный Ветер»", "Москва", 1, None, False, own=True)

    def _add_company(
        self, moment: int, name: str, city: str, manager_id: int, lead_id: int | None, partner: bool, own: bool = False
    ) -> int:
        chance = self.chance
        new_id = next(self._company_ids)
        modified = min(moment + int(chance() * chance() * 300 * DAY), self._portal.now() - 60)
        size = chance()
        manager = str(manager_id)
        record = self._company_blank | {
            "ID": str(new_id),
            "TITLE": name,
            "COMPANY_TYPE": "PARTNER" if partner else "CUSTOMER" if chance() < 0.96 else "OTHER",
            "LEAD_ID": str(lead_id) if lead_id else None,
            "ASSIGNED_BY_ID": manager,
            "CREATED_BY_ID": manager,
            "MODIFY_BY_ID": manager,
            "INDUSTRY": _INDUSTRIES[int(chance() * len(_INDUSTRIES))],
            "EMPLOYEES": f"EMPLOYEES_{1 + int(size * size * 4)}",
            "REVENUE": "0" if chance() < 0.5 else f"{int(size * 900) * 100_000}",
            "ADDRESS_CITY": city,
            "ADDRESS_COUNTRY": "Беларусь" if city == "Минск" else "Россия",
            "ADDRESS": f"ул. {names.STREETS[int(chance() * 9)]}, {1 + int(chance() * 120)}",
            "IS_MY_COMPANY": "Y" if own else "N",
            "PHONE": self._details("PHONE", new_id, 0.9, "5"),
            "EMAIL": self._details("EMAIL", new_id, 0.75, "office"),
            "WEB": self._details("WEB", new_id, 0.3, "company"),
            custom_fields.COMPANY_TAX_ID: f"00{new_id:08}" if chance() < 0.8 else None,
            custom_fields.COMPANY_SEGMENT: self._segments[min(2, int(size * 3.2))] if chance() < 0.85 else "",
            custom_fields.COMPANY_ACCOUNT: manager if chance() < 0.5 else None,
        }
        _stamp(record, moment, modified)
        self._company.append(new_id, list(record.values()), modified)
        return new_id

    def _add_contact(
        self, moment: int, city: str, manager_id: int, lead_id: int | None, company_id: int | None, origin: Origin
    ) -> tuple[int, str]:
        chance = self.chance
        new_id = next(self._contact_ids)
        modified = min(moment + int(chance() * chance() * 200 * DAY), self._portal.now() - 55)
        name, second, last, honorific, _ = names.person((chance(), chance(), chance()))
        manager = str(manager_id)
        record = self._contact_blank | {
            "ID": str(new_id),
            "HONORIFIC": honorific if chance() < 0.6 else None,
            "NAME": name,
            "SECOND_NAME": second if chance() < 0.6 else None,
            "LAST_NAME": last,
            "TYPE_ID": "CLIENT",
            "SOURCE_ID": origin.source,
            "POST": names.POSTS[int(chance() * len(names.POSTS))] if company_id else None,
            "COMPANY_ID": str(company_id) if company_id else None,
            "LEAD_ID": str(lead_id) if lead_id else None,
            "BIRTHDATE": print_date(int(chance() * 1_000_000_000)) if chance() < 0.15 else "",
            "ASSIGNED_BY_ID": manager,
            "CREATED_BY_ID": manager,
            "MODIFY_BY_ID": manager,
            "ADDRESS_CITY": city if company_id is None else None,
            "PHONE": self._details("PHONE", new_id, 0.95, "0"),
            "EMAIL": self._details("EMAIL", new_id, 0.7, "client"),
            "IM": self._details("IM", new_id, 0.1, ""),
            custom_fields.CONTACT_ROLE: self._roles[int(chance() * 3)] if company_id and chance() < 0.7 else "",
            custom_fields.CONTACT_NEWS: "1" if chance() < 0.35 else "0",
        }
        record |= origin.utm
        _stamp(record, moment, modified)
        self._contact.append(new_id, list(record.values()), modified)
        return new_id, f"{name} {last}"

    def _details(self, kind: str, number: int, share: float, prefix: str) -> tuple[tuple[int, str, str], ...] | None:
        if self.chance() >= share:
            return None
        return details(self._portal, kind, number, prefix, twice=self.chance() < 0.12)


def details(portal: Portal, kind: str, number: int, prefix: str, *, twice: bool) -> tuple[tuple[int, str, str], ...]:
    """Fictitious contact details; the same record number gives the same ones."""
    result = []
    for place in range(1 + twice):
        portal.last_detail_id += 1
        if kind == "PHONE":
            digits = f"{(number + place * 5000) % 10_000:04}"
            value = f"+7 900 000-{digits[:2]}-{digits[2:]}"
        elif kind == "EMAIL":
            value = f"{prefix}{number}{'.home' * place}@example.com"
        elif kind == "WEB":
            value = f"https://{prefix}{number}.example.com"
        else:
            value = f"imol|telegrambot|{1 + place}|{number}|{number + 7}"
        value_type = "OPENLINE" if kind == "IM" else ("WORK", "MOBILE")[place] if kind == "PHONE" else "WORK"
        result.append((portal.last_detail_id, value_type, value))
    return tuple(result)


_INDUSTRIES = ("CONSTRUCTION", "CONSTRUCTION", "MANUFACTURING", "MANUFACTURING", "IT", "DELIVERY", "BANKING",
               "CONSULTING", "TELECOM", "ENTERTAINMENT", "OTHER")  # fmt: skip


def _blank(portal: Portal, entity: str) -> dict[str, Any]:
    fields, table = portal.fields[entity], portal.tables[entity]
    record = {code: fields[code].empty for code in table.columns}
    record |= dict.fromkeys(("PHONE", "EMAIL", "WEB", "IM", "LINK"), None)
    return record | defaults(entity, portal.now(), 1)


def _stamp(record: dict[str, Any], created: int, modified: int) -> None:
    record["DATE_CREATE"] = print_datetime(created)
    record["DATE_MODIFY"] = record["LAST_ACTIVITY_TIME"] = print_datetime(modified)
    record["HAS_PHONE"] = "Y" if record["PHONE"] else "N"
    record["HAS_EMAIL"] = "Y" if record["EMAIL"] else "N"
    record["HAS_IMOL"] = "Y" if record["IM"] else "N"
