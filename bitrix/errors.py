"""What can go wrong when a portal is asked, as classes: each knows its retry policy and tells the user what to do.

Codes and statuses are those of the Bitrix24 REST documentation, page "Error codes", and the methods' own pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is sent in all, and the seconds in between: ``first``, doubling up to ``most``."""

    attempts: int
    first: float
    most: float


class BitrixError(Exception):
    """The portal refused or failed. ``method`` was asked; ``detail`` says what happened; the text ends with advice.

    ``status`` is the HTTP status (None inside a batch), ``code`` the portal's error code ("" is a real one).
    """

    retry: ClassVar[RetryPolicy | None] = None
    """None: asking again cannot help."""
    advice: ClassVar[str] = ""

    def __init__(self, method: str, detail: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(method, detail, status, code)  # all of them, so that the exception can be pickled
        self.method = method
        self.detail = detail
        self.status = status
        self.code = code

    @property
    def too_much(self) -> bool:
        """Whether the portal may manage to answer when it is asked for less at once."""
        return isinstance(self, AnswerTimeoutError | MalformedAnswerError) or self.status == 500

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"HTTP {self.status}" if self.status else "", self.code or "") if part)
        text = f"{self.method}: {self.detail.rstrip('.')}" + (f" ({where})" if where else "") + "."
        return f"{text} {self.advice}" if self.advice else text


class TemporaryError(BitrixError):
    """The portal or the network failed in a way that passes by itself."""

    retry: ClassVar[RetryPolicy | None] = RetryPolicy(attempts=6, first=1, most=30)
    advice = "The portal had a temporary failure; run the sync again later if it lasts."


class UnreachableError(TemporaryError):
    """No connection to the portal, or it broke before an answer came."""

    retry = RetryPolicy(attempts=5, first=1, most=15)
    advice = "Check the portal's address and this machine's network."


class AnswerTimeoutError(TemporaryError):
    """No answer in time."""

    retry = RetryPolicy(attempts=2, first=2, most=15)
    advice = "The portal is slow: lower SYNC_BATCH_SIZE if this goes on."


class CertificateError(BitrixError):
    """The portal's TLS certificate is not valid for this machine."""

    advice = "Check the portal's address and certificate, and that this machine trusts its issuer."


class RateLimitError(TemporaryError):
    """The portal's request bucket is full."""

    retry = RetryPolicy(attempts=10, first=1, most=20)
    advice = "Something else on this network also calls the portal; run the sync again later."


class OperatingLimitError(TemporaryError):
    """A method used up its operating seconds; it works again after ``reset_at`` (Unix seconds), others go on."""

    # A rest without a known end is a minute, the window ten.
    retry: ClassVar[RetryPolicy | None] = RetryPolicy(attempts=12, first=5, most=60)
    advice = "The portal rests this method for up to ten minutes; the sync goes on from where it stopped."
    reset_at: float | None = None


class LongRestError(OperatingLimitError):
    """A method rests for longer than a sync waits. Nothing was sent."""

    retry = None
    advice = "Its operating seconds are used up. Run the sync again after that: it goes on from where it stopped."


class BlockedError(BitrixError):
    """Bitrix24's support has blocked the portal's REST for overload."""

    advice = "Bitrix24 has blocked REST on this portal by hand: stop the sync and write to its support."


class AuthError(BitrixError):
    """The webhook is wrong, expired or removed."""

    advice = "Check the webhook URL: create a new incoming webhook in Bitrix24 if this one was changed or removed."


class ScopeError(BitrixError):
    """The webhook lacks a permission group (scope)."""

    advice = "Edit the incoming webhook in Bitrix24 and add the missing permission: CRM, Users or Company structure."


class AccessDeniedError(BitrixError):
    """The webhook's owner, or the portal's plan, may not do this."""

    advice = "Use a webhook of an administrator, and check that the portal's plan includes REST."


class PortalUnavailableError(BitrixError):
    """The portal was deleted, closed, or its subscription has ended."""

    advice = "Open the portal in a browser: it may be closed, renamed, or its subscription may have ended."


