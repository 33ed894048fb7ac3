"""A statement's rows as a file to download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Response

from chart_service.figures.build import Lang
from chart_service.guard.filters import Filters, RowRule
from chart_service.library.files import MEDIA_TYPES, csv_file, disposition, sql_file, xlsx_file
from chart_service.query.runner import EXPORT_ROWS
from chart_service.query.statements import Statements

FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {media_type.split(";")[0]: {"schema": {"type": "string"}} for media_type in MEDIA_TYPES.values()},
    }
}
"""What a route that answers a file describes."""


async def export(
    statements: Statements,
    sql: str,
    format: str,
    *,
    title: str,
    lang: Lang,
    filters: Filters | None = None,
    rules: Sequence[RowRule] = (),
    excel: bool = False,
) -> Response:
    """The file in ``csv``, ``xlsx`` or ``sql``; the statement is checked for the latter, too.

    ``X-Truncated: true`` says that there are more rows than an export may have. Raises as a run does.
    """
    checked = await statements.checked(sql, filters, rules)
    truncated = False
    if format == "sql":
        content = sql_file(checked.sql if filters not in (None, Filters()) or rules else sql, title)
    else:
        rows = await statements.export_rows(checked, EXPORT_ROWS)
        truncated = rows.truncated
        zone = statements.zone
        if format == "csv":
            content = await statements.in_thread(lambda: csv_file(rows, zone, lang, excel=excel))
        else:
            content = await statements.in_thread(lambda: xlsx_file(rows, zone, lang, title))
    headers = {"Content-Disposition": disposition(title, format, lang), "X-Truncated": str(truncated).lower()}
    return Response(content, media_type=MEDIA_TYPES[format], headers=headers)
