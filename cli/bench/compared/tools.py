"""The tools that ``b24 bench --compare`` runs: what starts each, and where its rows are."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tool:
    """A way to copy deals. ``needs`` is the package that it runs on, None for ourselves; ``full`` and ``changes`` are
    the arguments of its module; ``unlimited`` is what is set in its environment where the portal has no limits."""

    name: str
    module: str
    schema: str
    full: tuple[str, ...]
    changes: tuple[str, ...]
    key: str = "id"
    modified: str = "date_modify"
    needs: str | None = None
    unlimited: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether it can run here."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


TABLE = "deals"
"""What each of them names its table."""

OURS = Tool(
    name="this project",
    module="cli.main",
    schema="bitrix",
    full=("sync", "deal", "--full", "--json"),
    changes=("sync", "deal", "--json"),
    unlimited={"BITRIX_REQUEST_BURST": "100000", "BITRIX_REQUESTS_PER_SECOND": "1000"},
)


def _recipe(way: str, name: str) -> Tool:
    return Tool(
        name=name,
        module="cli.bench.compared.fast_bitrix24_recipe",
        schema=f"recipe_{way}",
        full=("full", way),
        changes=("changes", way),
        key="ID",
        modified="DATE_MODIFY",
        needs="fast_bitrix24",
    )


OTHERS = (
    _recipe("values", "fast_bitrix24 + SQLAlchemy upsert"),
    _recipe("executemany", "the same, executemany"),
    Tool(
        name="dlt",
        module="cli.bench.compared.dlt_pipeline",
        schema="dlt_deals",
        full=("full",),
        changes=("changes",),
        needs="dlt",
    ),
)
