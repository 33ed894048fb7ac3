"""Stages, sources, types, pipelines and currencies of the demo business."""

from __future__ import annotations

from typing import Any

from demo_portal.clock import print_datetime

PIPELINES = ((0, "Продажи", 100), (1, "Партнёры", 200), (3, "Повторные продажи", 300))

STAGES: dict[int, tuple[tuple[str, str, str | None], ...]] = {
    0: (
        ("NEW", "Новая", None),
        ("PREPARATION", "Подготовка предложения", None),
        ("PREPAYMENT_INVOICE", "Счёт на предоплату", None),
        ("EXECUTING", "В работе", None),
        ("FINAL_INVOICE", "Финальный счёт", None),
        ("WON", "Сделка успешна", "S"),
        ("LOSE", "Сделка провалена", "F"),
        ("APOLOGY", "Анализ причины провала", "F"),
    ),
    1: (
        ("C1:NEW", "Заявка партнёра", None),
        ("C1:PREPARATION", "Квалификация", None),
        ("C1:UC_7KQ2LM", "Защита проекта", None),
        ("C1:EXECUTING", "Поставка", None),
        ("C1:WON", "Проект выигран", "S"),
        ("C1:LOSE", "Проект проигран", "F"),
    ),
    3: (
        ("C3:NEW", "Новый заказ", None),
        ("C3:PREPARATION", "Согласование", None),
        ("C3:FINAL_INVOICE", "Оплата", None),
        ("C3:WON", "Заказ выполнен", "S"),
        ("C3:LOSE", "Отказ", "F"),
    ),
}

_DICTIONARIES: dict[str, tuple[tuple[str, str], ...]] = {
    "SOURCE": (
        ("CALL", "Звонок"),
        ("EMAIL", "Электронная почта"),
        ("WEB", "Веб-сайт"),
        ("ADVERTISING", "Реклама"),
        ("PARTNER", "Существующий клиент"),
        ("RECOMMENDATION", "По рекомендации"),
        ("TRADE_SHOW", "Выставка"),
        ("WEBFORM", "CRM-форма"),
        ("CALLBACK", "Обратный звонок"),
        ("STORE", "Интернет-магазин"),
        ("UC_TELEGRAM", "Telegram"),
        ("OTHER", "Другое"),
    ),
    "DEAL_TYPE": (
        ("SALE", "Продажа"),
        ("COMPLEX", "Комплексная продажа"),
        ("GOODS", "Продажа товара"),
        ("SERVICES", "Услуги"),
        ("SERVICE", "Сервисное обслуживание"),
    ),
    "CONTACT_TYPE": (("CLIENT", "Клиенты"), ("SUPPLIER", "Поставщики"), ("PARTNER", "Партнёры"), ("OTHER", "Другое")),
    "COMPANY_TYPE": (
        ("CUSTOMER", "Клиент"),
        ("SUPPLIER", "Поставщик"),
        ("COMPETITOR", "Конкурент"),
        ("PARTNER", "Партнёр"),
        ("OTHER", "Другое"),
    ),
    "INDUSTRY": (
        ("IT", "Информационные технологии"),
        ("TELECOM", "Телекоммуникации и связь"),
        ("MANUFACTURING", "Производство"),
        ("BANKING", "Банковские услуги"),
        ("CONSULTING", "Консалтинг"),
        ("DELIVERY", "Доставка и логистика"),
        ("ENTERTAINMENT", "Развлечения"),
        ("CONSTRUCTION", "Строительство"),
        ("OTHER", "Другое"),
    ),
    "EMPLOYEES": (
        ("EMPLOYEES_1", "менее 50"),
        ("EMPLOYEES_2", "50-250"),
        ("EMPLOYEES_3", "250-500"),
        ("EMPLOYEES_4", "более 500"),
    ),
    "HONORIFIC": (("HNR_RU_1", "г-н"), ("HNR_RU_2", "г-жа")),
    "CALL_LIST": (("IN_WORK", "В работе"), ("SUCCESS", "Успешно"), ("WRONG_NUMBER", "Неверный номер")),
}

