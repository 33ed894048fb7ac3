"""Errors of the API: one JSON shape for all of them, and no text that the client may not see.

::

    {"detail": "Invalid entity type: 'foo'. …", "code": "invalid_entity_type", "request_id": "…", "errors": []}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from warehouse.database import DatabaseError
from webhook_api.dagster_api import DagsterError, DagsterUnreachable

RETRY_AFTER_SECONDS = "5"

_PHRASES = {413: "Content Too Large"}
"""Of statuses that Python calls differently from version to version."""

log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One value of the request that was refused."""

    field: str = Field(description="Where it stands: `body.sync_type`, `query.limit`.", examples=["body.sync_type"])
    message: str = Field(examples=["Input should be 'full' or 'incremental'"])


class ErrorBody(BaseModel):
    """What every error looks like."""

    detail: str = Field(description="What happened, to what, and what to do.")
    code: str = Field(description="The same for every error of this kind; for programs.")
    request_id: str = Field(description="Also in the header `X-Request-ID` and in the service's log.")
    errors: list[FieldError] = Field(default=[], description="Filled where values of the request were refused.")


class ApiError(Exception):
    """An answer with an error status. ``detail`` is for the client: one sentence or two, no secrets."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


def error_response(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
) -> JSONResponse:
    """The answer that tells of an error."""
    body = ErrorBody(detail=detail, code=code, request_id=request_id, errors=list(errors))
    return JSONResponse(body.model_dump(), status, headers=dict(headers or {}))


def error_shapes(**statuses: str) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route: ``error_shapes(_400="when that happens")``. Each has the one error shape."""
    return {
        int(status.lstrip("_")): {"model": ErrorBody, "description": description}
        for status, description in statuses.items()
    }


COMMON_ERRORS = error_shapes(
    _400="the body is no JSON",
    _413="the body is too large",
    _422="a value of the request is refused: `errors` names it",
    _500="a fault of the service",
    _503="the database, Dagster or what signs people in does not answer; nothing is lost silently",
)
"""What any call may be answered with."""


def add_error_handlers(app: FastAPI) -> None:
    """Turn every exception that reaches the application into the one error shape."""

    async def api_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)  # noqa: S101  the registration below promises it to the type checker
        return error_response(request_id_of(request), error.status, error.code, str(error), headers=error.headers)

    async def http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        phrase = _PHRASES.get(error.status_code) or HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "_").replace("-", "_")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(request)) or headers.get("Allow", "GET")
        return error_response(request_id_of(request), error.status_code, code, str(error.detail), headers=headers)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return _invalid(request, error)

    async def database_away(request: Request, error: Exception) -> JSONResponse:
        log.warning("the database does not answer", error=type(error).__name__)
        detail = "The database does not answer. Nothing was changed; try again."
        headers = {"Retry-After": RETRY_AFTER_SECONDS}
        return error_response(request_id_of(request), 503, "database_unavailable", detail, headers=headers)

    async def dagster_away(request: Request, error: Exception) -> JSONResponse:
        headers = {"Retry-After": RETRY_AFTER_SECONDS}
        code = "dagster_unavailable" if isinstance(error, DagsterUnreachable) else "dagster_refused"
        log.warning("Dagster did not do what was asked", error=str(error))
        return error_response(request_id_of(request), 503, code, f"{_sentence(str(error))}", headers=headers)

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(PoolTimeout, database_away)
    app.add_exception_handler(OperationalError, database_away)
    app.add_exception_handler(DatabaseError, database_away)
    app.add_exception_handler(DagsterError, dagster_away)


def request_id_of(request: Request) -> str:
    """The id that :class:`webhook_api.requests.RequestContext` gave this request."""
    return str(request.state.request_id)


def _methods(request: Request) -> list[str]:
    """All methods of a path: the router knows only those of the first of several routes that share it."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    for template, calls in paths.items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, request.url.path):
            return sorted(method.upper() for method in calls)
    return []


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = [
        FieldError(field=".".join(str(part) for part in problem["loc"]), message=str(problem["msg"]))
        for problem in error.errors()
    ]
    first = errors[0]
    detail = f"{first.field}: {first.message}"
    return error_response(request_id_of(request), 422, "invalid_request", detail, errors=errors)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
