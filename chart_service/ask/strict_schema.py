"""A pydantic model as the JSON schema that strict structured output takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_KEPT = frozenset({"type", "enum", "const", "properties", "required", "items", "anyOf", "description"})
"""Lengths and counts are left out, since not every server knows them; the answer is validated here again."""


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema: every property required, no object open, no reference, nothing but what all strict servers know."""
    schema = model.model_json_schema()
    return _strict(schema, schema.get("$defs", {}))


def _strict(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        named = definitions[str(node["$ref"]).removeprefix("#/$defs/")]
        return _strict({**named, **{key: value for key, value in node.items() if key != "$ref"}}, definitions)
    kept = {key: value for key, value in node.items() if key in _KEPT}
    if "properties" in kept:
        kept["properties"] = {name: _strict(value, definitions) for name, value in kept["properties"].items()}
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
        kept.pop("description", None)  # the docstring of the class, which speaks to programmers
    if "items" in kept:
        kept["items"] = _strict(kept["items"], definitions)
    if "anyOf" in kept:
        kept["anyOf"] = [_strict(choice, definitions) for choice in kept["anyOf"]]
    return kept
