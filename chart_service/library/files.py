"""Rows as files: CSV after RFC 4180, XLSX, and the statement itself. No cell of them is ever a formula."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import xlsxwriter  # type: ignore[import-untyped]

from chart_service.figures.build import Lang
from chart_service.rows import Rows
from warehouse.meanings import Text

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "sql": "application/sql; charset=utf-8",
}
EXACT_DIGITS = 15
"""Digits that a spreadsheet keeps of a number; longer ones, such as ids of other systems, stay texts."""
CELL_CHARACTERS = 32_767
"""Of one cell of XLSX."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]+')
_UNTITLED = Text("График", "Chart")
_CUT = Text(
    "Показаны не все строки: результат больше предела выгрузки.",
    "Not all rows are here: the result is larger than an export may be.",
)


def csv_file(rows: Rows, zone: ZoneInfo, lang: Lang, *, excel: bool = False) -> bytes:
    """The rows as CSV: commas, CRLF, UTF-8. ``excel``: with a byte order mark, and in Russian with the semicolons and
    decimal commas that Excel expects there."""
    comma = excel and lang == "ru"
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if comma else ",", lineterminator="\r\n")
    writer.writerow([_no_formula(name) for name in rows.names()])
    for row in rows.rows:
        writer.writerow([_csv_cell(value, zone, comma=comma) for value in row])
    return text.getvalue().encode("utf-8-sig" if excel else "utf-8")


def _csv_cell(value: Any, zone: ZoneInfo, *, comma: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        number = format(value, "f") if isinstance(value, Decimal) else repr(value)
        return number.replace(".", ",") if comma else number
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return _no_formula(_text(value))


def xlsx_file(rows: Rows, zone: ZoneInfo, lang: Lang, title: str) -> bytes:
    """The rows as a workbook of one sheet; texts are texts, dates are dates in the charts' time zone."""
    file = io.BytesIO()
    options = {
        "in_memory": True,
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"title": title})
        sheet = book.add_worksheet(_sheet_name(title, lang))
        bold, moment = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.freeze_panes(1, 0)
        for at in range(len(rows.columns)):
            sheet.set_column(at, at, _width(rows, at))
        for at, name in enumerate(rows.names()):
            sheet.write_string(0, at, name, bold)
        number = 0
        for number, row in enumerate(rows.rows, 1):
            for at, value in enumerate(row):
                _write(sheet, number, at, value, zone, moment)
        if rows.truncated:
            sheet.write_string(number + 1, 0, _CUT.of(lang), bold)
    return file.getvalue()


def _write(sheet: Any, row: int, column: int, value: Any, zone: ZoneInfo, moment: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal):
        if len(Decimal(str(value)).normalize().as_tuple().digits) > EXACT_DIGITS and not isinstance(value, float):
            sheet.write_string(row, column, format(value, "f") if isinstance(value, Decimal) else str(value))
        else:
            sheet.write_number(row, column, float(value))
    elif isinstance(value, datetime):
        local = value.astimezone(zone).replace(tzinfo=None)
        if local.year >= 1900:
            sheet.write_datetime(row, column, local, moment)
        else:
            sheet.write_string(row, column, local.isoformat(sep=" "))
    elif isinstance(value, date):
        if value.year >= 1900:  # where the calendar of spreadsheets begins
            sheet.write_datetime(row, column, datetime(value.year, value.month, value.day))
        else:
            sheet.write_string(row, column, value.isoformat())
    else:
        sheet.write_string(row, column, _text(value)[:CELL_CHARACTERS])


def sql_file(sql: str, title: str) -> bytes:
    """The statement with its title as a comment."""
    heading = " ".join(title.split())
    return f"-- {heading}\n{sql.rstrip().rstrip(';')};\n".encode() if heading else f"{sql.rstrip()}\n".encode()


def disposition(title: str, extension: str, lang: Lang) -> str:
    """The header ``Content-Disposition`` of a download, its name in any script."""
    name = _NOT_IN_FILE_NAMES.sub(" ", title).strip(" .")[:100] or _UNTITLED.of(lang)
    ascii_name = re.sub(r"[^A-Za-z0-9 ._-]+", "_", name).strip("_ ") or "chart"
    return (
        f"attachment; filename=\"{ascii_name}.{extension}\"; filename*=UTF-8''{quote(f'{name}.{extension}', safe='')}"
    )


def _no_formula(text: str) -> str:
    """A text that a spreadsheet would take for a formula begins with an apostrophe, as spreadsheets write it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str | None) for item in value):
        return ", ".join(item for item in value if item is not None)
    return json.dumps(value, ensure_ascii=False, default=str)


def _sheet_name(title: str, lang: Lang) -> str:
    plain = " ".join(re.sub(r"[\x00-\x1f\[\]:*?/\\]+", " ", title).split())
    name = plain.strip("'")[:31].strip("' ")
    return name if name and name.lower() != "history" else _UNTITLED.of(lang)


def _width(rows: Rows, at: int) -> int:
    texts: Iterable[str] = (_text(row[at]) for row in rows.rows[:100] if row[at] is not None)
    return min(60, max([len(rows.columns[at].name), 8, *map(len, texts)]) + 2)
