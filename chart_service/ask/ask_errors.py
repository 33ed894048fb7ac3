"""What asking may fail with, as answers of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from chart_service.ask.asking import CannotFollow, NothingSynced
from chart_service.ask.model_errors import ModelError
from chart_service.ask.page_charts import FiltersRefused
from chart_service.ask.spending import BudgetSpent
from chart_service.errors import lang_of_errors
from warehouse.meanings import Text
from webhook_api.errors import error_response, error_shapes, request_id_of

log = structlog.get_logger(__name__)

_CANNOT_FOLLOW = Text(
    "Вопроса, который вы продолжаете, нет среди ваших, или на него не было ответа. Задайте вопрос целиком.",
    "The question that yours follows is not among your own, or had no answer. Ask the whole question.",
)
_NOTHING_SYNCED = Text(
    "Таблиц ещё нет: дождитесь первой синхронизации.", "There are no tables yet: wait for the first sync."
)
_FAILED = Text(
    "Сервис не справился с запросом. Причина в его журнале под этим номером запроса.",
    "The service failed at this request. Its log says why, under this request id.",
)

ASK_ERRORS: dict[int | str, dict[str, Any]] = error_shapes(
    _404="the question that this one follows is not there",
    _409="nothing was synced yet",
    _429="the budget is spent: `budget_spent`, with Retry-After",
    _502="the model's server failed or answers with something else",
    _503="no model is configured (`no_model`), or it is busy or does not answer",
    _504="the model took too long",
)


def add_ask_errors(app: FastAPI) -> None:
    """Turn what asking may fail with into answers."""

    async def model(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ModelError)  # noqa: S101  the registration below promises it to the type checker
        headers = {} if error.retry_after is None else {"Retry-After": str(max(1, round(error.retry_after)))}
        return _answer(request, error.status, error.code, error.text, headers)

    async def budget(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, BudgetSpent)  # noqa: S101
        seconds = (error.renews_at - datetime.now(UTC)).total_seconds()
        return _answer(request, 429, "budget_spent", error.text, {"Retry-After": str(max(1, round(seconds)))})

    async def cannot_follow(request: Request, error: Exception) -> JSONResponse:
        return _answer(request, 404, "no_ask", _CANNOT_FOLLOW)

    async def nothing_synced(request: Request, error: Exception) -> JSONResponse:
        return _answer(request, 409, "nothing_synced", _NOTHING_SYNCED)

    async def filters(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, FiltersRefused)  # noqa: S101
        return await error_answer(request, error.refused)

    app.add_exception_handler(ModelError, model)
    app.add_exception_handler(BudgetSpent, budget)
    app.add_exception_handler(CannotFollow, cannot_follow)
    app.add_exception_handler(NothingSynced, nothing_synced)
    app.add_exception_handler(FiltersRefused, filters)


async def error_answer(request: Request, error: Exception) -> JSONResponse:
    """The answer that the application gives to an error, for streams, which have begun before it happened."""
    for kind in type(error).__mro__:
        handler = request.app.exception_handlers.get(kind)
        if handler is not None:
            answer = handler(request, error)
            response: JSONResponse = answer if isinstance(answer, JSONResponse) else await answer
            return response
    log.error("a question failed", error=type(error).__name__, exc_info=error)
    return _answer(request, 500, "internal_error", _FAILED)


def _answer(
    request: Request, status: int, code: str, text: Text, headers: dict[str, str] | None = None
) -> JSONResponse:
    detail = text.of(lang_of_errors(request))
    return error_response(request_id_of(request), status, code, detail, headers=headers)
