"""Asking in words: the question, what was asked before, approved examples, suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AwareDatetime

from chart_service.ask import examples as example_store
from chart_service.ask import history
from chart_service.ask.answer import Answer
from chart_service.ask.ask_errors import ASK_ERRORS
from chart_service.ask.ask_shapes import (
    ApproveBody,
    Approved,
    AskBody,
    ExampleBody,
    ExampleList,
    History,
    PastAsk,
    Suggestions,
)
from chart_service.ask.asking import Asking
from chart_service.ask.page_charts import PageCharts, limits_of
from chart_service.ask.progress import Progress, Stage
from chart_service.ask.prompt import language_of
from chart_service.ask.streaming import EVENT_STREAM, event_stream, wants_events
from chart_service.ask.suggestions import COUNT, suggestions
from chart_service.disconnects import while_connected
from chart_service.errors import STATEMENT_ERRORS, lang_of_errors, say_in
from chart_service.figures.build import Lang
from chart_service.services import Services, ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import ApiError, error_shapes
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["asking"], responses=SIGN_IN_ERRORS)

NO_ASK = error_shapes(_404="no such question among one's own")
AskId = Annotated[UUID, Path()]


def name_of(claims: Mapping[str, Any]) -> str | None:
    """Who asks, for history and budgets: e-mail, or else id; None where nobody signs in."""
    return claims.get("email") or claims.get("sub")


@router.post(
    "/ask",
    response_model=Answer,
    responses={
        200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}, "description": "the answer, or its events"},
        **ASK_ERRORS,
        **STATEMENT_ERRORS,
    },
)
async def ask(services: ServicesOf, claims: SignedIn, request: Request, body: AskBody) -> Response:
    """Ask a question, get a chart with the statement and the assumptions behind it.

    With `Accept: text/event-stream` the answer comes as events: `stage` with `{stage, text}` when a stage begins, then
    `answer` with the same JSON as without, or `error` with the error's. Leaving cancels all of it.
    """
    lang: Lang = body.lang or ("ru" if language_of(body.question) == "ru" else "en")
    say_in(request, lang)

    async def answer(progress: Progress) -> bytes:
        return await _answer(services, claims, body, lang, progress)

    if wants_events(request):
        return event_stream(request, lang, answer)
    content = await while_connected(request, answer(_silent))
    return Response(content, media_type="application/json")


@router.get("/ask/suggestions")
async def suggest(services: ServicesOf, claims: SignedIn, request: Request, lang: Lang | None = None) -> Suggestions:
    """Questions made from this portal's schema, stages, sources and own fields. No model is asked."""
    catalog = (await services.schemas.current()).catalog
    return Suggestions(items=suggestions(catalog, lang or lang_of_errors(request), COUNT))


@router.get("/asks")
async def past(
    services: ServicesOf,
    claims: SignedIn,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[AwareDatetime | None, Query(description="`asked_at` of the last one that was seen.")] = None,
) -> History:
    """One's own questions, newest first; without sign-in everybody's."""
    async with transaction(services.pool) as conn:
        found = await history.asks(conn, by=name_of(claims), everybody=not claims, limit=limit, before=before)
    return History(items=[_past(one) for one in found])


@router.get("/asks/{ask_id}", responses=NO_ASK)
async def past_one(services: ServicesOf, claims: SignedIn, ask_id: AskId) -> PastAsk:
    """One question. Its chart is drawn anew by `/sql/run` with its statement and template."""
    return _past(await _own(services, claims, ask_id))


@router.post("/asks/{ask_id}/approve", status_code=201, responses=NO_ASK | STATEMENT_ERRORS)
async def approve(services: ServicesOf, claims: SignedIn, ask_id: AskId, body: ApproveBody | None = None) -> Approved:
    """Keep question and statement as an example that the model is shown with similar questions.

    What a person mended goes in `sql` and `template`. The statement passes the guard again.
    """
    one = await _own(services, claims, ask_id)
    changed = body or ApproveBody()
    sql = changed.sql or one.sql
    if sql is None:
        raise ApiError(409, "not_answered", "This question led to no statement, so there is nothing to approve.")
    await services.charts.statements.checked(sql)
    template = changed.template.model_dump(mode="json") if changed.template else (one.intent or {}).get("figure")
    async with transaction(services.pool) as conn:
        example_id = await example_store.approve(
            conn,
            question=changed.question or one.question,
            lang=one.lang,
            sql=sql,
            template=template,
            approved_by=name_of(claims),
        )
    return Approved(example_id=example_id)


@router.get("/examples")
async def examples(services: ServicesOf, claims: SignedIn) -> ExampleList:
    """Approved pairs of question and statement, newest first."""
    async with transaction(services.pool) as conn:
        return ExampleList(items=[ExampleBody(**asdict(one)) for one in await example_store.examples(conn)])


@router.delete("/examples/{example_id}", status_code=204, responses=error_shapes(_404="no such example"))
async def forget(services: ServicesOf, claims: SignedIn, example_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> None:
    """Remove an example."""
    async with transaction(services.pool) as conn:
        if not await example_store.forget(conn, example_id):
            raise ApiError(404, "no_example", f"There is no example {example_id}.")


async def _answer(
    services: Services, claims: Mapping[str, Any], body: AskBody, lang: Lang, progress: Progress
) -> bytes:
    asking = Asking(
        question=body.question,
        lang=lang,
        follows=body.follows,
        limits=limits_of(body.filters),
        asked_by=name_of(claims),
        sees_all=not claims,
    )
    charts = PageCharts(services.charts, filters=body.filters, lang=lang)
    await charts.check_filters()
    head, chart = await services.asker.answer(asking, charts, progress)
    return orjson.dumps({**head.model_dump(mode="json"), "chart": chart})


async def _own(services: Services, claims: Mapping[str, Any], ask_id: UUID) -> history.Asked:
    async with transaction(services.pool) as conn:
        one = await history.asked(conn, ask_id, by=name_of(claims), everybody=not claims)
    if one is None:
        raise ApiError(404, "no_ask", "There is no such question among yours. See /api/v1/asks.")
    return one


def _past(one: history.Asked) -> PastAsk:
    intent = one.intent or {}
    return PastAsk(
        **{name: getattr(one, name) for name in PastAsk.model_fields if hasattr(one, name)},
        title=intent.get("title"),
        description=intent.get("description"),
        plan=intent.get("plan"),
        template=intent.get("figure"),
        assumptions=intent.get("assumptions") or [],
    )


def _silent(_: Stage) -> None:
    """Nobody is told of the stages."""
