"""How PHP reads a query string and prints an array: two of its habits shape the whole API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote_plus

_SUBSCRIPT = re.compile(r"\[([^\]]*)\]")


def parse_str(text: str) -> dict[str, Any]:
    """Read ``a=1&b[]=2&c[x][y]=3`` as PHP's ``parse_str`` does. All values are strings, arrays are dictionaries.

    Each pair is cut at its first ``=``, so an unescaped ``filter[>=ID]=5`` becomes ``filter_>`` with ``ID]=5``.
    """
    return parse_pairs(pair.partition("=")[::2] for pair in text.split("&") if pair)


def parse_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The same for pairs that are cut already but not yet unescaped."""
    result: dict[str, Any] = {}
    for raw_name, raw_value in pairs:
        _put(result, unquote_plus(raw_name), unquote_plus(raw_value))
    return result


def _put(result: dict[str, Any], name: str, value: str) -> None:
    top, bracket, _ = name.partition("[")
    path: list[str] = []
    if bracket and top:
        at = len(top)
        while match := _SUBSCRIPT.match(name, at):  # text after the last closed subscript is ignored
            path.append(match[1])
            at = match.end()
    if not path:  # an unclosed bracket is no subscript: PHP turns it into an underscore
        top = name.replace("[", "_", 1) if bracket else name
    top = top.lstrip(" ").replace(" ", "_").replace(".", "_")
    if not top:
        return
    node, key = result, top
    for subscript in path:
        child = node.get(key)
        if not isinstance(child, dict):
            child = {}
            node[key] = child
        node, key = child, subscript if subscript else _next_index(child)
    node[key] = value


def _next_index(node: dict[str, Any]) -> str:
    if not node:
        return "0"
    last = next(reversed(node))
    if last.isdigit() and int(last) == len(node) - 1:
        return str(len(node))
    return str(max((int(key) for key in node if key.isdigit()), default=-1) + 1)


def as_map(value: Any) -> dict[str, Any]:
    """An array of either form as a dictionary with string keys."""
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, list | tuple):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def as_list(value: Any) -> list[Any]:
    """The values of an array of either form; a single value counts as a list of one."""
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return list(value)
    return [value]


def json_array(values: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
    """What PHP's ``json_encode`` makes of an array: a list if its keys are 0, 1, 2, …, so an empty one is ``[]``."""
    if all(key == str(index) for index, key in enumerate(values)):
        return list(values.values())
    return dict(values)
