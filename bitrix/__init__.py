"""Speaks to a Bitrix24 portal: calls, limits, walks over lists, field descriptors.

======================================================  ==========================================================
``webhook_url.WebhookUrl.parse(text)``                  the credential, shown without its secret
``client.PortalClient(url)``                            ``call``, ``batch``, ``call_many`` within the portal's limits
``walk.walk(client, entity)``                           every row, in slices, with the id ranges they complete
``changes.walk_changes(client, entity, ...)``           rows modified since a moment or created above an id
``changes.by_ids(client, entity, ids)``                 rows named by id
``snapshot.snapshot(client, entity)``                   a small list whole
``describe.describe(client, entities)``                 the portal's own field lists
``entities``                                            what there is to read: one registry row for each entity
======================================================  ==========================================================

Every failure is an ``errors.BitrixError`` whose text says what to do and holds no secret. Classes are re-exported
here; functions are imported from their modules, some of which bear their names.
"""

from bitrix.client import PortalClient
from bitrix.command import Command, Ref
from bitrix.decode import Response, Timing
from bitrix.entities import BY_NAME, ENTITIES, Entity, Walk, entity_named
from bitrix.errors import BitrixError
from bitrix.fields import Field, Option
from bitrix.limits import LeakyBucket, OperatingBudget, RateBucket
from bitrix.walk import RowWalk, Slice
from bitrix.webhook_url import WebhookUrl, WebhookUrlError, redact

__all__ = [
    "BY_NAME",
    "ENTITIES",
    "BitrixError",
    "Command",
    "Entity",
    "Field",
    "LeakyBucket",
    "OperatingBudget",
    "Option",
    "PortalClient",
    "RateBucket",
    "Ref",
    "Response",
    "RowWalk",
    "Slice",
    "Timing",
    "Walk",
    "WebhookUrl",
    "WebhookUrlError",
    "entity_named",
    "redact",
]
