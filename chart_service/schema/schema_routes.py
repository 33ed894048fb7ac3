"""The schema's tables as data, its document, and the words that people put in."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse, Response

from chart_service.pages.texts import Lang
from chart_service.services import Services, ServicesOf
from warehouse.descriptions import OF_TABLE
from warehouse.schema_docs.catalog import Catalog, read_catalog
from warehouse.schema_docs.documents import current_document, stored_statistics
from warehouse.schema_docs.edits import Edit, Edited, UnknownPlace, author, edit_meaning
from warehouse.schema_docs.entries import Tables, table_entries
from warehouse.schema_docs.markdown import markdown
from warehouse.schema_docs.statistics import TableStatistics
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import ApiError, error_shapes

router = APIRouter(prefix="/api/v1/schema", tags=["schema"], responses=SIGN_IN_ERRORS)

MARKDOWN = "text/markdown"
Name = Annotated[str, Path(max_length=63, pattern=r"^[^\x00]+$")]


class _MarkdownFile(PlainTextResponse):
    media_type = MARKDOWN


@router.get("/tables", summary="Tables and columns as data")
async def tables(services: ServicesOf, user: SignedIn) -> Tables:
    """Every view with its columns, meanings in both languages, codes and counts; none before the first sync."""
    catalog, counted, created_at = await asyncio.to_thread(_read, services)
    return Tables(tables=table_entries(catalog, counted), created_at=created_at)


@router.get(
    "/description",
    summary="The document of the schema",
    response_class=_MarkdownFile,
    responses={200: {"content": {MARKDOWN: {"schema": {"type": "string"}}}}},
)
async def description(
    services: ServicesOf, user: SignedIn, lang: Annotated[Lang, Query(description="Language of the document.")] = "ru"
) -> Response:
    """As a Markdown file."""
    catalog, counted, created_at = await asyncio.to_thread(_read, services)
    headers = {"Content-Disposition": f'attachment; filename="crm-schema-{lang}.md"'}
    return _MarkdownFile(markdown(catalog, counted, lang, created_at=created_at), headers=headers)


@router.patch(
    "/descriptions/{table}/{column}",
    summary="Say what a column means",
    responses=error_shapes(_404="no such table or column"),
)
async def describe_column(table: Name, column: Name, edit: Edit, services: ServicesOf, user: SignedIn) -> Edited:
    """A person's words win over the product's and a model's, in each language, and outlast every new document."""
    return await asyncio.to_thread(_edit, services, table, column, edit, author(user))


@router.patch("/descriptions/{table}", summary="Say what a table holds", responses=error_shapes(_404="no such table"))
async def describe_table(table: Name, edit: Edit, services: ServicesOf, user: SignedIn) -> Edited:
    """The same for a table."""
    return await asyncio.to_thread(_edit, services, table, OF_TABLE, edit, author(user))


def _read(services: Services) -> tuple[Catalog, Mapping[str, TableStatistics], datetime | None]:
    with services.database.connect("api") as conn:
        document = current_document(conn)
        return read_catalog(conn), stored_statistics(conn), document.refreshed_at if document else None


def _edit(services: Services, table: str, column: str, edit: Edit, by: str) -> Edited:
    try:
        with services.database.connect("api", autocommit=True) as conn, conn.transaction():
            return edit_meaning(conn, table, column, edit, by)
    except UnknownPlace as error:
        raise ApiError(404, error.code, str(error)) from None
