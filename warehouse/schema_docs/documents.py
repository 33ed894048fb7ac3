"""The documents that were made, in ``app.schema_docs``: the current one, and what changed from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import orjson
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from warehouse.schema_docs.catalog import Catalog
from warehouse.schema_docs.markdown import markdown
from warehouse.schema_docs.statistics import ColumnStatistics, Statistics, TableStatistics
from warehouse.tables import lock

HISTORY_KEPT = 500
"""Documents of older schemas beyond this many are removed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the document before. ``column`` is empty when it is the table."""

    kind: Literal["added", "removed", "changed"]
    table: str
    column: str = ""
    what: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A document without its text. ``refreshed_at``: when counts were last taken while the schema stayed the same."""

    id: int
    schema_hash: str
    created_at: datetime
    refreshed_at: datetime
    run_id: str | None
    changes: list[dict[str, str]] = field(default_factory=list)


def save_document(conn: Connection, catalog: Catalog, statistics: Statistics, run_id: str | None) -> tuple[Change, ...]:
    """Keep the document of this catalogue, as a new row when the schema changed; answers what changed.

    In the caller's transaction; several callers at once wait for each other.
    """
    lock(conn, "schema docs")
    last = conn.execute("SELECT id, schema_hash, columns FROM app.schema_docs ORDER BY id DESC LIMIT 1").fetchone()
    columns = _columns(catalog)
    changes = tuple(_changes(last[2], columns)) if last else ()
    values = {
        "hash": catalog.hash,
        "run": run_id,
        "changes": Jsonb([asdict(change) for change in changes]),
        "columns": Jsonb(columns),
        "statistics": Jsonb(_plain(statistics)),
        "ru": markdown(catalog, statistics, "ru"),
        "en": markdown(catalog, statistics, "en"),
    }
    if last and last[1] == catalog.hash:
        conn.execute(
            """UPDATE app.schema_docs SET refreshed_at = now(), run_id = %(run)s, statistics = %(statistics)s,
                   markdown_ru = %(ru)s, markdown_en = %(en)s WHERE id = %(id)s""",
            {**values, "id": last[0]},
        )
        return ()
    conn.execute(
        """INSERT INTO app.schema_docs (schema_hash, run_id, changes, columns, statistics, markdown_ru, markdown_en)
           VALUES (%(hash)s, %(run)s, %(changes)s, %(columns)s, %(statistics)s, %(ru)s, %(en)s)""",
        values,
    )
    conn.execute(
        "DELETE FROM app.schema_docs WHERE id <= (SELECT id FROM app.schema_docs ORDER BY id DESC OFFSET %s LIMIT 1)",
        (HISTORY_KEPT,),
    )
    return changes


def current_document(conn: Connection) -> Document | None:
    """The newest document, or None before the first."""
    found = documents(conn, limit=1)
    return found[0] if found else None


def documents(conn: Connection, *, limit: int, before: int | None = None) -> list[Document]:
    """The newest documents first; ``before`` is the id to go on below."""
    with conn.cursor(row_factory=class_row(Document)) as cursor:
        cursor.execute(
            """SELECT id, schema_hash, created_at, refreshed_at, run_id, changes FROM app.schema_docs
               WHERE %(before)s::int8 IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(limit)s""",
            {"before": before, "limit": limit},
        )
        return cursor.fetchall()


def stored_markdown(conn: Connection, document_id: int, lang: str) -> str | None:
    """The text of one document as it was made, or None when there is no such document."""
    row = conn.execute(
        "SELECT CASE %s WHEN 'ru' THEN markdown_ru ELSE markdown_en END FROM app.schema_docs WHERE id = %s",
        (lang, document_id),
    ).fetchone()
    return str(row[0]) if row else None


def stored_statistics(conn: Connection) -> dict[str, TableStatistics]:
    """The counts of the newest document; empty before the first."""
    row = conn.execute("SELECT statistics FROM app.schema_docs ORDER BY id DESC LIMIT 1").fetchone()
    return {
        table: TableStatistics(
            rows=counted["rows"],
            synced_at=datetime.fromisoformat(counted["synced_at"]) if counted["synced_at"] else None,
            columns={name: ColumnStatistics(**numbers) for name, numbers in counted["columns"].items()},
        )
        for table, counted in (row[0] if row else {}).items()
    }


def _plain(statistics: Statistics) -> Any:
    return orjson.loads(orjson.dumps({name: asdict(counted) for name, counted in statistics.items()}))


def _columns(catalog: Catalog) -> dict[str, dict[str, dict[str, str]]]:
    return {
        table.name: {
            "": {"meaning": f"{table.meaning.ru} / {table.meaning.en}"},
            **{
                column.name: {
                    "type": column.type,
                    "title": column.title,
                    "meaning": f"{column.meaning.ru} / {column.meaning.en}",
                    "codes": "; ".join(f"{code.code}={code.label}" for code in column.codes),
                }
                for column in table.columns
            },
        }
        for table in catalog.tables
    }


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    changes = [Change("removed", table) for table in before if table not in now]
    for table, columns in now.items():
        if table not in before:
            changes.append(Change("added", table))
            continue
        had = before[table]
        changes += [Change("removed", table, name) for name in had if name not in columns]
        for name, facts in columns.items():
            if name not in had:
                changes.append(Change("added", table, name))
            elif different := [key for key in facts if facts[key] != had[name].get(key)]:
                changes.append(Change("changed", table, name, ", ".join(different)))
    return changes
