"""Deals: what is sold to whom, by whom, for how much, and how it ended."""

from __future__ import annotations

import random
from dataclasses import dataclass

from demo_portal.clock import DAY, print_date, print_datetime
from demo_portal.generate import custom_fields, names
from demo_portal.generate.customers import Customer
from demo_portal.generate.dictionaries import RATES
from demo_portal.generate.funnel import PIPELINES, Step, Walker
from demo_portal.generate.sources import RISK, Origin
from demo_portal.generate.staff import BOT_ID, Manager
from demo_portal.portal import Portal
from demo_portal.records import defaults

_PRODUCT_PRICE = (1.0, 0.8, 1.5, 1.25, 0.35, 0.2)
_TYPES = ("SALE", "SALE", "SALE", "GOODS", "GOODS", "COMPLEX", "SERVICES", "SERVICE")
_TAGS = ("VIP", "тендер", "срочно", "рассрочка", "upsell")
_COMMENTS = (
    "[B]Важно:[/B] звонить после 15:00",
    "Просил пересчитать КП\nи прислать на почту",
    "Ждёт ответа до пятницы 🙂",
)
_PROGRESS = {"NEW": 10, "PREPARATION": 30, "PREPAYMENT_INVOICE": 50, "UC_7KQ2LM": 50, "EXECUTING": 75}


@dataclass(frozen=True, slots=True)
class Order:
    """What is known of a deal when it is created."""

    id: int
    created: int
    pipeline: int
    manager: Manager
    customer: Customer
    origin: Origin
    lead_id: int | None
    returning: bool


