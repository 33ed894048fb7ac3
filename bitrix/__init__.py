"""Speaks to a Bitrix24 portal: calls, limits, walks over lists, field descriptors.

==========================================  ==========================================================
``WebhookUrl.parse(text)``                  the credential, shown without its secret
``PortalClient(url)``                       ``call``, ``batch``, ``call_many`` within the portal's limits
``walk(client, entity)``                    every row, in slices, with the id ranges they complete
``walk_changes(client, entity, ...)``       rows modified since a moment or created above an id
``by_ids(client, entity, ids)``             rows named by id
``snapshot(client, entity)``                a small list whole
``describe(client, entities)``              the portal's own field lists
==========================================  ==========================================================

Every failure is a ``BitrixError`` whose text says what to do and holds no secret.
"""

from bitrix.changes import by_ids, walk_changes
from bitrix.client import PortalClient
from bitrix.command import Command, Ref
from bitrix.decode import Response, Timing
from bitrix.describe import describe, fields
from bitrix.entities import BY_NAME, ENTITIES, Entity, Walk, entity_named
from bitrix.errors import (
    AccessDeniedError,
    AnswerTimeoutError,
    AuthError,
    BitrixError,
    BlockedError,
    CertificateError,
    InvalidRequestError,
    MalformedAnswerError,
    MethodNotFoundError,
    NotFoundError,
    OperatingLimitError,
    PortalUnavailableError,
    RateLimitError,
    RetryPolicy,
    ScopeError,
    TemporaryError,
    UnreachableError,
    WrongRowsError,
)
from bitrix.fields import Field, Option
from bitrix.limits import LeakyBucket, OperatingBudget, RateBucket
from bitrix.listing import Row
from bitrix.snapshot import portal_clock, snapshot
from bitrix.walk import Reading, Slice, walk
from bitrix.webhook_url import WebhookUrl, WebhookUrlError, redact

__all__ = [
    "BY_NAME",
    "ENTITIES",
    "AccessDeniedError",
    "AnswerTimeoutError",
    "AuthError",
    "BitrixError",
    "BlockedError",
    "CertificateError",
    "Command",
    "Entity",
    "Field",
    "InvalidRequestError",
    "LeakyBucket",
    "MalformedAnswerError",
    "MethodNotFoundError",
    "NotFoundError",
    "OperatingBudget",
    "OperatingLimitError",
    "Option",
    "PortalClient",
    "PortalUnavailableError",
    "RateBucket",
    "RateLimitError",
    "Reading",
    "Ref",
    "Response",
    "RetryPolicy",
    "Row",
    "ScopeError",
    "Slice",
    "TemporaryError",
    "Timing",
    "UnreachableError",
    "Walk",
    "WebhookUrl",
    "WebhookUrlError",
    "WrongRowsError",
    "by_ids",
    "describe",
    "entity_named",
    "fields",
    "portal_clock",
    "redact",
    "snapshot",
    "walk",
    "walk_changes",
]
