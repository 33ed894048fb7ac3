"""Numbers of the views, for hosts that name them by Superset's data set ids. A number never changes its view."""

from __future__ import annotations

from collections.abc import Mapping

from warehouse.views import VIEW_NAMES

DATASETS: Mapping[int, str] = {
    1: "deals",
    2: "contacts",
    3: "leads",
    4: "companies",
    5: "statuses",
    6: "pipelines",
    7: "currencies",
    8: "users",
    9: "departments",
    10: "deal_stage_history",
    11: "lead_stage_history",
    12: "field_options",
}


def view_of(dataset: int | str) -> str | None:
    """The view of a number, or of a name as it is or with ``crm.``; None for what is neither."""
    if isinstance(dataset, str):
        name = dataset.strip().removeprefix("crm.")
        if name in VIEW_NAMES:
            return name
        if not (name.isascii() and name.isdigit() and len(name) < 6):
            return None
        dataset = int(name)
    return DATASETS.get(dataset)
