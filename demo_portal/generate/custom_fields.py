"""User fields of the demo business."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo_portal.portal import Portal

LOST_REASON = "UF_CRM_1687188367"
PRODUCT = "UF_CRM_1687188401"
CITY = "UF_CRM_CITY"
DISCOUNT = "UF_CRM_1688021001"
CONTRACT_DATE = "UF_CRM_1688021055"
PREPAYMENT = "UF_CRM_1688021102"
HAS_CONTRACT = "UF_CRM_1688021190"
PROJECT_URL = "UF_CRM_1688021244"
ENGINEER = "UF_CRM_1690112201"
CONTRACT_NUMBER = "UF_CRM_1690112233"
SHIPMENT = "UF_CRM_1690112301"
UNITS = "UF_CRM_1690112377"
PARTNER = "UF_CRM_1690112400"
TAGS = "UF_CRM_1690112499"

LEAD_INTEREST = "UF_CRM_1691200101"
LEAD_BUDGET = "UF_CRM_1691200155"
LEAD_TARGET = "UF_CRM_1691200199"

CONTACT_ROLE = "UF_CRM_1692300111"
CONTACT_NEWS = "UF_CRM_1692300177"

COMPANY_TAX_ID = "UF_CRM_INN"
COMPANY_SEGMENT = "UF_CRM_1693400122"
COMPANY_ACCOUNT = "UF_CRM_1693400188"
COMPANY_STAMP = "UF_STAMP"

REASONS = ("Дорого", "Выбрали конкурента", "Нет бюджета", "Не вышли на связь", "Не подошли сроки", "Дубль")
PRODUCTS = ("Вентиляция", "Кондиционирование", "Отопление", "Автоматика", "Сервис", "Запчасти")


def add_custom_fields(portal: Portal) -> None:
    """Add them all; must come before the rows."""
    add = portal.add_field
    add("deal", LOST_REASON, "enumeration", title="Причина отказа", options=REASONS)
    add("deal", PRODUCT, "enumeration", multiple=True, title="Категория товара", options=PRODUCTS)
    add("deal", CITY, "string", title="Город")
    add("deal", DISCOUNT, "double", title="Скидка, %")
    add("deal", CONTRACT_DATE, "date", title="Дата договора")
    add("deal", PREPAYMENT, "money", title="Предоплата")
    add("deal", HAS_CONTRACT, "boolean", title="Договор подписан")
    add("deal", PROJECT_URL, "url", title="Ссылка на проект")
    add("deal", ENGINEER, "employee", title="Инженер проекта")
    add("deal", CONTRACT_NUMBER, "string", title="Номер договора")
    add("deal", SHIPMENT, "datetime", title="Дата и время отгрузки")
    add("deal", UNITS, "integer", title="Количество единиц")
    add("deal", PARTNER, "crm", title="Партнёр", settings={"COMPANY": "Y", "LEAD": None})
    add("deal", TAGS, "string", multiple=True, title="Теги")
    add("lead", LEAD_INTEREST, "enumeration", title="Интерес", options=PRODUCTS)
    add("lead", LEAD_BUDGET, "money", title="Бюджет")
    add("lead", LEAD_TARGET, "boolean", title="Целевой")
    roles = ("Принимает решение", "Влияет на решение", "Пользователь")
    add("contact", CONTACT_ROLE, "enumeration", title="Роль в закупке", options=roles)
    add("contact", CONTACT_NEWS, "boolean", title="Подписан на рассылку")
    add("company", COMPANY_TAX_ID, "string", title="ИНН")
    add("company", COMPANY_SEGMENT, "enumeration", title="Сегмент", options=("A", "B", "C"))
    add("company", COMPANY_ACCOUNT, "employee", title="Аккаунт-менеджер")
    add("company", COMPANY_STAMP, "file", title="Печать")
