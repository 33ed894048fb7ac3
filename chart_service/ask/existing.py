"""Where nothing was found: the values that the columns of its conditions really have. For the person, not the model."""

from __future__ import annotations

from collections.abc import AsyncIterator

from chart_service.ask.answer import ExistingValues
from chart_service.ask.conditions import Condition, dictionary_of, text_conditions
from chart_service.ask.loop import StatementRuns
from chart_service.guard import Checked, Refused
from chart_service.query import QueryFailed
from warehouse.schema_docs.catalog import Catalog

SHOWN, COLUMNS = 20, 4


async def existing_values(checked: Checked, catalog: Catalog, statements: StatementRuns) -> list[ExistingValues]:
    """For each column that the statement compares with texts, what it holds: all labels, or the first few values."""
    return [found async for found in _existing(checked, catalog, statements)]


async def _existing(checked: Checked, catalog: Catalog, statements: StatementRuns) -> AsyncIterator[ExistingValues]:
    for condition in text_conditions(checked.tree, catalog)[:COLUMNS]:
        values = dictionary_of(catalog, condition) or await _stored(condition, statements)
        if values:
            yield ExistingValues(
                column=f"{condition.view}.{condition.column}",
                asked_for=[text.strip("%") for text in condition.texts],
                values=values[:SHOWN],
            )


async def _stored(condition: Condition, statements: StatementRuns) -> list[str]:
    column = '"' + condition.column.replace('"', '""') + '"'
    sql = (
        f"SELECT DISTINCT {column}::text AS value FROM crm.{condition.view} "  # noqa: S608  names of the catalogue
        f"WHERE {column} IS NOT NULL ORDER BY 1 LIMIT {SHOWN}"
    )
    try:
        rows = await statements.rows(await statements.check(sql))
    except (Refused, QueryFailed):
        return []  # a hint is not worth an error
    return [str(row[0]) for row in rows.rows]
