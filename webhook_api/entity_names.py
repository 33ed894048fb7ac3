"""The names of entities as requests carry them."""

from __future__ import annotations

from typing import Annotated

from pydantic import WithJsonSchema

from bitrix.entities import BY_NAME
from webhook_api.errors import ApiError

EntityName = Annotated[str, WithJsonSchema({"type": "string", "enum": list(BY_NAME)})]
"""Described as what it may be, yet a plain string: a wrong one gets the answer of :func:`check_entity`."""


def check_entity(name: str) -> None:
    """Raise ``ApiError`` 400 for a name that is no entity's."""
    if name not in BY_NAME:
        raise ApiError(400, "invalid_entity_type", "Invalid entity type. Known: " + ", ".join(BY_NAME))
