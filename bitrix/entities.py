"""The registry of what is copied: one row for each entity. Adding an entity is adding a row at the end of ``ENTITIES``:
its table, view, asset, job, schedule, checks, documents, events and its place in both APIs follow from the row.

Facts about methods and envelopes are from the Bitrix24 REST documentation, pages of the methods named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from bitrix.fields import Field


class Walk(Enum):
    """How an entity's rows are read."""

    KEYSET = "keyset"
    """Large, editable: walked by id, changes found by the modification time."""
    APPEND_ONLY = "append_only"
    """Large, never edited: walked by id, changes are the ids above the highest known."""
    SNAPSHOT = "snapshot"
    """Small: read whole every time."""
    DERIVED = "derived"
    """Not listed by a method of its own: taken from the field lists of other entities."""


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of the portal and the table that mirrors it.

    ``about`` says what a row is, for documents. ``rows_at`` is the path from ``result`` to the list of rows. ``params``
    go with every call of ``list_method``. ``fields`` are used where the portal has no ``.fields`` method with types.
    """

    name: str
    table: str
    title: str
    title_ru: str
    walk: Walk
    about: str = ""
    about_ru: str = ""
    scope: str = "crm"
    list_method: str = ""
    fields_method: str | None = None
    userfields_method: str | None = None
    titles_method: str | None = None
    key: str = "ID"
    modified: str | None = None
    select: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    rows_at: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    never_listed: frozenset[str] = frozenset()
    """Codes that the field list names but that no list answer ever carries."""
    events: str = ""
    """What the names of its events begin with, ``ONCRMDEAL``; empty where the portal posts none."""
    by_id: bool = False
    """Of a snapshot: it may be long, and its method can filter and sort by id."""
    sort_pair: bool = False
    """Its method takes SORT and ORDER beside FILTER, and no select."""


MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
"""Contact details: ``crm.*.list`` returns them only when they are selected by name."""


def _crm(
    name: str,
    table: str,
    title: str,
    title_ru: str,
    *,
    about: str,
    about_ru: str,
    multifields: bool = False,
    never: tuple[str, ...] = (),
) -> Entity:
    return Entity(
        name=name,
        table=table,
        title=title,
        title_ru=title_ru,
        walk=Walk.KEYSET,
        about=about,
        about_ru=about_ru,
        list_method=f"crm.{name}.list",
        fields_method=f"crm.{name}.fields",
        userfields_method=f"crm.{name}.userfield.list",
        modified="DATE_MODIFY",
        select=("*", "UF_*", *(MULTIFIELDS if multifields else ())),
        never_listed=frozenset(never),
        events=f"ONCRM{name.upper()}",
    )


def _fields(**types: str) -> tuple[Field, ...]:
    """``CODE="type Title"``; a type that ends in ``*`` is multiple."""
    result = []
    for code, text in types.items():
        type_name, _, title = text.partition(" ")
        result.append(Field(code, type_name.rstrip("*"), type_name.endswith("*"), title or code))
    return tuple(result)


_HISTORY = {
    "ID": "integer Record",
    "TYPE_ID": "integer Kind of change: 1 created, 2 intermediate stage, 3 final stage, 5 pipeline changed",
    "OWNER_ID": "integer {owner}",
    "CREATED_TIME": "datetime When the stage was entered",
}


def _history(owner: str, owner_type: int, title_ru: str, about: str, about_ru: str, **more: str) -> Entity:
    kinds = {**_HISTORY, "OWNER_ID": f"crm_{owner} {owner.capitalize()}", **more}
    return Entity(
        name=f"{owner}_stage_history",
        table=f"{owner}_stage_history",
        title=f"{owner.capitalize()} stage history",
        title_ru=title_ru,
        walk=Walk.APPEND_ONLY,
        about=about,
        about_ru=about_ru,
        list_method="crm.stagehistory.list",
        params={"entityTypeId": owner_type},
        rows_at=("items",),
        fields=_fields(**kinds),
    )


ENTITIES: tuple[Entity, ...] = (
    _crm(
        "deal",
        "deals",
        "Deals",
        "Сделки",
        about="Deals: one row for each deal as it is now. The main table of sales.",
        about_ru="Сделки: одна строка на сделку в её нынешнем состоянии. Главная таблица продаж.",
        never=("CONTACT_IDS",),
    ),
    _crm(
        "contact",
        "contacts",
        "Contacts",
        "Контакты",
        about="Contacts: people the company deals with.",
        about_ru="Контакты: люди, с которыми работает компания.",
        multifields=True,
        never=("COMPANY_IDS",),
    ),
    _crm(
        "lead",
        "leads",
        "Leads",
        "Лиды",
        about="Leads: enquiries that may or may not become deals.",
        about_ru="Лиды: обращения, из которых ещё не стало ясно, будет ли сделка.",
        multifields=True,
        never=("CONTACT_IDS",),
    ),
    _crm(
        "company",
        "companies",
        "Companies",
        "Компании",
        about="Companies: organisations that are clients.",
        about_ru="Компании: организации-клиенты.",
        multifields=True,
        never=("CONTACT_ID",),
    ),
    Entity(
        name="status",
        table="statuses",
        title="Statuses: stages, sources, types and other dictionaries",
        title_ru="Справочники: стадии, источники, типы",
        walk=Walk.SNAPSHOT,
        about="All dictionaries of the portal: stages of pipelines, sources, types and others. One row for each value.",
        about_ru="Все справочники портала: стадии воронок, источники, типы и другие. Одна строка на значение.",
        list_method="crm.status.list",
        fields=_fields(
            ID="integer Record",
            ENTITY_ID="string Dictionary",
            STATUS_ID="string Code",
            NAME="string Name",
            NAME_INIT="string Name at installation",
            SORT="integer Order",
            SYSTEM="char Built in",
            CATEGORY_ID="crm_category Pipeline",
            COLOR="string Colour",
            SEMANTICS="string Outcome: S success, F failure, empty in progress",
            EXTRA="unknown More attributes",
        ),
    ),
    Entity(
        name="pipeline",
        table="pipelines",
        title="Pipelines",
        title_ru="Воронки",
        walk=Walk.SNAPSHOT,
        about="Pipelines (categories) of deals.",
        about_ru="Воронки (направления) сделок.",
        list_method="crm.category.list",
        key="id",
        params={"entityTypeId": 2},
        rows_at=("categories",),
        fields=_fields(
            id="integer Pipeline",
            name="string Name",
            sort="integer Order",
            entityTypeId="integer Entity type",
            isDefault="char Default pipeline",
            originId="string Id in the external source",
            originatorId="string External source",
        ),
    ),
    Entity(
        name="currency",
        table="currencies",
        title="Currencies",
        title_ru="Валюты",
        walk=Walk.SNAPSHOT,
        about="Currencies and their rates to the base currency.",
        about_ru="Валюты и их курсы к базовой.",
        list_method="crm.currency.list",
        key="CURRENCY",
        fields=_fields(
            CURRENCY="string Code",
            AMOUNT_CNT="integer Units that the rate is for",
            AMOUNT="double Rate to the base currency",
            SORT="integer Order",
            BASE="char Base currency",
            FULL_NAME="string Name",
            LID="string Language",
            FORMAT_STRING="string Format",
            DEC_POINT="string Decimal separator",
            THOUSANDS_SEP="string Thousands separator",
            DECIMALS="integer Decimals",
            DATE_UPDATE="datetime Updated",
        ),
    ),
    Entity(
        name="user",
        table="users",
        title="Users",
        title_ru="Сотрудники",
        walk=Walk.SNAPSHOT,
        about="Employees: users of the portal.",
        about_ru="Сотрудники портала.",
        scope="user",
        list_method="user.get",
        by_id=True,
        sort_pair=True,
        titles_method="user.fields",
        fields=_fields(
            ID="integer Employee",
            XML_ID="string External code",
            ACTIVE="char Active",
            NAME="string First name",
            LAST_NAME="string Last name",
            SECOND_NAME="string Middle name",
            TITLE="string Title",
            EMAIL="string E-mail",
            LAST_LOGIN="datetime Last sign-in",
            DATE_REGISTER="datetime Registered",
            TIME_ZONE="string Time zone",
            IS_ONLINE="char Online",
            PERSONAL_GENDER="string Gender",
            PERSONAL_WWW="string Web page",
            PERSONAL_BIRTHDAY="date Birthday",
            PERSONAL_MOBILE="string Mobile phone",
            PERSONAL_CITY="string City",
            WORK_PHONE="string Work phone",
            WORK_POSITION="string Position",
            WORK_COMPANY="string Company",
            UF_EMPLOYMENT_DATE="date Employed since",
            UF_DEPARTMENT="integer* Departments",
            UF_PHONE_INNER="string Extension",
            USER_TYPE="string Kind of user",
        ),
    ),
    Entity(
        name="department",
        table="departments",
        title="Departments",
        title_ru="Подразделения",
        walk=Walk.SNAPSHOT,
        about="Departments of the company, a tree.",
        about_ru="Подразделения компании, деревом.",
        scope="department",
        list_method="department.get",
        params={"SORT": "ID", "ORDER": "ASC"},
        fields=_fields(
            ID="integer Department",
            NAME="string Name",
            SORT="integer Order",
            PARENT="integer Parent department",
            UF_HEAD="user Head",
        ),
    ),
    _history(
        "deal",
        2,
        "История стадий сделок",
        "Stage history of deals: one row each time a deal entered a stage. What an honest funnel is made from.",
        "История стадий сделок: одна строка на каждый вход сделки в стадию. По ней строится честная воронка.",
        CATEGORY_ID="crm_category Pipeline",
        STAGE_SEMANTIC_ID="string Outcome: P in progress, S success, F failure",
        STAGE_ID="crm_status Stage",
    ),
    _history(
        "lead",
        1,
        "История статусов лидов",
        "Status history of leads: one row each time a lead entered a status.",
        "История статусов лидов: одна строка на каждый вход лида в статус.",
        STATUS_SEMANTIC_ID="string Outcome: P in progress, S success, F failure",
        STATUS_ID="crm_status Status",
    ),
    Entity(
        name="field_option",
        table="field_options",
        title="Options of enumeration fields",
        title_ru="Варианты списочных полей",
        walk=Walk.DERIVED,
        about="Options of enumeration fields: the text behind an option's id.",
        about_ru="Варианты списочных полей: какой текст стоит за номером варианта.",
        fields=_fields(
            ID="integer Option",
            ENTITY="string Entity",
            FIELD="string Field code",
            VALUE="string Text",
            SORT="integer Order",
            XML_ID="string External id",
            IS_DEFAULT="char Chosen by default",
        ),
    ),
)
"""New rows go to the end: hosts of dashboards may name a view by its number, and that is its place here."""

BY_NAME: Mapping[str, Entity] = {entity.name: entity for entity in ENTITIES}


def entity_named(name: str) -> Entity:
    """The registry row of this name.

    Raises ``KeyError`` with the list of known names; there is no fallback entity.
    """
    try:
        return BY_NAME[name]
    except KeyError:
        raise KeyError(f"unknown entity {name!r}; known are {', '.join(BY_NAME)}") from None
