"""Field definitions of an entity and the two forms in which a portal describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM", "LINK")

LABEL_KEYS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")

DEFAULT_SETTINGS: Mapping[str, Any] = {
    "string": {"SIZE": 20, "ROWS": 1, "REGEXP": "", "MIN_LENGTH": 0, "MAX_LENGTH": 0, "DEFAULT_VALUE": ""},
    "integer": {"SIZE": 20, "MIN_VALUE": 0, "MAX_VALUE": 0, "DEFAULT_VALUE": ""},
    "double": {"PRECISION": 2, "SIZE": 20, "MIN_VALUE": 0, "MAX_VALUE": 0, "DEFAULT_VALUE": ""},
    "boolean": {"DEFAULT_VALUE": 0, "DISPLAY": "CHECKBOX", "LABEL": ["", ""], "LABEL_CHECKBOX": ""},
    "date": {"DEFAULT_VALUE": {"TYPE": "NONE", "VALUE": ""}},
    "datetime": {"DEFAULT_VALUE": {"TYPE": "NONE", "VALUE": ""}, "USE_SECOND": "Y", "USE_TIMEZONE": "N"},
    "enumeration": {"DISPLAY": "LIST", "LIST_HEIGHT": 1, "CAPTION_NO_VALUE": "", "SHOW_NO_VALUE": "Y"},
    "file": {"SIZE": 20, "LIST_WIDTH": 0, "LIST_HEIGHT": 0, "EXTENSIONS": [], "TARGET_BLANK": "Y"},
    "money": {"DEFAULT_VALUE": ""},
    "url": {"POPUP": "Y", "SIZE": 20, "MIN_LENGTH": 0, "MAX_LENGTH": 0, "DEFAULT_VALUE": "", "ROWS": 1},
    "address": {"SHOW_MAP": "Y"},
    "crm": {"LEAD": "Y", "CONTACT": "Y", "COMPANY": "Y", "DEAL": "Y"},
    "crm_status": {"ENTITY_TYPE": "INDUSTRY"},
    "iblock_element": {"DISPLAY": "LIST", "LIST_HEIGHT": 5, "IBLOCK_ID": 3, "DEFAULT_VALUE": "", "ACTIVE_FILTER": "N"},
    "iblock_section": {"DISPLAY": "LIST", "LIST_HEIGHT": 5, "IBLOCK_ID": 3, "DEFAULT_VALUE": "", "ACTIVE_FILTER": "N"},
    "employee": [],
}


@dataclass(slots=True)
class OptionSpec:
    """One choice of an enumeration field."""

    id: int
    value: str
    sort: int
    xml_id: str
    default: bool = False


@dataclass(slots=True)
class FieldSpec:
    """One field. ``id`` is set for user fields only; ``title`` is the label that people see."""

    code: str
    type: str
    title: str
    multiple: bool = False
    read_only: bool = False
    immutable: bool = False
    required: bool = False
    deprecated: bool = False
    status_type: str | None = None
    settings: Any = None
    id: int | None = None
    sort: int = 100
    options: list[OptionSpec] = field(default_factory=list)

    @property
    def dynamic(self) -> bool:
        """Whether it is a user field."""
        return self.id is not None

    @property
    def empty(self) -> Any:
        """What a row without a value holds. The real portal's variants by type, all of them seen in list answers."""
        if self.multiple:
            return False
        if self.type in ("date", "datetime", "enumeration", "money") and self.dynamic:
            return ""
        return None

    def descriptor(self) -> dict[str, Any]:
        """The entry of ``crm.<entity>.fields``."""
        result: dict[str, Any] = {
            "type": self.type,
            "isRequired": self.required,
            "isReadOnly": self.read_only,
            "isImmutable": self.immutable,
            "isMultiple": self.multiple,
            "isDynamic": self.dynamic,
        }
        if self.deprecated:
            result["isDeprecated"] = True
        if self.options or (self.type == "enumeration" and self.dynamic):
            result["items"] = [{"ID": str(option.id), "VALUE": option.value} for option in self.options]
        if self.status_type:
            result["statusType"] = self.status_type
        # In the classic method a user field's title is its own code; people's names for it are the labels.
        result["title"] = self.code if self.dynamic else self.title
        if self.dynamic:
            result |= {"listLabel": self.title, "formLabel": self.title, "filterLabel": self.title}
        if self.settings is not None:
            result["settings"] = self.settings
        return result

    def listing(self, entity: str, *, labels: bool) -> dict[str, Any]:
        """The entry of ``crm.<entity>.userfield.list``; labels come only when a language is asked for."""
        result: dict[str, Any] = {
            "ID": str(self.id),
            "ENTITY_ID": f"CRM_{entity.upper()}",
            "FIELD_NAME": self.code,
            "USER_TYPE_ID": self.type,
            "XML_ID": None,
            "SORT": str(self.sort),
            "MULTIPLE": "Y" if self.multiple else "N",
            "MANDATORY": "Y" if self.required else "N",
            "SHOW_FILTER": "E",
            "SHOW_IN_LIST": "Y",
            "EDIT_IN_LIST": "Y",
            "IS_SEARCHABLE": "N",
            "SETTINGS": self.settings if self.settings is not None else [],
        }
        if labels:
            result |= dict.fromkeys(LABEL_KEYS, self.title)
            result |= {"ERROR_MESSAGE": None, "HELP_MESSAGE": None}
        if self.type == "enumeration":
            result["LIST"] = [
                {
                    "ID": str(option.id),
                    "SORT": str(option.sort),
                    "VALUE": option.value,
                    "DEF": "Y" if option.default else "N",
                    "XML_ID": option.xml_id,
                }
                for option in self.options
            ]
        return result
