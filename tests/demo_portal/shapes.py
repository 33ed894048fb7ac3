"""Shapes of JSON documents: which keys, which types, whatever the values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Shape = dict[str, Any]
"""``{"types": [...], "keys": {key: shape}, "always": [...], "items": shape}``; the last three only where they apply."""


def shape_of(*values: Any) -> Shape:
    """The common shape of several values that stand in the same place."""
    shape: Shape = {"types": sorted({_type(value) for value in values})}
    maps = [value for value in values if isinstance(value, dict)]
    if maps:
        keys = dict.fromkeys(key for value in maps for key in value)
        shape["keys"] = {key: shape_of(*(value[key] for value in maps if key in value)) for key in keys}
        shape["always"] = [key for key in keys if all(key in value for value in maps)]
    items = [item for value in values if isinstance(value, list) for item in value]
    if items:
        shape["items"] = shape_of(*items)
    return shape


def _type(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "list", dict: "map"}
    return names[type(value)]


def differences(ours: Shape, documented: Shape, allowed: dict[str, set[str]], path: str = "") -> Iterable[str]:
    """What we answer that the documentation does not show, and what it always shows that we leave out.

    ``allowed`` names further types by the end of the path. Keys that belong to one portal only are skipped.
    """
    extra = set(ours["types"]) - set(documented["types"]) - allowed.get(path.rpartition(".")[2], set())
    if extra:
        yield f"{path}: we answer {sorted(extra)}, documented is {documented['types']}"
    ours_keys, documented_keys = ours.get("keys", {}), documented.get("keys", {})
    if documented_keys and ours_keys:
        for key in set(documented["always"]) - set(ours_keys):
            if not _of_one_portal(key):
                yield f"{path}.{key}: documented, but missing from our answer"
        for key in set(ours_keys) - set(documented_keys):
            if not _of_one_portal(key):
                yield f"{path}.{key}: in our answer, but not documented"
        for key in set(ours_keys) & set(documented_keys):
            yield from differences(ours_keys[key], documented_keys[key], allowed, f"{path}.{key}")
    if "items" in ours and "items" in documented:
        yield from differences(ours["items"], documented["items"], allowed, f"{path}[]")


def _of_one_portal(key: str) -> bool:
    return key.startswith(("UF_CRM_", "UF_STAMP", "PARENT_ID_"))