class NotFoundError(BitrixError):
    """The record does not exist, or the webhook's owner may not see it."""


class MethodNotFoundError(BitrixError):
    """The portal does not know the method."""

    advice = "Check that the webhook URL is complete; an on-premise portal may need an update."


class InvalidRequestError(BitrixError):
    """The portal did not accept the request's parameters."""


class MalformedAnswerError(BitrixError):
    """The answer is not what the method promises: not JSON, cut off, or rows that were not asked for."""

    retry: ClassVar[RetryPolicy | None] = RetryPolicy(attempts=4, first=1, most=10)
    advice = "Nothing of this answer was kept. If it goes on, check in a browser what the portal answers."


class WrongRowsError(MalformedAnswerError):
    """Well-formed rows that break the request's own filter or order: keeping them would corrupt the copy."""

    retry = None
    advice = "The portal ignored a filter or an order; nothing of this answer was kept."


_BY_CODE: Mapping[str, type[BitrixError]] = {
    "QUERY_LIMIT_EXCEEDED": RateLimitError,
    "OPERATION_TIME_LIMIT": OperatingLimitError,
    "OVERLOAD_LIMIT": BlockedError,
    "INTERNAL_SERVER_ERROR": TemporaryError,
    "ERROR_UNEXPECTED_ANSWER": TemporaryError,
    "NO_AUTH_FOUND": AuthError,
    "INVALID_CREDENTIALS": AuthError,
    "EXPIRED_TOKEN": AuthError,
    "INVALID_TOKEN": AuthError,
    "AUTHORIZATION_ERROR": AuthError,
    "WRONG_AUTH_TYPE": AuthError,
    "INSUFFICIENT_SCOPE": ScopeError,
    "INVALID_SCOPE": ScopeError,
    "ACCESS_DENIED": AccessDeniedError,
    "USER_ACCESS_ERROR": AccessDeniedError,
    "ALLOWED_ONLY_INTRANET_USER": AccessDeniedError,
    "METHOD_CONFIRM_WAITING": AccessDeniedError,
    "METHOD_CONFIRM_DENIED": AccessDeniedError,
    "PAYMENT_REQUIRED": PortalUnavailableError,
    "PORTAL_DELETED": PortalUnavailableError,
    "NOT_FOUND": NotFoundError,
    "ERROR_NOT_FOUND": NotFoundError,
    "ERROR_METHOD_NOT_FOUND": MethodNotFoundError,
    "WRONG_ENCODING": MalformedAnswerError,
}

_BY_STATUS: Mapping[int, type[BitrixError]] = {
    401: AuthError,
    402: PortalUnavailableError,
    403: AccessDeniedError,
    404: PortalUnavailableError,
    408: TemporaryError,
    410: PortalUnavailableError,
    429: OperatingLimitError,
    500: TemporaryError,
    502: TemporaryError,
    503: TemporaryError,
    504: AnswerTimeoutError,
}

# Classic crm.* methods answer business errors with an empty code: only the text tells them apart.
_BY_TEXT: tuple[tuple[re.Pattern[str], type[BitrixError]], ...] = (
    (re.compile(r"not found|не найден", re.IGNORECASE), NotFoundError),
    (re.compile(r"access denied|доступ", re.IGNORECASE), AccessDeniedError),
)
_NAMELESS = frozenset({"", "0"})


def error_class(status: int | None, code: str | None, text: str = "") -> type[BitrixError]:
    """The class for an error answer. ``code`` is None when the body was no error envelope at all."""
    if code is not None:
        known = _BY_CODE.get(code.upper())
        if known:
            return known
        if code in _NAMELESS:
            for pattern, by_text in _BY_TEXT:
                if pattern.search(text):
                    return by_text
    if status is not None and status in _BY_STATUS and not (code is not None and status == 404):
        return _BY_STATUS[status]
    if status is not None and status >= 500:
        return TemporaryError
    return InvalidRequestError if code is not None else MalformedAnswerError
