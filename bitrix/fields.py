"""Field descriptors: what a portal says about the fields of an entity.

A descriptor is what ``crm.<entity>.fields`` answers for one field, made tolerant of the empty variants that
PHP leaks into JSON (``[]`` for an empty map, ``false`` or ``""`` for nothing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of an enumeration field. ``id`` is what rows hold; it is stable while ``value`` is not."""

    id: str
    value: str
    sort: int | None = None
    xml_id: str | None = None
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an entity.

    ``code`` is the key in rows (``STAGE_ID``, ``UF_CRM_1687188367``); ``type`` is Bitrix24's own type name, an open
    list; ``title`` is the label that people see, or the code when the portal has none. ``id`` is that of a user field,
    where it is known: a field that is deleted and made again under its code has another one.
    """

    code: str
    type: str
    multiple: bool = False
    title: str = ""
    dynamic: bool = False
    status_type: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    id: str | None = None

    @classmethod
    def parse(cls, code: str, descriptor: Mapping[str, Any]) -> Field:
        """Read one descriptor of a ``.fields`` answer. Missing or oddly typed attributes fall back, never raise."""
        settings = descriptor.get("settings")
        settings = settings if isinstance(settings, Mapping) else {}
        labels = (descriptor.get(key) for key in ("listLabel", "formLabel", "filterLabel", "title"))
        # Classic .fields gives a user field's own code as its title, the human name is in the labels.
        title = next((text for text in labels if isinstance(text, str) and text.strip() and text != code), code)
        status_type = descriptor.get("statusType") or settings.get("ENTITY_TYPE")
        return cls(
            code=code,
            type=str(descriptor.get("type") or "unknown"),
            multiple=descriptor.get("isMultiple") in (True, "Y", "1", 1),
            title=title.strip(),
            dynamic=descriptor.get("isDynamic") in (True, "Y", "1", 1),
            status_type=status_type if isinstance(status_type, str) else None,
            settings=settings,
            options=tuple(_options(descriptor.get("items"))),
        )


def parse_fields(result: Any) -> list[Field]:
    """Read a whole ``.fields`` answer (a map of code to descriptor) in the portal's order."""
    if isinstance(result, Mapping) and isinstance(result.get("fields"), Mapping):
        result = result["fields"]  # crm.item.fields nests them
    if not isinstance(result, Mapping):
        return []
    return [Field.parse(code, spec) for code, spec in result.items() if isinstance(spec, Mapping)]


def with_user_fields(fields: Iterable[Field], user_fields: Iterable[Mapping[str, Any]]) -> list[Field]:
    """Add what only ``crm.<entity>.userfield.list`` knows: ids of fields, sort order and external ids of options."""
    by_code = {str(row.get("FIELD_NAME")): row for row in user_fields}
    result = []
    for item in fields:
        listed = by_code.get(item.code, {})
        options = tuple(_options(listed.get("LIST"))) or item.options
        result.append(replace(item, options=options, id=str(listed["ID"]) if listed.get("ID") else None))
    return result


def _options(items: Any) -> Iterable[Option]:
    if isinstance(items, Mapping):  # a list with keys 0..n-1 may arrive as a map
        items = list(items.values())
    if not isinstance(items, list):
        return
    for item in items:
        if isinstance(item, Mapping) and item.get("ID") not in (None, ""):
            sort = str(item.get("SORT") or "")
            yield Option(
                id=str(item["ID"]),
                value=str(item.get("VALUE") or ""),
                sort=int(sort) if sort.lstrip("-").isdigit() else None,
                xml_id=str(item["XML_ID"]) if item.get("XML_ID") else None,
                is_default=item.get("DEF") == "Y",
            )
