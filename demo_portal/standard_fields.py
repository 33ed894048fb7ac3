"""The standard fields of the four CRM entities, in the portal's own order.

From the Bitrix24 REST documentation, pages ``crm.deal.fields``, ``crm.lead.fields``, ``crm.contact.fields`` and
``crm.company.fields`` (MIT licence).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from demo_portal.schema import FieldSpec

_DEAL = """
ID integer! ID
TITLE string Название
TYPE_ID crm_status[DEAL_TYPE] Тип
CATEGORY_ID crm_category^ Воронка
STAGE_ID crm_status[DEAL_STAGE] Стадия сделки
STAGE_SEMANTIC_ID string! Группа стадии
IS_NEW char! Новая сделка
IS_RECURRING char Регулярная сделка
IS_RETURN_CUSTOMER char Повторная сделка
IS_REPEATED_APPROACH char Повторное обращение
PROBABILITY integer Вероятность
CURRENCY_ID crm_currency Валюта
OPPORTUNITY double Сумма
IS_MANUAL_OPPORTUNITY char IS_MANUAL_OPPORTUNITY
TAX_VALUE double Ставка налога
COMPANY_ID crm_company Компания
CONTACT_ID crm_contact~ Контакт
CONTACT_IDS crm_contact* Контакты
QUOTE_ID crm_quote! Предложение
BEGINDATE date Дата начала
CLOSEDATE date Дата завершения
OPENED char Доступна для всех
CLOSED char Закрыта
COMMENTS string Комментарий
ASSIGNED_BY_ID user Ответственный
CREATED_BY_ID user! Кем создана
MODIFY_BY_ID user! Кем изменена
MOVED_BY_ID user! MOVED_BY_ID
DATE_CREATE datetime! Дата создания
DATE_MODIFY datetime! Дата изменения
MOVED_TIME datetime! MOVED_TIME
SOURCE_ID crm_status[SOURCE] Источник
SOURCE_DESCRIPTION string Дополнительно об источнике
LEAD_ID crm_lead! Лид
ADDITIONAL_INFO string Дополнительная информация
LOCATION_ID location Местоположение
ORIGINATOR_ID string Внешний источник
ORIGIN_ID string Идентификатор элемента во внешнем источнике
UTM_SOURCE string Рекламная система
UTM_MEDIUM string Тип трафика
UTM_CAMPAIGN string Обозначение рекламной кампании
UTM_CONTENT string Содержание кампании
UTM_TERM string Условие поиска кампании
LAST_ACTIVITY_TIME datetime! LAST_ACTIVITY_TIME
LAST_ACTIVITY_BY user! LAST_ACTIVITY_BY
"""

_LEAD = """
ID integer! ID
TITLE string Название лида
HONORIFIC crm_status[HONORIFIC] Обращение
NAME string Имя
SECOND_NAME string Отчество
LAST_NAME string Фамилия
BIRTHDATE date Дата рождения
COMPANY_TITLE string Название компании
SOURCE_ID crm_status[SOURCE] Источник
SOURCE_DESCRIPTION string Дополнительно об источнике
STATUS_ID crm_status[STATUS] Стадия
STATUS_DESCRIPTION string Дополнительно о стадии
STATUS_SEMANTIC_ID string! Состояние статуса
POST string Должность
ADDRESS string Адрес
ADDRESS_2 string Адрес (стр. 2)
ADDRESS_CITY string Город
ADDRESS_POSTAL_CODE string Почтовый индекс
ADDRESS_REGION string Район
ADDRESS_PROVINCE string Область
ADDRESS_COUNTRY string Страна
ADDRESS_COUNTRY_CODE string Код страны
ADDRESS_LOC_ADDR_ID integer Идентификатор адреса местоположения
CURRENCY_ID crm_currency Валюта
OPPORTUNITY double Сумма
IS_MANUAL_OPPORTUNITY char IS_MANUAL_OPPORTUNITY
OPENED char Доступен для всех
COMMENTS string Комментарий
HAS_PHONE char! Задан телефон
HAS_EMAIL char! Задан e-mail
HAS_IMOL char! Задана открытая линия
ASSIGNED_BY_ID user Ответственный
CREATED_BY_ID user! Кем создан
MODIFY_BY_ID user! Кем изменен
MOVED_BY_ID user! MOVED_BY_ID
DATE_CREATE datetime! Дата создания
DATE_MODIFY datetime! Дата изменения
MOVED_TIME datetime! MOVED_TIME
COMPANY_ID crm_company Компания
CONTACT_ID crm_contact~ Контакт
CONTACT_IDS crm_contact* CONTACT_IDS
IS_RETURN_CUSTOMER char! Повторный лид
DATE_CLOSED datetime! Дата завершения
ORIGINATOR_ID string Внешний источник
ORIGIN_ID string Идентификатор элемента во внешнем источнике
UTM_SOURCE string Рекламная система
UTM_MEDIUM string Тип трафика
UTM_CAMPAIGN string Обозначение рекламной кампании
UTM_CONTENT string Содержание кампании
UTM_TERM string Условие поиска кампании
LAST_ACTIVITY_TIME datetime! LAST_ACTIVITY_TIME
LAST_ACTIVITY_BY user! LAST_ACTIVITY_BY
PHONE crm_multifield* Телефон
EMAIL crm_multifield* E-mail
WEB crm_multifield* Сайт
IM crm_multifield* Мессенджер
LINK crm_multifield* LINK
"""

_CONTACT = """
ID integer! ID
HONORIFIC crm_status[HONORIFIC] Обращение
NAME string+ Имя
SECOND_NAME string+ Отчество
LAST_NAME string+ Фамилия
PHOTO file Фотография
BIRTHDATE date Дата рождения
TYPE_ID crm_status[CONTACT_TYPE] Тип контакта
SOURCE_ID crm_status[SOURCE] Источник
SOURCE_DESCRIPTION string Дополнительно об источнике
POST string Должность
ADDRESS string Адрес
ADDRESS_2 string Адрес (стр. 2)
ADDRESS_CITY string Город
ADDRESS_POSTAL_CODE string Почтовый индекс
ADDRESS_REGION string Район
ADDRESS_PROVINCE string Область
ADDRESS_COUNTRY string Страна
ADDRESS_COUNTRY_CODE string Код страны
ADDRESS_LOC_ADDR_ID integer Идентификатор адреса местоположения
COMMENTS string Комментарий
OPENED char Доступен для всех
EXPORT char Участвует в экспорте контактов
HAS_PHONE char! Задан телефон
HAS_EMAIL char! Задан e-mail
HAS_IMOL char! Задана открытая линия
ASSIGNED_BY_ID user Ответственный
CREATED_BY_ID user! Кем создан
MODIFY_BY_ID user! Кем изменен
DATE_CREATE datetime! Дата создания
DATE_MODIFY datetime! Дата изменения
COMPANY_ID crm_company~ Компания
COMPANY_IDS crm_company* COMPANY_IDS
LEAD_ID crm_lead! Лид
ORIGINATOR_ID string Внешний источник
ORIGIN_ID string Идентификатор элемента во внешнем источнике
ORIGIN_VERSION string Версия оригинала
UTM_SOURCE string Рекламная система
UTM_MEDIUM string Тип трафика
UTM_CAMPAIGN string Обозначение рекламной кампании
UTM_CONTENT string Содержание кампании
UTM_TERM string Условие поиска кампании
LAST_ACTIVITY_TIME datetime! Последняя активность
LAST_ACTIVITY_BY user! Кем осуществлена последняя активность в таймлайне
PHONE crm_multifield* Телефон
EMAIL crm_multifield* E-mail
WEB crm_multifield* Сайт
IM crm_multifield* Мессенджер
LINK crm_multifield* LINK
"""

_COMPANY = """
ID integer! ID
TITLE string+ Название компании
COMPANY_TYPE crm_status[COMPANY_TYPE] Тип компании
LOGO file Логотип
ADDRESS string Фактический адрес
ADDRESS_2 string Адрес (стр. 2)
ADDRESS_CITY string Город
ADDRESS_POSTAL_CODE string Почтовый индекс
ADDRESS_REGION string Район
ADDRESS_PROVINCE string Область
ADDRESS_COUNTRY string Страна
ADDRESS_COUNTRY_CODE string Код страны
ADDRESS_LOC_ADDR_ID integer Идентификатор адреса местоположения
ADDRESS_LEGAL string Юридический адрес
REG_ADDRESS string Юридический адрес
REG_ADDRESS_2 string Юридический адрес (стр. 2)
REG_ADDRESS_CITY string Юридический адрес город
REG_ADDRESS_POSTAL_CODE string Юридический адрес почтовый индекс
REG_ADDRESS_REGION string Юридический адрес район
REG_ADDRESS_PROVINCE string Юридический адрес область
REG_ADDRESS_COUNTRY string Юридический адрес страна
REG_ADDRESS_COUNTRY_CODE string Юридический адрес код страны
REG_ADDRESS_LOC_ADDR_ID integer Юридический адрес идентификатор адреса местоположения
BANKING_DETAILS string Банковские реквизиты
INDUSTRY crm_status[INDUSTRY] Сфера деятельности
EMPLOYEES crm_status[EMPLOYEES] Кол-во сотрудников
CURRENCY_ID crm_currency Валюта
REVENUE double Годовой оборот
OPENED char Доступна для всех
COMMENTS string Комментарий
HAS_PHONE char! Задан телефон
HAS_EMAIL char! Задан e-mail
HAS_IMOL char! Задана открытая линия
IS_MY_COMPANY char Моя компания
ASSIGNED_BY_ID user Ответственный
CREATED_BY_ID user! Кем создана
MODIFY_BY_ID user! Кем изменена
DATE_CREATE datetime! Дата создания
DATE_MODIFY datetime! Дата изменения
CONTACT_ID crm_contact* Контакт
LEAD_ID crm_lead! Лид
ORIGINATOR_ID string Внешний источник
ORIGIN_ID string Идентификатор элемента во внешнем источнике
ORIGIN_VERSION string Версия оригинала
UTM_SOURCE string Рекламная система
UTM_MEDIUM string Тип трафика
UTM_CAMPAIGN string Обозначение рекламной кампании
UTM_CONTENT string Содержание кампании
UTM_TERM string Условие поиска кампании
PARENT_ID_156 crm_entity Закупка
LAST_ACTIVITY_TIME datetime Последняя активность
LAST_ACTIVITY_BY user Автор последней активности в таймлайне
LAST_COMMUNICATION_TIME string! Дата последней коммуникации
PHONE crm_multifield* Телефон
EMAIL crm_multifield* E-mail
WEB crm_multifield* Сайт
IM crm_multifield* Мессенджер
LINK crm_multifield* LINK
"""

_PARENT_TYPES = {"crm_company": 4, "crm_quote": 7, "crm_lead": 1}


def _read(table: str) -> Iterator[FieldSpec]:
    """Lines ``CODE type[STATUS_TYPE]flags Title``; ``!`` read-only, ``*`` multiple, ``^`` immutable, ``+`` required,
    ``~`` deprecated."""
    for line in table.strip().splitlines():
        code, kind, title = line.split(" ", 2)
        bare = kind.rstrip("!*^+~")
        flags = kind[len(bare) :]
        type_name, _, status_type = bare.partition("[")
        settings: dict[str, object] = {}
        if type_name in _PARENT_TYPES and "*" not in flags:
            settings["parentEntityTypeId"] = _PARENT_TYPES[type_name]
        elif type_name == "crm_entity":
            settings["parentEntityTypeId"] = int(code.rpartition("_")[2])
        yield FieldSpec(
            code=code,
            type=type_name,
            title=title,
            multiple="*" in flags,
            read_only="!" in flags,
            immutable="^" in flags,
            required="+" in flags,
            deprecated="~" in flags,
            status_type=status_type.rstrip("]") or None,
            settings=settings or None,
        )


STANDARD_FIELDS: Mapping[str, tuple[FieldSpec, ...]] = {
    "deal": tuple(_read(_DEAL)),
    "lead": tuple(_read(_LEAD)),
    "contact": tuple(_read(_CONTACT)),
    "company": tuple(_read(_COMPANY)),
}
