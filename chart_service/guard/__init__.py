"""The guard: every statement passes here when it is asked, saved, loaded and refreshed.

``check`` reads the text with PostgreSQL's own grammar (``reading``), lets through only what is listed (``structure``,
``vocabulary``, ``functions``) and not too much (``shapes``, ``joins``, ``recursion``), tells columns that do not exist
(``columns``), and answers the statement printed from the tree. What is printed must read as the same tree, is looked at
once more by another road (``last_look``) and by another parser (``second_reading``). ``filters`` narrows its views to
what filters and row rules (``clauses``) leave.

The tree is PostgreSQL's rather than sqlglot's: what the server will understand is then not a guess, and printing it
changes nothing. sqlglot's own text gave other rows or names for one honest example in thirty-five.
"""

from chart_service.guard.checked import Checked, check
from chart_service.guard.clauses import Clause, RowRule, check_clause
from chart_service.guard.refusal import Refused
from chart_service.guard.structure import Schema

__all__ = ["Checked", "Clause", "Refused", "RowRule", "Schema", "check", "check_clause"]
