"""Meanings that a person or a model wrote, in ``app.column_descriptions``. A person's wins over a model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from psycopg import Connection
from psycopg.rows import class_row

from warehouse.meanings import Text

Source = Literal["person", "model"]
OF_TABLE = ""
"""The column name under which a table's own description is kept."""


@dataclass(frozen=True, slots=True)
class Description:
    """What somebody wrote about a column. A language that is None is told by the next best source."""

    table_name: str
    column_name: str
    source: Source
    ru: str | None
    en: str | None
    content_hash: str | None
    written_by: str | None


@dataclass(frozen=True, slots=True)
class Descriptions:
    """All of them, by (table, column, source)."""

    by_key: Mapping[tuple[str, str, Source], Description]

    def meaning(self, table: str, column: str, otherwise: Text) -> Text:
        """What the column means: in each language the person's words, else the model's, else ``otherwise``."""
        person, model = self.by_key.get((table, column, "person")), self.by_key.get((table, column, "model"))
        return Text(
            (person and person.ru) or (model and model.ru) or otherwise.ru,
            (person and person.en) or (model and model.en) or otherwise.en,
        )

    def origin(self, table: str, column: str) -> Literal["person", "model", "portal"]:
        """Whose words the meaning is; ``portal`` when nobody wrote any."""
        if (table, column, "person") in self.by_key:
            return "person"
        return "model" if (table, column, "model") in self.by_key else "portal"


def read_descriptions(conn: Connection) -> Descriptions:
    """Every description that is stored."""
    with conn.cursor(row_factory=class_row(Description)) as cursor:
        cursor.execute(
            "SELECT table_name, column_name, source, ru, en, content_hash, written_by FROM app.column_descriptions"
        )
        return Descriptions({(row.table_name, row.column_name, row.source): row for row in cursor})


def write_description(conn: Connection, description: Description) -> None:
    """Store a description in the caller's transaction; one without words takes back what its source wrote before."""
    key = (description.table_name, description.column_name, description.source)
    if description.ru is None and description.en is None:
        conn.execute(
            "DELETE FROM app.column_descriptions WHERE table_name = %s AND column_name = %s AND source = %s", key
        )
        return
    conn.execute(
        """INSERT INTO app.column_descriptions (table_name, column_name, source, ru, en, content_hash, written_by)
           VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (table_name, column_name, source) DO UPDATE SET
           ru = excluded.ru, en = excluded.en, content_hash = excluded.content_hash,
           written_by = excluded.written_by, updated_at = now()""",
        (*key, description.ru, description.en, description.content_hash, description.written_by),
    )
