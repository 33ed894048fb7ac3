"""Row rules of guest tokens, as the guard sees them."""

from __future__ import annotations

from chart_service.guard import Refused, check_clause


def check_rule(clause: str, view: str | None) -> str | None:
    """Why the guard refuses this condition, in English, or None. ``view``: the one view that it is for."""
    try:
        check_clause(clause, view=view)
    except Refused as refused:
        return refused.message.en
    return None
