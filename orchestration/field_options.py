"""The table of options: made from field lists rather than read from a list of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix.fields import Field


def option_rows(fields: Mapping[str, Sequence[Field]]) -> list[dict[str, Any]]:
    """The options of all enumeration fields, one row each, as ``field_options`` keeps them."""
    return [
        {
            "ID": option.id,
            "ENTITY": entity,
            "FIELD": item.code,
            "VALUE": option.value,
            "SORT": option.sort,
            "XML_ID": option.xml_id,
            "IS_DEFAULT": option.is_default,
        }
        for entity, described in fields.items()
        for item in described
        for option in item.options
    ]
