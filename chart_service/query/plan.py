"""What PostgreSQL intends to do with a statement: how much work, and which tables of the mirror it will really read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_ROWS = 2e9
"""Rows that one step may be expected to produce. Charts of a million deals stay below a hundredth of it; a forgotten
condition between two tables of 100,000 rows is five times above."""
MAX_COST = 2e9


@dataclass(frozen=True, slots=True)
class Plan:
    """``cost`` in PostgreSQL's units; ``rows`` of the result as estimated; ``most_rows`` of the step with most of them.

    ``tables`` are those of schema ``bitrix`` that the statement reads, labels included; joins that nothing needs are
    left out by the planner, so they are not among them.
    """

    cost: float
    rows: float
    most_rows: float
    tables: frozenset[str]

    @property
    def absurd(self) -> bool:
        """Whether the statement is not worth trying."""
        return self.cost > MAX_COST or self.most_rows > MAX_ROWS


def read_plan(explained: Any) -> Plan:
    """Read the answer of ``EXPLAIN (FORMAT JSON)``."""
    root: Mapping[str, Any] = explained[0]["Plan"]
    nodes = list(_nodes(root))
    return Plan(
        cost=float(root["Total Cost"]),
        rows=float(root["Plan Rows"]),
        most_rows=max(float(node["Plan Rows"]) for node in nodes),
        tables=frozenset(str(node["Relation Name"]) for node in nodes if "Relation Name" in node),
    )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += current.get("Plans", ())
