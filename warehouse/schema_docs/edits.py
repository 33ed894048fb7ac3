"""Words that people put in the place of a meaning: what they send, what is kept, what holds after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from warehouse.descriptions import OF_TABLE, Description, read_descriptions, write_description
from warehouse.schema_docs.catalog import Catalog, Origin, read_catalog
from warehouse.views import refresh_views

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class UnknownPlace(LookupError):
    """There is no such table or column. ``code`` is for programs, the text says what there is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Edit(BaseModel):
    """New words. What is left out stays; null takes a person's words back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    ru: Words | None = Field(default=None, examples=["Почему клиент отказался"])
    en: Words | None = Field(default=None, examples=["Why the client declined"])

    @model_validator(mode="after")
    def _something(self) -> Edit:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give ru, en, or both")
        return self


class Edited(BaseModel):
    """The meaning as it now is."""

    table: str
    column: str = Field(description="Empty: the table itself.")
    ru: str
    en: str
    origin: Origin


def require_table(catalog: Catalog, name: str) -> None:
    """Raise ``UnknownPlace`` when there is no such table."""
    if catalog.table(name) is None:
        known = ", ".join(table.name for table in catalog.tables) or "none before the first sync"
        raise UnknownPlace("no_table", f"There is no such table. Known: {known}.")


def edit_meaning(conn: Connection, table: str, column: str, edit: Edit, by: str) -> Edited:
    """Keep a person's words of a column (``OF_TABLE``: of the table) and bring the views' comments up to date.

    In the caller's transaction. Raises ``UnknownPlace``.
    """
    before = read_catalog(conn)
    require_table(before, table)
    if column != OF_TABLE and not _has_column(before, table, column):
        raise UnknownPlace("no_column", f"{table} has no such column. See /api/v1/schema/tables.")
    _store(conn, table, column, edit, by)
    refresh_views(conn)
    now = read_catalog(conn).table(table)
    if now is None:
        raise UnknownPlace("no_table", f"{table} went away meanwhile.")
    place = now if column == OF_TABLE else now.column(column) or now
    meaning = place.meaning
    return Edited(table=table, column=column, ru=meaning.ru, en=meaning.en, origin=place.origin)


def author(claims: Mapping[str, Any]) -> str:
    """Whose words they are, for the records."""
    return str(claims.get("email") or claims.get("sub") or "this machine")


def _has_column(catalog: Catalog, table: str, column: str) -> bool:
    found = catalog.table(table)
    return found is not None and found.column(column) is not None


def _store(conn: Connection, table: str, column: str, edit: Edit, by: str) -> None:
    before = read_descriptions(conn).by_key.get((table, column, "person"))
    words = {"ru": before and before.ru, "en": before and before.en} | edit.model_dump(exclude_unset=True)
    clean = {lang: text and " ".join(text.replace("\x00", "").split()) for lang, text in words.items()}
    write_description(conn, Description(table, column, "person", clean["ru"], clean["en"], None, by))
