"""Numbers of the views, for hosts that name them by Superset's data set ids. A number is a place in the registry, which
grows at its end only, so it never changes its view."""

from __future__ import annotations

from collections.abc import Mapping

from warehouse.views import VIEW_NAMES, VIEW_TITLES

DATASETS: Mapping[int, str] = dict(enumerate(VIEW_TITLES, 1))


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
