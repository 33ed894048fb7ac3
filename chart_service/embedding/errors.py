"""Errors of the routes that have Superset's shapes: ours, and Superset's ``message`` beside them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from webhook_api.errors import ApiError, ErrorBody, request_id_of


class SupersetError(ApiError):
    """An error of a route that hosts call as they would call Superset: they look for ``message``."""

    @classmethod
    def of(cls, error: ApiError) -> SupersetError:
        """The same error in this shape."""
        return cls(error.status, error.code, str(error), error.headers)


def bad_token() -> ApiError:
    """The guest token cannot be used."""
    return ApiError(401, "bad_guest_token", "The guest token is not valid here. The host gets a new one.")


def unauthorized(detail: str, headers: Mapping[str, str] | None = None) -> SupersetError:
    """Whoever calls has not said who they are."""
    return SupersetError(401, "not_authorized", detail, {"WWW-Authenticate": "Bearer", **(headers or {})})


def add_superset_errors(app: FastAPI) -> None:
    """Answer ``SupersetError`` with ``message`` beside the one error shape."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, SupersetError)  # noqa: S101  the registration below promises it to the type checker
        body = ErrorBody(detail=str(error), code=error.code, request_id=request_id_of(request))
        return JSONResponse({**body.model_dump(), "message": str(error)}, error.status, headers=error.headers)

    app.add_exception_handler(SupersetError, answer)
