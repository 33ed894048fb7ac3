"""The common recipe: ``fast_bitrix24`` reads all rows into a list, SQLAlchemy upserts it in chunks.

Every value is stored as the portal prints it: text columns, lists as JSON. A second argument says how: ``values``, many
rows in one ``INSERT``, as SQLAlchemy's pages on upserts show it, or ``executemany``, the quickest that it can do.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from fast_bitrix24 import Bitrix
from sqlalchemy import Column, Connection, MetaData, Table, Text, create_engine, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert

CHUNK = {"values": 500, "executemany": 1000}
"""Rows a statement. One takes 65,535 parameters at most; shorter and longer ones were slower."""

UNLIMITED = {"request_pool_size": 1_000_000, "requests_per_second": 1_000_000.0, "operating_time_limit": 1_000_000}
"""Not ``respect_velocity_policy=False``: with it, an answer that tells its operating time raises KeyError."""


def main(kind: str, way: str) -> None:
    """Copy the deals and print what it took."""
    begun = time.monotonic()
    limits: dict[str, Any] = {} if os.environ["BENCH_LIMITS"] == "on" else UNLIMITED
    portal = Bitrix(os.environ["BENCH_WEBHOOK_URL"], verbose=False, **limits)
    table = deals_table(portal.call("crm.deal.fields", raw=True)["result"], schema_of(way))
    with create_engine(os.environ["BENCH_DATABASE_URL"]).begin() as conn:
        params: dict[str, Any] = {"select": ["*", "UF_*"]}
        if kind == "full":
            table.metadata.create_all(conn)
        else:
            params["filter"] = {">=DATE_MODIFY": conn.scalar(select(func.max(table.c.DATE_MODIFY)))}
        rows = portal.get_all("crm.deal.list", params)
        upsert(conn, table, rows, way)
    print(json.dumps({"rows": len(rows), "seconds": time.monotonic() - begun}))


def schema_of(way: str) -> str:
    """Where the rows go, so that both ways can be compared in one database."""
    return f"recipe_{way}"


def deals_table(fields: Mapping[str, Mapping[str, Any]], schema: str) -> Table:
    """A column for each field, ``ID`` the key."""
    columns = [
        Column(code, JSONB if field["isMultiple"] else Text, primary_key=code == "ID") for code, field in fields.items()
    ]
    return Table("deals", MetaData(schema=schema), *columns)


def upsert(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], way: str) -> None:
    """``INSERT … ON CONFLICT DO UPDATE`` of all columns, in chunks."""
    codes = [column.name for column in table.columns]
    for start in range(0, len(rows), CHUNK[way]):
        chunk = [{code: row.get(code) for code in codes} for row in rows[start : start + CHUNK[way]]]
        statement = insert(table).values(chunk) if way == "values" else insert(table)
        changes = {code: statement.excluded[code] for code in codes if code != "ID"}
        statement = statement.on_conflict_do_update(index_elements=["ID"], set_=changes)
        if way == "values":
            conn.execute(statement)
        else:
            conn.execute(statement, chunk)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
