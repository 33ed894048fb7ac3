"""What every table and column means: the document, its data, its history, and the words that people put in."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import PlainTextResponse, Response

from warehouse.descriptions import OF_TABLE
from warehouse.schema_docs.catalog import Catalog, read_catalog
from warehouse.schema_docs.documents import current_document, documents, stored_markdown, stored_statistics
from warehouse.schema_docs.edits import Edit, Edited, UnknownPlace, author, edit_meaning, require_table
from warehouse.schema_docs.entries import Tables, table_entries
from warehouse.schema_docs.markdown import Lang, markdown
from warehouse.schema_docs.statistics import TableStatistics
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.dagster_api import DagsterError
from webhook_api.dagster_runs import UNFINISHED, sync_runs
from webhook_api.errors import ApiError, error_shapes
from webhook_api.schema_entries import DescriptionDocument, History, HistoryEntry, Refresh
from webhook_api.services import Services, ServicesOf, run_url

router = APIRouter(prefix="/api/v1/schema", tags=["schema"], responses=SIGN_IN_ERRORS)

DOCS = "schema_docs"
"""The tag that runs of the asset carry."""
MARKDOWN = "text/markdown"

TableFilter = Annotated[list[str] | None, Query(alias="table", description="Only these tables; may be repeated.")]
Language = Annotated[Lang, Query(description="Language of the document.")]
Name = Annotated[str, Path(max_length=63, pattern=r"^[^\x00]+$")]


class _MarkdownResponse(PlainTextResponse):
    media_type = MARKDOWN


@router.get(
    "/description",
    summary="The document of the schema",
    response_model=None,
    responses={
        200: {"model": DescriptionDocument, "content": {MARKDOWN: {"schema": {"type": "string"}}}},
        **error_shapes(_404="no such table"),
    },
)
async def description(
    services: ServicesOf,
    user: SignedIn,
    table: TableFilter = None,
    lang: Language = "ru",
    accept: Annotated[str, Header(description="`text/markdown` or `application/json`.")] = MARKDOWN,
) -> Response | DescriptionDocument:
    """As Markdown, or as JSON when ``Accept`` asks for ``application/json``."""
    catalog, counted, created_at = await asyncio.to_thread(_read, services, table)
    text = markdown(catalog, counted, lang, created_at=created_at)
    if "application/json" not in accept:
        return _MarkdownResponse(text)
    return DescriptionDocument(tables=table_entries(catalog, counted), created_at=created_at, markdown=text)


@router.get("/tables", summary="Tables and columns as data", responses=error_shapes(_404="no such table"))
async def tables(services: ServicesOf, user: SignedIn, table: TableFilter = None) -> Tables:
    """Every view with its columns, meanings in both languages, codes and counts."""
    catalog, counted, created_at = await asyncio.to_thread(_read, services, table)
    return Tables(tables=table_entries(catalog, counted), created_at=created_at)


@router.get("/history", summary="How the schema changed")
async def history(
    services: ServicesOf,
    user: SignedIn,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="Go on below this id.")] = None,
) -> History:
    """One entry for each state of the schema that was documented."""

    def read() -> History:
        with services.database.connect("api") as conn:
            found = documents(conn, limit=limit, before=before)
        return History(
            items=[
                HistoryEntry(
                    id=document.id,
                    schema_hash=document.schema_hash,
                    created_at=document.created_at,
                    refreshed_at=document.refreshed_at,
                    run_url=run_url(services.settings, document.run_id) if document.run_id else None,
                    changes=document.changes,
                )
                for document in found
            ]
        )

    return await asyncio.to_thread(read)


@router.get(
    "/history/{document_id}",
    summary="A document as it was made",
    response_model=None,
    responses={
        200: {"content": {MARKDOWN: {"schema": {"type": "string"}}}},
        **error_shapes(_404="no such document"),
    },
)
async def old_document(
    services: ServicesOf,
    user: SignedIn,
    document_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    lang: Language = "ru",
) -> Response:
    """The Markdown of one entry of the history."""

    def read() -> str | None:
        with services.database.connect("api") as conn:
            return stored_markdown(conn, document_id, lang)

    text = await asyncio.to_thread(read)
    if text is None:
        raise ApiError(404, "no_document", f"There is no document {document_id}. See /api/v1/schema/history.")
    return _MarkdownResponse(text)


@router.post("/refresh", summary="Make the document anew now", status_code=202)
async def refresh(services: ServicesOf, user: SignedIn) -> Refresh:
    """Queue a run in Dagster, unless one is queued or running. Changes of the schema are documented by themselves."""
    return await asyncio.to_thread(_refresh, services)


@router.patch(
    "/descriptions/{table}/{column}",
    summary="Say what a column means",
    responses=error_shapes(_404="no such table or column"),
)
async def describe_column(table: Name, column: Name, edit: Edit, services: ServicesOf, user: SignedIn) -> Edited:
    """A person's words win over the product's and a model's, in each language, and outlast every new document."""
    return await asyncio.to_thread(_edit, services, table, column, edit, author(user))


@router.patch(
    "/descriptions/{table}",
    summary="Say what a table holds",
    responses=error_shapes(_404="no such table"),
)
async def describe_table(table: Name, edit: Edit, services: ServicesOf, user: SignedIn) -> Edited:
    """The same for a table."""
    return await asyncio.to_thread(_edit, services, table, OF_TABLE, edit, author(user))


def _refresh(services: Services) -> Refresh:
    dagster, settings = services.dagster, services.settings
    for run in sync_runs(dagster, UNFINISHED, entity=DOCS):
        return Refresh(status="already_running", run_id=run.run_id, run_url=run_url(settings, run.run_id))
    repository = dagster.repository()
    if repository is None:
        raise DagsterError("Dagster is still loading the code location. Try again in a few seconds")
    run_id = dagster.launch(repository, "document_schema", {}, {"entity": DOCS, "trigger": "api"})
    return Refresh(status="started", run_id=run_id, run_url=run_url(settings, run_id))


def _read(services: Services, only: list[str] | None) -> tuple[Catalog, dict[str, TableStatistics], datetime | None]:
    with services.database.connect("api") as conn:
        catalog, counted, document = read_catalog(conn), stored_statistics(conn), current_document(conn)
    try:
        for name in only or ():
            require_table(catalog, name)
    except UnknownPlace as error:
        raise ApiError(404, error.code, str(error)) from None
    return catalog.only(only) if only else catalog, counted, document.refreshed_at if document else None


def _edit(services: Services, table: str, column: str, edit: Edit, by: str) -> Edited:
    try:
        with services.database.connect("api", autocommit=True) as conn, conn.transaction():
            return edit_meaning(conn, table, column, edit, by)
    except UnknownPlace as error:
        raise ApiError(404, error.code, str(error)) from None
