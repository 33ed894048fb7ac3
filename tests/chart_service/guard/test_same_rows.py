"""What runs gives the same rows as what was written: each honest example, before and after, on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg

from chart_service.guard import check

HONEST = [
    json.loads(line)["sql"].removeprefix("\ufeff")
    for line in Path(__file__).with_name("honest.jsonl").read_text().splitlines()
]


def rows(connection: psycopg.Connection[Any], statement: str) -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.encode())
        names = [column.name for column in cursor.description or ()]
        return names, sorted(map(repr, cursor.fetchall()))


def test_what_runs_gives_the_rows_of_what_was_written(owner: psycopg.Connection[Any]) -> None:
    owner.execute("SET search_path = crm, pg_catalog")
    owner.execute("CREATE TEMP VIEW crm_deals AS SELECT * FROM crm.deals")
    owner.execute("SET search_path = crm, pg_catalog, pg_temp")
    different = []
    for statement in HONEST:
        owner.execute("SAVEPOINT one")
        try:
            written, run = rows(owner, statement), rows(owner, check(statement).sql)
        except psycopg.Error as error:
            different.append((statement, str(error)[:80]))
            owner.execute("ROLLBACK TO one")
            continue
        if written != run:
            different.append((statement, check(statement).sql))
    assert not different, "\n".join(map(str, different))


def test_names_of_the_columns_are_told(owner: psycopg.Connection[Any]) -> None:
    wrong = []
    for statement in HONEST:
        checked = check(statement)
        with owner.cursor() as cursor:
            cursor.execute(checked.limited(0).encode())
            names = tuple(column.name for column in cursor.description or ())
        if checked.columns and names != checked.columns and len(set(checked.columns)) == len(checked.columns):
            wrong.append((checked.columns, names, statement))
    assert not wrong
