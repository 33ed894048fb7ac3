"""The whole demo business: what happened when, and then every record of it in the order of time."""

from __future__ import annotations

import gc
import random
from dataclasses import dataclass

from demo_portal.clock import DAY, print_datetime
from demo_portal.generate import custom_fields, dictionaries, staff
from demo_portal.generate.calendar import moments
from demo_portal.generate.customers import Customer, Customers
from demo_portal.generate.deals import Deals, Order
from demo_portal.generate.ids import ids
from demo_portal.generate.leads import Leads
from demo_portal.generate.sources import Origin, Origins
from demo_portal.portal import Portal

LOST_LEADS_PER_DEAL = 0.5
FREEZE_FROM = 20_000
"""From this size on the rows are taken out of garbage collection: one full scan of them stops answers for seconds."""


@dataclass(slots=True)
class Plan:
    """One future deal: its moment, pipeline, whether the customer is new, and when its lead came, if it had one."""

    moment: int
    pipeline: int
    new_customer: bool
    lead_moment: int | None
    lead_id: int | None = None
    customer: Customer | None = None
    origin: Origin | None = None
    manager_id: int = 1


def fill(portal: Portal, deals: int) -> None:
    """Put dictionaries, staff and two years of business into an empty portal.

    The instant that it ends at is the portal's present, so two portals are equal if seed, size and present are.
    """
    now = portal.now()
    generator = random.Random(portal.seed)
    portal.statuses = dictionaries.statuses()
    portal.categories = dictionaries.categories()
    portal.currencies = dictionaries.currencies(now)
    portal.users = staff.users(now)
    portal.departments = staff.departments()
    custom_fields.add_custom_fields(portal)
    collecting = gc.isenabled()
    gc.disable()  # millions of small lists without a cycle among them: scanning them doubles the time
    try:
        _fill_records(portal, generator, deals, now)
    finally:
        if collecting:
            gc.enable()
    if deals >= FREEZE_FROM:
        gc.freeze()


def _fill_records(portal: Portal, generator: random.Random, deals: int, now: int) -> None:
    plans = _plan(generator, deals, now)
    lead_moments = _schedule_leads(generator, plans, now)
    _fill_deals(portal, generator, plans)
    _fill_leads(portal, generator, plans, lead_moments)


def _plan(generator: random.Random, count: int, now: int) -> list[Plan]:
    chance, start, span = generator.random, now - staff.DAYS * DAY, staff.DAYS * DAY
    plans = []
    for place, moment in enumerate(moments(generator, count, now)):
        passed = max(0.0, (moment - start) / span)
        roll = chance()
        repeat_share, partner_share = 0.06 + 0.2 * passed, 0.1 + 0.09 * passed
        pipeline = 3 if roll < repeat_share and place > 20 else 1 if roll > 1 - partner_share else 0
        new = pipeline != 3 and (place < 5 or chance() < (0.35 if pipeline == 1 else 0.62))
        lead_moment = None
        if pipeline == 0 and new and chance() < 0.62:
            lead_moment = moment - 600 - int(chance() * chance() * 12 * DAY)
        plans.append(Plan(moment, pipeline, new, lead_moment))
    return plans


def _schedule_leads(generator: random.Random, plans: list[Plan], now: int) -> list[tuple[int, int, Plan | None]]:
    """Moments and ids of all leads, in the order of time; a plan stands beside those that became its deal."""
    found: list[tuple[int, Plan | None]] = [(plan.lead_moment, plan) for plan in plans if plan.lead_moment is not None]
    lost = moments(generator, round(len(plans) * LOST_LEADS_PER_DEAL), now)
    found += [(moment, None) for moment in lost]
    found.sort(key=lambda entry: entry[0])
    result = []
    for (moment, plan), lead_id in zip(found, ids(generator), strict=False):
        if plan is not None:
            plan.lead_id = lead_id
        result.append((moment, lead_id, plan))
    return result


def _fill_deals(portal: Portal, generator: random.Random, plans: list[Plan]) -> None:
    customers, deals, origins = Customers(portal, generator), Deals(portal, generator), Origins(generator)
    roster, chance, now = staff.Roster(), generator.random, portal.now()
    start = now - staff.DAYS * DAY
    customers.own_company(start - 30 * DAY)
    known: list[tuple[Customer, int]] = []
    partners: list[tuple[Customer, int]] = []
    for plan, deal_id in zip(plans, ids(generator), strict=False):
        day = min(max((plan.moment - start) // DAY, 0), staff.DAYS)
        manager = roster.pick(plan.pipeline, day, chance())
        pool = partners if plan.pipeline == 1 else known
        if plan.new_customer or not pool:
            origin = origins.pick()
            partner = plan.pipeline == 1
            customer = customers.create(plan.moment - 120, manager.id, plan.lead_id, origin, partner=partner)
            pool.append((customer, manager.id))
            returning = False
        else:
            customer, owner = pool[int(len(pool) * (1 - chance() ** 2))]  # recent customers come back more often
            if plan.pipeline == 0 and chance() < 0.7:  # mostly to the manager whom they know
                usual = roster.by_id[owner]
                manager = usual if usual.hired <= day < usual.dismissed and usual.department in (2, 3) else manager
            origin, returning = Origins.existing(), True
        plan.customer, plan.origin, plan.manager_id = customer, origin, manager.id
        deals.add(Order(deal_id, plan.moment, plan.pipeline, manager, customer, origin, plan.lead_id, returning))
    _write_history(portal, generator, deals)


def _write_history(portal: Portal, generator: random.Random, deals: Deals) -> None:
    table = portal.history["deal"]
    deals.trail.sort()
    for (moment, deal_id, kind, pipeline, semantic, stage), row_id in zip(
        deals.trail, ids(generator, 0.01), strict=False
    ):
        row = (row_id, kind, deal_id, print_datetime(moment), pipeline, semantic, stage)
        table.append(row_id, row, moment)


def _fill_leads(
    portal: Portal, generator: random.Random, plans: list[Plan], scheduled: list[tuple[int, int, Plan | None]]
) -> None:
    leads, origins, roster = Leads(portal, generator), Origins(generator), staff.Roster()
    start, chance = portal.now() - staff.DAYS * DAY, generator.random
    for moment, lead_id, plan in scheduled:
        if plan is not None and plan.customer is not None and plan.origin is not None:
            leads.add(lead_id, moment, plan.manager_id, plan.origin, (plan.moment, plan.customer))
        else:
            day = min(max((moment - start) // DAY, 0), staff.DAYS)
            leads.add(lead_id, moment, roster.pick(0, day, chance()).id, origins.pick(), None)
    table = portal.history["lead"]
    leads.trail.sort()
    for (moment, owner, kind, semantic, status), row_id in zip(leads.trail, ids(generator, 0.01), strict=False):
        table.append(row_id, (row_id, kind, owner, print_datetime(moment), semantic, status), moment)
