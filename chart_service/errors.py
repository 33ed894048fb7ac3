"""Errors of charts in the API's one shape: refusals of the guard with rule and place, failures of statements,
templates that do not fit."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from chart_service.figures import TemplateError
from chart_service.guard import Refused
from chart_service.pages.texts import Lang, preferred_lang
from chart_service.query.failures import QueryFailed
from warehouse.meanings import Text
from webhook_api.errors import ErrorBody, error_response, request_id_of

BUSY_SECONDS = "3"
_NOT_NOW = frozenset({"too_busy", "changing", "no_reader"})
"""Failures that are not the statement's fault: it may succeed later."""
CLIENT_GONE = 499
"""Nobody reads the answer: the client has closed the connection."""


class StatementErrorBody(ErrorBody):
    """An error of a statement."""

    rule: str | None = Field(default=None, description="The guard's rule, where the guard refused it.")
    at: list[int] | None = Field(
        default=None, min_length=2, max_length=2, description="Line and column in the statement, from 1."
    )


STATEMENT_ERRORS: dict[int | str, dict[str, Any]] = {
    422: {
        "model": StatementErrorBody,
        "description": "the guard refuses the statement, or PostgreSQL; or a value is wrong",
    }
}
"""What a route that runs a statement may be answered with."""


class SchemaChanged(Exception):
    """A saved chart names what the schema does not have any more. ``reason`` says what."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.text = Text(
            f"График сохранён для прежней схемы. {reason.ru} Исправьте его SQL.",
            f"The chart was saved for an earlier schema. {reason.en} Mend its SQL.",
        )


class ClientGone(Exception):
    """The client closed the connection before it was answered."""


def say_in(request: Request, lang: Lang) -> None:
    """Errors of this request are told in this language."""
    request.state.error_lang = lang


def lang_of_errors(request: Request) -> Lang:
    """The language for errors: what the request's body asks for, else what the browser prefers."""
    chosen: Lang | None = getattr(request.state, "error_lang", None)
    return chosen or preferred_lang(request.cookies.get("lang"), request.headers.get("accept-language", ""))


def add_chart_errors(app: FastAPI) -> None:
    """Turn what statements and templates may fail with into answers."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)  # noqa: S101  the registration below promises it to the type checker
        return _answer(request, 422, "refused", error.message, rule=error.rule, at=error.at)

    async def failed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, QueryFailed)  # noqa: S101
        response = _answer(request, 503 if error.code in _NOT_NOW else 422, error.code, error.text)
        if error.code in _NOT_NOW:
            response.headers["Retry-After"] = BUSY_SECONDS
        return response

    async def bad_template(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, TemplateError)  # noqa: S101
        return _answer(request, 422, "bad_template", error.message)

    async def schema_changed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SchemaChanged)  # noqa: S101
        return _answer(request, 409, "schema_changed", error.text)

    async def gone(request: Request, error: Exception) -> JSONResponse:
        return error_response(request_id_of(request), CLIENT_GONE, "client_gone", "The client closed the connection.")

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(QueryFailed, failed)
    app.add_exception_handler(TemplateError, bad_template)
    app.add_exception_handler(SchemaChanged, schema_changed)
    app.add_exception_handler(ClientGone, gone)


def _answer(
    request: Request,
    status: int,
    code: str,
    text: Text,
    *,
    rule: str | None = None,
    at: tuple[int, int] | None = None,
) -> JSONResponse:
    body = StatementErrorBody(
        detail=text.of(lang_of_errors(request)),
        code=code,
        request_id=request_id_of(request),
        rule=rule,
        at=list(at) if at else None,
    )
    return JSONResponse(body.model_dump(), status)
