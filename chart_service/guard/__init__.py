"""The guard: every statement passes here when it is asked, saved, loaded and refreshed.

``check`` reads the text with PostgreSQL's own grammar (``reading``), lets through only what is listed (``structure``,
``vocabulary``, ``functions``), and answers the statement printed from the tree. ``filters`` narrows its views.
"""

from chart_service.guard.checked import Checked, check
from chart_service.guard.clauses import Clause, RowRule, check_clause
from chart_service.guard.refusal import Refused
from chart_service.guard.structure import Schema

__all__ = ["Checked", "Clause", "Refused", "RowRule", "Schema", "check", "check_clause"]