_LEAD_STAGES = (
    ("NEW", "Не обработан", None),
    ("IN_PROCESS", "В работе", None),
    ("PROCESSED", "Квалифицирован", None),
    ("CONVERTED", "Качественный лид", "S"),
    ("JUNK", "Некачественный лид", "F"),
)

_COLORS = ("#39A8EF", "#2FC6F6", "#55D0E0", "#47E4C2", "#FFA900")
_SYSTEM = frozenset({"NEW", "WON", "LOSE", "CONVERTED", "JUNK"})


def statuses() -> list[dict[str, Any]]:
    """All rows of ``crm.status.list``."""
    rows: list[dict[str, Any]] = []

    def put(dictionary: str, code: str, name: str, place: int, stage: tuple[str | None, int | None] | None) -> None:
        system = code.rpartition(":")[2] in _SYSTEM
        row: dict[str, Any] = {
            "ID": str(101 + 2 * len(rows)),
            "ENTITY_ID": dictionary,
            "STATUS_ID": code,
            "NAME": name,
            "NAME_INIT": name if system else "",
            "SORT": str(10 * place),
            "SYSTEM": "Y" if system else "N",
            "CATEGORY_ID": None,
            "COLOR": "",
            "SEMANTICS": None,
            "EXTRA": {"SEMANTICS": "", "COLOR": ""},
        }
        if stage is not None:
            semantics, category = stage
            word = {None: "process", "S": "success", "F": "failure"}[semantics]
            word = "apology" if code.endswith("APOLOGY") else word
            color = {None: _COLORS[min(place - 1, 4)], "S": "#7BD500", "F": "#FF5752"}[semantics]
            row |= {"COLOR": color, "SEMANTICS": semantics, "EXTRA": {"SEMANTICS": word, "COLOR": color}}
            row["CATEGORY_ID"] = str(category) if category else None
        rows.append(row)

    for place, (code, name, semantics) in enumerate(_LEAD_STAGES, 1):
        put("STATUS", code, name, place, (semantics, None))
    for dictionary, entries in _DICTIONARIES.items():
        for place, (code, name) in enumerate(entries, 1):
            put(dictionary, code, name, place, None)
    for category, stages in STAGES.items():
        for place, (code, name, semantics) in enumerate(stages, 1):
            put(f"DEAL_STAGE_{category}" if category else "DEAL_STAGE", code, name, place, (semantics, category))
    return rows


def categories() -> list[dict[str, Any]]:
    """All rows of ``crm.category.list`` for deals; the default pipeline lacks the origin keys."""
    return [
        {"id": number, "name": name, "sort": sort, "entityTypeId": 2, "isDefault": "N" if number else "Y"}
        | ({"originId": "", "originatorId": ""} if number else {})
        for number, name, sort in PIPELINES
    ]


RATES = {"RUB": 1.0, "USD": 92.5, "EUR": 100.2, "BYN": 28.4}

_CURRENCIES = (
    ("RUB", "Российский рубль", "# &#8381;", "&nbsp;"),
    ("USD", "Доллар США", "$#", None),
    ("EUR", "Евро", "# &euro;", "&nbsp;"),
    ("BYN", "Белорусский рубль", "# руб.", "&nbsp;"),
)


def currencies(now: int) -> list[dict[str, Any]]:
    """All rows of ``crm.currency.list``: text, with HTML entities in the formats."""
    return [
        {
            "CURRENCY": code,
            "AMOUNT_CNT": "1",
            "AMOUNT": f"{RATES[code]:.4f}",
            "SORT": str(100 * place),
            "BASE": "Y" if code == "RUB" else "N",
            "FULL_NAME": name,
            "LID": "ru",
            "FORMAT_STRING": pattern,
            "DEC_POINT": ".",
            "THOUSANDS_SEP": thousands,
            "DECIMALS": "2",
            "DATE_UPDATE": print_datetime(now - 86_400 * 40 * place),
        }
        for place, (code, name, pattern, thousands) in enumerate(_CURRENCIES, 1)
    ]
