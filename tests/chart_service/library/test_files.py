"""Exports: what spreadsheets and programs make of the files, formulas that stay texts, names in any script."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import httpx
import openpyxl
import psycopg
import pytest

from chart_service.library.files import csv_file, disposition, xlsx_file
from chart_service.rows import Column, Rows

MOSCOW = ZoneInfo("Europe/Moscow")
HOSTILE = ["=1+1", "+7 999", "-2", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "＝1", 'ok;"x"\r\ny']
ROWS = Rows(
    (
        *(Column("text", "text"), Column("n", "number"), Column("at", "datetime"), Column("day", "date")),
        *(Column("yes", "boolean"), Column("list", "array"), Column("json", "json"), Column("=name", "text")),
    ),
    [
        (
            text,
            Decimal("1234567.50"),
            datetime(2026, 1, 31, 22, tzinfo=UTC),
            date(2026, 2, 1),
            True,
            ["a", None],
            {},
            "",
        )
        for text in HOSTILE
    ],
)


def test_csv_is_as_rfc_4180_says() -> None:
    data = csv_file(ROWS, MOSCOW, "ru")
    assert not data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert lines[0] == ["text", "n", "at", "day", "yes", "list", "json", "'=name"]
    assert len(lines) == 1 + len(HOSTILE)
    assert lines[1][1:] == ["1234567.50", "2026-02-01 01:00:00+03:00", "2026-02-01", "true", "a", "{}", ""]
    assert lines[-1][0] == HOSTILE[-1]


@pytest.mark.parametrize("excel", [False, True])
def test_no_text_of_csv_is_a_formula(excel: bool) -> None:
    text = csv_file(ROWS, MOSCOW, "en", excel=excel).decode("utf-8-sig")
    for row, given in zip(list(csv.reader(io.StringIO(text, newline="")))[1:], HOSTILE, strict=True):
        assert row[0] == (given if given.startswith("ok") else f"'{given}")


def test_csv_for_excel_in_russian() -> None:
    data = csv_file(ROWS, MOSCOW, "ru", excel=True)
    assert data.startswith(b"\xef\xbb\xbf")
    [_, first, *_] = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert first[1] == "1234567,50"


def test_negative_numbers_stay_numbers() -> None:
    rows = Rows((Column("n", "number"),), [(-5,), (Decimal("-0.5"),), (None,)])
    assert csv_file(rows, MOSCOW, "en").decode() == 'n\r\n-5\r\n-0.5\r\n""\r\n'


def sheet_of(data: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]


def test_xlsx_has_types_and_no_formula() -> None:
    sheet = sheet_of(xlsx_file(ROWS, MOSCOW, "ru", "Отчёт: [все]/*"))
    assert sheet.title == "Отчёт все"
    rows = list(sheet.iter_rows())
    assert [cell.value for cell in rows[0]][-1] == "=name"
    assert all(cell.data_type != "f" and cell.hyperlink is None for row in rows for cell in row)
    text, number, at, day, yes = (cell.value for cell in rows[1][:5])
    assert (text, number, yes) == ("=1+1", 1234567.5, True)
    assert at == datetime(2026, 2, 1, 1)
    assert day == datetime(2026, 2, 1)
    assert rows[1][0].data_type == "s"


@pytest.mark.parametrize("title", ["", "'", "History", "x" * 100, "a:b", "\x01", "[]"])
def test_any_title_makes_a_sheet(title: str) -> None:
    assert sheet_of(xlsx_file(ROWS, MOSCOW, "en", title)).max_row == 1 + len(HOSTILE)


def test_long_numbers_old_dates_and_cut_results_in_xlsx() -> None:
    rows = Rows(
        (Column("id", "number"), Column("d", "date"), Column("t", "datetime"), Column("s", "text")),
        [(12345678901234567890, date(1812, 9, 7), datetime(1812, 9, 7, tzinfo=UTC), "x" * 40_000)],
        truncated=True,
    )
    sheet = sheet_of(xlsx_file(rows, ZoneInfo("UTC"), "en", "t"))
    values = [cell.value for cell in list(sheet.iter_rows())[1]]
    assert values[:2] == ["12345678901234567890", "1812-09-07"]
    assert len(values[3]) == 32_767
    assert "Not all rows" in str(list(sheet.iter_rows())[2][0].value)


@pytest.mark.parametrize("title", ['Сделки: "всё"\r\nX-Evil: 1', "../../etc/passwd", "", "a" * 500, "…", "отчёт\x00"])
def test_names_of_files(title: str) -> None:
    header = disposition(title, "csv", "ru")
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith("attachment;")
    name = unquote(header.split("filename*=UTF-8''")[1])
    assert name.endswith(".csv")
    assert not set(name) & set('/\\:*?"<>|\r\n\0')


SQL = "SELECT id, title, opportunity, date_create FROM deals ORDER BY id"


def test_exports_of_a_statement(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    owner.execute("UPDATE bitrix.deals SET title = '=cmd|x' WHERE id = (SELECT min(id) FROM bitrix.deals)")
    row = owner.execute("SELECT count(*) FROM crm.deals").fetchone()
    assert row is not None
    answer = charts_api.post("/api/v1/export", json={"sql": SQL, "format": "csv", "title": "Все сделки"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-truncated"] == "false"
    assert unquote(answer.headers["content-disposition"].split("''")[1]) == "Все сделки.csv"
    lines = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert len(lines) == 1 + row[0]
    assert lines[1][1] == "'=cmd|x"
    sheet = sheet_of(charts_api.post("/api/v1/export", json={"sql": SQL, "format": "xlsx"}).content)
    assert sheet.max_row == 1 + row[0]
    assert sheet.cell(2, 2).value == "=cmd|x"
    assert sheet.cell(2, 2).data_type == "s"
    text = charts_api.post("/api/v1/export", json={"sql": SQL, "format": "sql", "title": "a\nDROP TABLE x"}).text
    assert text == f"-- a DROP TABLE x\n{SQL};\n"


def test_exports_of_a_chart_with_filters(charts_api: httpx.Client) -> None:
    template = {"format": "table", "traces": [{"type": "table"}]}
    chart = charts_api.post("/api/v1/charts", json={"title": "Сделки", "sql": SQL, "template": template}).json()
    url = f"/api/v1/charts/{chart['id']}/export"
    filters = '{"columns": [{"column": "stage_semantic_id", "op": "in", "values": ["S"]}]}'
    every = charts_api.get(f"{url}.csv").text.count("\r\n")
    won = charts_api.get(f"{url}.csv", params={"filters": filters}).text.count("\r\n")
    assert 1 < won < every
    assert "stage_semantic_id" in charts_api.get(f"{url}.sql", params={"filters": filters}).text
    assert charts_api.get(f"{url}.xlsx").content.startswith(b"PK")
    assert charts_api.get(f"{url}.pdf").status_code == 422
    bad = charts_api.get(f"{url}.csv", params={"filters": "{"})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_request")
