"""What a method gets and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo_portal.errors import must_be_array
from demo_portal.filters import to_number
from demo_portal.php import as_map

if TYPE_CHECKING:
    from demo_portal.portal import Portal


@dataclass(frozen=True, slots=True)
class Call:
    """One call. Parameter names are lower case at the top level, where the API takes either case.

    ``access_token`` is set when an application calls, not a webhook.
    """

    portal: Portal
    params: Mapping[str, Any] = field(default_factory=dict)
    access_token: str | None = None

    def array(self, name: str) -> dict[str, Any]:
        """A parameter that must be a map or a list, as a map; empty if it is missing. Raises ``RestError``."""
        value = self.params.get(name)
        if value in (None, ""):
            return {}
        if not isinstance(value, Mapping | list):
            raise must_be_array(name)
        return as_map(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A number, cast as PHP would."""
        value = self.params.get(name)
        return default if value is None else int(to_number(value))


@dataclass(frozen=True, slots=True)
class Answer:
    """A method's answer. ``pages`` is what it costs in operating time; ``total`` only list methods give."""

    result: Any
    total: int | None = None
    next: int | None = None
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Method:
    """A method and the scope that a webhook needs for it (None: any webhook may call it)."""

    handler: Callable[[Call], Answer]
    scope: str | None = None
