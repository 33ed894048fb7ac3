"""From the model's answer to rows: guard, plan, run; at most two repairs, and only of what really failed.

A statement that found something is never rewritten, and an answer that came first is kept where a later one fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chart_service.ask.complaints import mendable, of_failure, of_refusal
from chart_service.ask.conditions import text_conditions, wrong_texts
from chart_service.ask.conversation import Conversation
from chart_service.ask.intent import Intent, Read
from chart_service.ask.model_errors import ModelError
from chart_service.ask.progress import Progress
from chart_service.ask.spending import BudgetSpent
from chart_service.ask.template_columns import fitted, missing_columns
from chart_service.guard import Checked, Refused
from chart_service.query import QueryFailed
from chart_service.rows import Rows
from warehouse.schema_docs.catalog import Catalog


class StatementRuns(Protocol):
    """How a statement is checked and run for one asker, with the filters that hold on the page."""

    async def check(self, sql: str) -> Checked:
        """The statement as the guard lets it through, once PostgreSQL has planned it. Raises ``Refused`` or
        ``QueryFailed``."""

    async def rows(self, checked: Checked) -> Rows:
        """The rows of a checked statement. Raises ``QueryFailed``."""


@dataclass(frozen=True, slots=True)
class Found:
    """An intent whose statement ran. ``rows`` and ``checked`` are None where the model asks back instead."""

    intent: Intent
    checked: Checked | None = None
    rows: Rows | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show: no rows, or a single one without a value."""
        return self.rows is not None and nothing_found(self.rows.rows)


@dataclass(slots=True)
class _Attempt:
    """What became of one answer: rows, or a complaint that the model may mend."""

    found: Found | None = None
    complaint: str | None = None
    error: Refused | QueryFailed | None = None


class Loop:
    """Answers one question. ``intent`` is the last one that was looked at, for the records."""

    def __init__(
        self, conversation: Conversation, statements: StatementRuns, catalog: Catalog, progress: Progress
    ) -> None:
        self._conversation = conversation
        self._statements = statements
        self._catalog = catalog
        self._progress = progress
        self._figure_asked = False
        self.intent: Intent | None = None

    async def run(self, known: Intent | None = None) -> Found:
        """The answer, from what the model says or from an intent that is known already.

        Raises ``Refused``, ``QueryFailed``, ``ModelError`` or ``BudgetSpent`` where there is none after all repairs.
        """
        if known is not None:
            self._conversation.recall(known)
        read = Read(known) if known is not None else await self._conversation.ask()
        best: Found | None = None
        while True:
            self.intent = read.intent
            if not read.intent.answerable:
                return best or Found(read.intent)
            try:
                attempt = await self._attempt(read)
            except QueryFailed:
                if best is None:
                    raise
                break
            best = attempt.found or best
            if attempt.complaint is None or not self._conversation.may_repair:
                break
            try:
                read = await self._conversation.mend(attempt.complaint)
            except (ModelError, BudgetSpent):
                if best is None:
                    raise
                break
        if best is not None:
            self.intent = best.intent
            return best
        if attempt.error is None:
            raise AssertionError("an attempt has rows or an error")
        raise attempt.error

    async def _attempt(self, read: Read) -> _Attempt:
        sql = read.intent.sql or ""
        try:
            self._progress("checking")
            checked = await self._statements.check(sql)
            intent = await self._with_figure(read, checked)
            self._progress("running")
            rows = await self._statements.rows(checked)
        except Refused as refusal:
            return _Attempt(complaint=of_refusal(refusal), error=refusal)
        except QueryFailed as failure:
            if not mendable(failure):
                raise
            return _Attempt(complaint=of_failure(failure, sql, self._catalog), error=failure)
        return _Attempt(Found(intent, checked, rows), self._wrong_labels(checked, rows))

    async def _with_figure(self, read: Read, checked: Checked) -> Intent:
        """The intent with a template that the statement's columns fit, or without one. The model is asked once more for
        the figure alone: what it does to the statement then does not count."""
        figure = fitted(read.intent.figure, checked.columns)
        problem = read.figure_problem or missing_columns(figure, checked.columns)
        if problem is None:
            return read.intent.model_copy(update={"figure": figure})
        if self._conversation.may_repair and not self._figure_asked:
            self._figure_asked = True
            columns = ", ".join(f'"{name}"' for name in checked.columns) or "those that it selects"
            complaint = (
                f"The statement is right: repeat it unchanged. Its columns are {columns}. The figure is wrong: "
                f"{problem}. Write the whole object again with a figure that names only these columns."
            )
            try:
                again = (await self._conversation.mend(complaint)).intent
            except (ModelError, BudgetSpent):
                again = None
            figure = fitted(again.figure, checked.columns) if again else None
            if figure is not None and missing_columns(figure, checked.columns) is None:
                return read.intent.model_copy(update={"figure": figure})
        return read.intent  # drawn in the format that fits the rows

    def _wrong_labels(self, checked: Checked, rows: Rows) -> str | None:
        """What to tell the model where a statement found nothing because it asks for a label that does not exist."""
        if not nothing_found(rows.rows, zero_too=True):
            return None
        conditions = text_conditions(checked.tree, self._catalog)
        wrong = [told for condition in conditions if (told := wrong_texts(self._catalog, condition))]
        return f"The statement finds nothing: {' '.join(wrong)} Write it again with these." if wrong else None


def nothing_found(rows: Sequence[Sequence[object]], *, zero_too: bool = False) -> bool:
    """Whether rows say nothing: there are none, or a single one holds null only (or zero, with ``zero_too``)."""
    if len(rows) > 1:
        return False
    return all(value is None or (zero_too and value == 0 and value is not False) for row in rows for value in row)
