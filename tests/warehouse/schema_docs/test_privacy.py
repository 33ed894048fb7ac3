"""No personal value reaches a document, however it got into the portal."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitrix.fields import Field
from tests.warehouse.schema_docs.conftest import DEAL, Connection, fill
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.privacy import may_show_range, rounded_range, without_contacts
from warehouse.schema_docs.project import write_project
from warehouse.schema_docs.statistics import read_statistics
from warehouse.views import refresh_views

PERSON = {
    "NAME": "Аристарх",
    "SECOND_NAME": "Велимирович",
    "LAST_NAME": "Преображенский",
    "BIRTHDATE": "1961-07-19",
    "POST": "Главный фаготист",
    "ADDRESS": "ул. Потаённая, 13",
    "COMMENTS": "Звонить после девяти",
    "PHONE": [{"VALUE": "+7 916 555-44-33"}],
    "EMAIL": [{"VALUE": "aristarkh@secret.example"}],
    "UF_CRM_PASSPORT": "4509 123456",
    "UF_CRM_11": "79165554433",
    "UF_CRM_12": "19610719",
    "UF_CRM_13": "1961-07-19",
    "UF_CRM_14": ["Фагот", "Преображенский"],
    "UF_CRM_15": "77316",
}
TYPES = {
    "BIRTHDATE": "date",
    "PHONE": "crm_multifield",
    "EMAIL": "crm_multifield",
    "UF_CRM_11": "integer",
    "UF_CRM_12": "integer",
    "UF_CRM_13": "date",
    "UF_CRM_14": "string",
    "UF_CRM_15": "double",
}
TITLES = {"UF_CRM_11": "Мобильный", "UF_CRM_13": "Дата рождения жены", "UF_CRM_15": "Сколько людей"}
PLANTED = (
    *("Аристарх", "Велимирович", "Преображенск", "1961-07", "фаготист", "Потаённая", "после девяти", "555-44-33"),
    *("aristarkh", "123456", "79165554433", "5554433", "19610719", "Фагот", "77316", "5551234567"),
)


def test_planted_personal_data_reaches_no_document(filled: Connection, tmp_path: Path) -> None:
    fields = [
        Field("ID", "integer"),
        *(Field(code, TYPES.get(code, "string"), code == "UF_CRM_14", TITLES.get(code, code)) for code in PERSON),
    ]
    fill(filled, "contact", fields, [{"ID": n, **PERSON} for n in range(1, 31)])
    fill(filled, "lead", fields, [{"ID": n, **PERSON} for n in range(1, 31)])
    user = {"NAME": "Аристарх", "LAST_NAME": "Преображенский", "EMAIL": "aristarkh@secret.example"}
    fill(filled, "user", None, [{"ID": n, **user, "PERSONAL_BIRTHDAY": "1961-07-19"} for n in range(1, 31)])
    planted = [Field("UF_CRM_20", "string", title="Спросить aristarkh@secret.example или 8 (555) 123-45-67 5551234567")]
    fill(filled, "deal", [*DEAL, *planted], [{"ID": 77316, "TITLE": "Преображенский", "COMMENTS": "после девяти"}])
    option = {"ID": 5000, "ENTITY": "deal", "FIELD": "UF_CRM_2", "VALUE": "aristarkh@secret.example", "SORT": 0}
    fill(filled, "field_option", None, [option])
    refresh_views(filled)
    catalog = read_catalog(filled)
    written = write_project(tmp_path, catalog, read_statistics(filled, catalog), [])
    texts = {path.name: path.read_text() for path in written}
    assert {"crm.ru.md", "crm.en.md", "crm.prompt.txt", "sources.yml", "docs.md"} <= texts.keys()
    found = [(name, word) for name, text in texts.items() for word in PLANTED if word in text]
    assert not found
    assert "Сколько людей" in texts["crm.ru.md"]


@pytest.mark.parametrize(
    ("code", "field_type", "title", "shown"),
    [
        ("OPPORTUNITY", "double", "Сумма", True),
        ("ID", "integer", "ID", False),
        ("ADDRESS_LOC_ADDR_ID", "integer", "", False),
        ("BIRTHDATE", "date", "Дата рождения", False),
        ("NEW_STANDARD_FIELD", "integer", "Что-то", False),
        ("UF_CRM_1", "integer", "Количество", True),
        ("UF_CRM_1", "integer", "Моб. клиента", False),
        ("UF_CRM_1", "double", "ИНН", False),
        ("UF_CRM_INN", "double", "Код", False),
        ("UF_CRM_1", "date", "Date of birth", False),
        ("UF_CRM_1", "employee", "Инженер", False),
        ("UF_CRM_1", "file", "Скан", False),
    ],
)
def test_ranges_are_shown_only_where_allowed(code: str, field_type: str, title: str, shown: bool) -> None:
    pg_type = {"double": "numeric", "date": "date"}.get(field_type, "int8")
    assert may_show_range("deal", "field", pg_type, code=code, field_type=field_type, title=title) is shown
    assert not may_show_range("user", "field", pg_type, code=code, field_type=field_type, title=title)
    assert not may_show_range("deal", "field", "text", code=code, field_type="string", title=title)


def test_contacts_in_titles_are_masked_and_years_are_not() -> None:
    assert without_contacts("Кому: a.b@c.example, +7 (916) 555-44-33") == "Кому: ***, ***"
    assert without_contacts("План 2024-2025, этап 12") == "План 2024-2025, этап 12"


def test_ranges_are_wider_than_their_values() -> None:
    assert rounded_range(-1234, 79165554433) == ("-1300", "80000000000")
    assert rounded_range(0, 7) == ("0", "7")