class Deals:
    """Creates deals in the order of time and keeps their trail for the stage history."""

    def __init__(self, portal: Portal, generator: random.Random) -> None:
        self._portal = portal
        self._table = portal.tables["deal"]
        self._walker = Walker(generator)
        self._now = portal.now()
        fields = portal.fields["deal"]
        self._blank = {code: fields[code].empty for code in self._table.columns} | defaults("deal", self._now, 1)
        self._reasons = [str(option.id) for option in fields[custom_fields.LOST_REASON].options]
        self._products = [option.id for option in fields[custom_fields.PRODUCT].options]
        self.trail: list[tuple[int, int, int, int, str, str]] = []  # moment, deal, kind, pipeline, semantic, stage

    def add(self, order: Order) -> None:
        """Create one deal with its life up to now."""
        chance = self._walker.chance
        pipeline = PIPELINES[order.pipeline]
        template = chance() < 0.002  # a recurring template is no sale: it stays where it is
        skill = order.manager.skill / RISK.get(order.origin.source, 1.0)
        steps = [(order.created, pipeline.stages[0].code, "P")]
        if not template:
            steps = self._walker.walk(pipeline, order.created, self._now, skill)
        products = [int(chance() * 6)]
        if chance() < 0.18:
            products.append((products[0] + 1 + int(chance() * 4)) % 6)
        amount = pipeline.median_amount * _PRODUCT_PRICE[products[0]] * len(products)
        amount *= self._walker.factor() ** (pipeline.spread / 0.8) * (
            1 + 0.1 * (order.created - self._now) / (365 * DAY)
        )
        moved, stage, semantic = steps[-1]
        modified = min(moved + int(chance() * chance() * 20 * DAY), self._now - 30) if chance() < 0.4 else moved
        manager = str(BOT_ID if chance() < 0.004 else order.manager.id)
        currency = "RUB" if chance() < 0.92 else "USD" if chance() < 0.6 else "EUR" if chance() < 0.85 else "BYN"
        moved_text = print_datetime(moved)
        record = self._blank | {
            "ID": str(order.id),
            "TITLE": self._title(order, products[0]),
            "TYPE_ID": _TYPES[int(chance() * 8)],
            "STAGE_ID": stage,
            "STAGE_SEMANTIC_ID": semantic,
            "CATEGORY_ID": str(order.pipeline),
            "IS_NEW": "Y" if stage.endswith("NEW") else "N",
            "IS_RECURRING": "Y" if template else "N",
            "IS_RETURN_CUSTOMER": "Y" if order.returning else "N",
            "PROBABILITY": _probability(stage, semantic) if chance() < 0.8 else None,
            "CURRENCY_ID": currency,
            "OPPORTUNITY": _price(amount / RATES[currency]) if chance() < 0.96 else "0.00",
            "IS_MANUAL_OPPORTUNITY": "Y" if chance() < 0.7 else "N",
            "LEAD_ID": str(order.lead_id) if order.lead_id else None,
            "COMPANY_ID": str(order.customer.company_id) if order.customer.company_id else "0",
            "CONTACT_ID": str(order.customer.contact_id),
            "BEGINDATE": print_date(order.created),
            "CLOSEDATE": print_date(
                moved if semantic != "P" else order.created + int(30 * DAY * self._walker.factor())
            ),
            "CLOSED": "N" if semantic == "P" else "Y",
            "COMMENTS": _COMMENTS[int(chance() * 3)] if chance() < 0.06 else None,
            "ASSIGNED_BY_ID": manager,
            "CREATED_BY_ID": manager if order.lead_id is None else "1",
            "MODIFY_BY_ID": manager,
            "MOVED_BY_ID": manager,
            "DATE_CREATE": print_datetime(order.created),
            "MOVED_TIME": moved_text,
            "DATE_MODIFY": moved_text if modified == moved else print_datetime(modified),
            "LAST_ACTIVITY_TIME": moved_text,
            "LAST_ACTIVITY_BY": manager,
            "SOURCE_ID": order.origin.source,
            **order.origin.utm,
            custom_fields.CITY: order.customer.city,
            custom_fields.PRODUCT: [self._products[place] for place in products] if chance() < 0.95 else False,
        }
        self._custom(record, order, steps, amount)
        self._table.append(order.id, list(record.values()), modified)
        self._remember(order, steps)

    def _custom(self, record: dict[str, object], order: Order, steps: list[Step], amount: float) -> None:
        """User fields that depend on how far the deal came."""
        chance = self._walker.chance
        last = steps[-1]
        if last[2] == "F" and chance() < 0.9:
            bias = chance() * chance() if order.pipeline == 0 else chance()  # price is the first reason
            record[custom_fields.LOST_REASON] = self._reasons[int(bias * 6)]
        far = len(steps) >= 4 or last[2] == "S"
        record[custom_fields.HAS_CONTRACT] = "1" if far else "0" if chance() < 0.7 else ""
        record[custom_fields.DISCOUNT] = f"{int(chance() * 6) * 2.5:g}" if chance() < 0.45 else None
        record[custom_fields.UNITS] = str(1 + int(self._walker.factor() * 4)) if chance() < 0.6 else None
        if far:
            signed = steps[-2][0]
            record[custom_fields.CONTRACT_DATE] = print_date(signed)
            record[custom_fields.CONTRACT_NUMBER] = f"СВ-{order.id}/{order.pipeline}"
            if chance() < 0.5:
                record[custom_fields.PREPAYMENT] = f"{round(amount * 0.3, -2):.0f}|RUB"
            if chance() < 0.5:
                record[custom_fields.ENGINEER] = str(12 if chance() < 0.3 else 3)
            if last[2] == "S":
                record[custom_fields.SHIPMENT] = print_datetime(signed + int(chance() * 5 * DAY))
        if chance() < 0.1:
            record[custom_fields.PROJECT_URL] = f"https://projects.example.com/{order.id}"
        if order.customer.partner and order.customer.company_id:
            record[custom_fields.PARTNER] = f"CO_{order.customer.company_id}"
        if chance() < 0.12:
            record[custom_fields.TAGS] = [_TAGS[int(chance() * 5)]]

    def _remember(self, order: Order, steps: list[Step]) -> None:
        for place, (moment, stage, semantic) in enumerate(steps):
            kind = 1 if place == 0 else 2 if semantic == "P" else 3
            self.trail.append((moment, order.id, kind, order.pipeline, semantic, stage))

    def _title(self, order: Order, product: int) -> str:
        chance = self._walker.chance
        if order.customer.english:
            form = names.ENGLISH_TITLE_FORMS[int(chance() * 3)]
            return form.format(names.PRODUCTS_ENGLISH[product].capitalize(), order.customer.name)
        if order.pipeline == 3:
            return f"Повторный заказ: {names.PRODUCTS[product]}, {order.customer.name}"
        return names.TITLE_FORMS[int(chance() * 5)].format(names.PRODUCTS[product], order.customer.name)


def _price(amount: float) -> str:
    step = 1000 if amount > 100_000 else 100 if amount > 5_000 else 10
    return f"{max(step, round(amount / step) * step)}.00" if int(amount) % 7 else f"{amount:.2f}"


def _probability(stage: str, semantic: str) -> str:
    if semantic != "P":
        return "100" if semantic == "S" else "0"
    return str(_PROGRESS.get(stage.rpartition(":")[2], 90))
