"""What tables and standard fields mean, in Russian and English, and how a user field's meaning is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bitrix.entities import Entity


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages of the product."""

    ru: str
    en: str

    def of(self, lang: str) -> str:
        """The text in ``ru`` or ``en``. Raises ``KeyError`` for any other language."""
        return {"ru": self.ru, "en": self.en}[lang]


FIELDS_FILE = Path(__file__).with_name("field_meanings.txt")

_TYPES: Mapping[str, Text] = {
    "string": Text("текст", "text"),
    "text": Text("текст", "text"),
    "integer": Text("целое число", "whole number"),
    "int": Text("целое число", "whole number"),
    "double": Text("число", "number"),
    "money": Text("денежная сумма, валюта в соседнем столбце", "amount of money, its currency is in the next column"),
    "boolean": Text("да или нет", "yes or no"),
    "char": Text("да или нет", "yes or no"),
    "date": Text("дата", "date"),
    "datetime": Text("дата и время", "date and time"),
    "enumeration": Text(
        "вариант из списка, текст в столбце _label", "option of a list, its text is in the _label column"
    ),
    "crm_status": Text(
        "код справочника, текст в столбце _name", "code of a dictionary, its text is in the _name column"
    ),
    "crm_category": Text("id воронки", "id of a pipeline"),
    "crm_currency": Text("код валюты", "currency code"),
    "crm_company": Text("id компании", "id of a company"),
    "crm_contact": Text("id контакта", "id of a contact"),
    "crm_lead": Text("id лида", "id of a lead"),
    "crm_deal": Text("id сделки", "id of a deal"),
    "crm_quote": Text("id предложения", "id of a quote"),
    "crm": Text(
        "ссылка на элемент CRM: L_ лид, D_ сделка, C_ контакт, CO_ компания и номер",
        "reference to a CRM record: L_ lead, D_ deal, C_ contact, CO_ company, and the id",
    ),
    "crm_entity": Text("id связанного элемента смарт-процесса", "id of the related record of a smart process"),
    "user": Text("id сотрудника", "id of an employee"),
    "employee": Text("id сотрудника", "id of an employee"),
    "file": Text("id файла", "id of a file"),
    "url": Text("ссылка", "link"),
    "address": Text("адрес", "address"),
    "iblock_element": Text("id элемента инфоблока", "id of an information block's element"),
    "iblock_section": Text("id раздела инфоблока", "id of an information block's section"),
    "resourcebooking": Text("id бронирований ресурсов", "ids of resource bookings"),
    "crm_multifield": Text("контактные данные, JSON", "contact details, JSON"),
}
_OTHER_TYPE = Text("значение в JSON", "value in JSON")


@cache
def _fields() -> Mapping[tuple[str, str], Text]:
    """Meanings by (entity, field code); entity ``*`` holds for all."""
    found: dict[tuple[str, str], Text] = {}
    entity = "*"
    for line in FIELDS_FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            entity = line.strip("[]")
        elif line.strip() and not line.startswith("#"):
            code, ru, en = (part.strip() for part in line.split("|"))
            found[entity, code] = Text(ru, en)
    return found


def table_meaning(entity: Entity) -> Text:
    """What one row of an entity's table is; its title where the registry tells no more."""
    return Text(entity.about_ru or f"{entity.title_ru}.", entity.about or f"{entity.title}.")


def standard_meaning(entity: str, code: str) -> Text | None:
    """What a standard field means, or None when only the portal's title can tell."""
    known = _fields()
    return known.get((entity, code.upper())) or known.get(("*", code.upper()))


def has_title(code: str, title: str) -> bool:
    """Whether the portal gives the field a title that says more than its code."""
    bare = re.sub(r"[\W_]", "", title).upper()
    return bare not in ("", re.sub(r"[\W_]", "", code).upper()) and not re.fullmatch(r"UF(CRM)?\d+", bare)


def column_meaning(
    entity: str, code: str, field_type: str, *, part: str, multiple: bool, title: str, vanished: bool
) -> Text:
    """What a column of a mirror table means beside its title: from the dictionary of standard fields, else what the
    field's type tells."""
    if part == "currency":
        text = Text(f"Валюта поля «{title}»", f"Currency of “{title}”")
    else:
        text = standard_meaning(entity, code) or _type_meaning(code, field_type, multiple=multiple)
    if not vanished:
        return text
    return Text(
        f"{text.ru}. Поля больше нет в портале, прежние значения остались",
        f"{text.en}. No longer in the portal; what it held is kept",
    )


def comment(title: str, meaning: Text) -> str:
    """Title and meaning in both languages, as catalogues show them."""
    both = f"{meaning.ru} / {meaning.en}"
    return f"{title} — {both}" if title else both


def _type_meaning(code: str, field_type: str, *, multiple: bool) -> Text:
    kind = _TYPES.get(field_type, _OTHER_TYPE)
    many = Text(", несколько значений", ", several values") if multiple else Text("", "")
    own = code.upper().startswith("UF_")
    return Text(
        f"{'Своё поле компании' if own else 'Поле портала'}: {kind.ru}{many.ru}",
        f"{'Custom field' if own else 'Field of the portal'}: {kind.en}{many.en}",
    )
