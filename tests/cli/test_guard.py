"""``b24 guard``: a line in, a line out, whatever the lines hold."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from cli.guard import guard


def run(tmp_path: Path, *lines: str, bench: bool = False) -> tuple[list[dict[str, Any]], str]:
    file = tmp_path / "statements.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    out, log = io.StringIO(), io.StringIO()
    assert guard(file, bench=bench, out=out, log=log) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()], log.getvalue()


def test_a_line_for_each_line(tmp_path: Path) -> None:
    answers, log = run(
        tmp_path,
        '{"sql": "select count(*) from crm_deals -- все", "why": "x", "cat": "y"}',
        "",
        '{"sql": "DROP TABLE crm.deals"}',
        '{"sql": "\\ud800"}',
        "not json",
        '{"query": "SELECT 1"}',
        '["SELECT 1"]',
        '{"sql": "SELECT title AS \\"Сумма\\" FROM crm.deals"}',
    )
    assert [(answer["ok"], answer["rule"]) for answer in answers] == [
        (True, None),
        (False, "not_a_query"),
        (False, "bad_character"),
        *[(False, "no_statement")] * 3,
        (True, None),
    ]
    assert answers[0]["sql"] == "SELECT count(*) FROM crm.deals AS crm_deals"
    assert "Сумма" in answers[-1]["sql"]
    assert not log


def test_times_are_printed_beside(tmp_path: Path) -> None:
    _, log = run(tmp_path, '{"sql": "SELECT 1 FROM crm.deals"}', bench=True)
    assert log.startswith("1 statements, milliseconds each: median ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    out, log = io.StringIO(), io.StringIO()
    assert guard(tmp_path / "missing", bench=False, out=out, log=log) == 2
    assert "No such file" in log.getvalue()
