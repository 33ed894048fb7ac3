"""The guard: every statement passes here when it is asked, saved, loaded and refreshed.

``check`` reads the text with PostgreSQL's own grammar (``reading``), lets through only what is listed (``structure``,
``vocabulary``, ``functions``), and answers the statement printed from the tree. ``filters`` narrows its views.
"""

from chart_service.guard.checked import Checked, Schema, check
from chart_service.guard.refusal import Refused

__all__ = ["Checked", "Refused", "Schema", "check"]
