"""Row rules of guest tokens, as the guard sees them."""

from __future__ import annotations

from chart_service.guard import Refused


def check_rule(clause: str, view: str | None) -> str | None:
    """Why the guard refuses this condition, in English, or None. ``view``: the one view that it is for."""
    from chart_service.guard import check_clause

    try:
        check_clause(clause)
    except Refused as refused:
        return refused.message.en
    return None
