"""What the portal answers when it refuses: code, description and HTTP status.

Codes and statuses are from the Bitrix24 REST documentation, page "Error codes"; the empty code is what the classic
``crm.*`` methods give for all their own errors.
"""

from __future__ import annotations


class RestError(Exception):
    """An error envelope. Inside a batch it goes into ``result_error``, otherwise it is the answer."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(f"{code or 'error'}: {description}")
        self.code = code
        self.description = description
        self.status = status

    def envelope(self) -> dict[str, str]:
        """The body of the answer."""
        return {"error": self.code, "error_description": self.description}


def not_found() -> RestError:
    """A record that is not there, or that the caller may not see: the portal does not tell them apart."""
    return RestError("", "Not found")


def invalid_id() -> RestError:
    """``get``, ``update`` or ``delete`` without a positive id."""
    return RestError("", "ID is not defined or invalid.")


def must_be_array(parameter: str) -> RestError:
    """A parameter that should be a map or a list but is a scalar."""
    return RestError("", f"Parameter '{parameter}' must be array.")


def missing_parameter(name: str) -> RestError:
    """A required parameter is missing."""
    return RestError("100", f"Could not find value for parameter {{{name}}}")


def method_not_found() -> RestError:
    """No such method, or a URL without its secret."""
    return RestError("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)


def wrong_auth_type() -> RestError:
    """A method that only an application may call, called through a webhook."""
    return RestError("WRONG_AUTH_TYPE", "Current authorization type is denied for this method", 403)


def insufficient_scope() -> RestError:
    """The webhook was not given the scope that the method belongs to."""
    return RestError(
        "insufficient_scope", "The request requires higher privileges than provided by the webhook token", 403
    )


def operation_time_limit() -> RestError:
    """The method used up its operating time; other methods still work."""
    return RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", 429)


def query_limit_exceeded() -> RestError:
    """The leaky bucket is full."""
    return RestError("QUERY_LIMIT_EXCEEDED", "Too many requests", 503)
