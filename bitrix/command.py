"""Commands of a ``batch`` request, in the query-string form that PHP reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Ref:
    """A value taken from an earlier command of the same batch: ``Ref(0, 49, "ID")`` is ``$result[c0][49][ID]``.

    The portal resolves it only as deep as the value exists: behind a short page it becomes a nonsense number, and
    the command answers from the beginning again. Whoever chains commands must drop what follows a short page.
    """

    command: int
    path: tuple[str | int, ...]

    def __str__(self) -> str:
        return "".join((f"$result[{command_key(self.command)}]", *(f"[{step}]" for step in self.path)))


@dataclass(frozen=True, slots=True)
class Command:
    """One method call inside a batch. Values are text, numbers, booleans, datetimes, :class:`Ref`, lists and maps."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> str:
        """``method?key=value&…`` with every key and value percent-encoded, references left as they are.

        An unescaped ``filter[>=ID]=5`` would be cut at its first ``=``. Raises ``ValueError`` for None, which a query
        string cannot carry.
        """
        query = "&".join(f"{_quoted(key)}={value}" for key, value in _pairs(self.params))
        return f"{self.method}?{query}" if query else self.method


def command_key(index: int) -> str:
    """The key of a batch's command. Not a bare number: PHP would answer a list in place of a map."""
    return f"c{index}"


def _pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in params.items():
        yield from _flat(key, value)


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _flat(f"{key}[{inner}]", item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _flat(f"{key}[{index}]", item)
    elif isinstance(value, Ref):
        yield key, str(value)
    else:
        yield key, _quoted(_text(key, value))


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    """Percent-encoded. Commands of one batch differ in little."""
    return quote(text, safe="")


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    raise ValueError(f"parameter {key} of a batch command cannot be {type(value).__name__}")
