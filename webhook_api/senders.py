"""Which tokens prove that an event is the portal's: the configured one, and that of the installed application."""

from __future__ import annotations

import asyncio
import hmac
import time

import structlog

from bitrix.oauth import Tokens
from warehouse.application import SealedError, key, load_tokens
from warehouse.database import Database
from warehouse.settings import Settings

LOOK_SECONDS = 10.0
"""How often a token that is not known leads to another look: another process may have received the installation."""

log = structlog.get_logger(__name__)


def installed_tokens(settings: Settings, database: Database) -> Tokens | None:
    """The tokens of the installed application. Blocking. Raises ``SealedError``, ``DatabaseError``."""
    with database.connect("api") as connection:
        stored = load_tokens(connection, key(settings))
    return Tokens.from_json(stored) if stored else None


class Senders:
    """Knows the application tokens that events may carry."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._installed: bytes | None = None
        self._looked = float("-inf")

    def forget(self) -> None:
        """Look again at the next event: an application was just installed."""
        self._installed = None
        self._looked = float("-inf")

    async def any_known(self) -> bool:
        """Whether there is a token to compare with at all. Raises ``DatabaseError`` when that cannot be known."""
        return bool(self._configured() or await self._application(again=False))

    async def knows(self, token: str) -> bool:
        """Whether an event with this token is the portal's. Compares in constant time.

        Raises ``DatabaseError`` when that cannot be known: the event must be sent again, not taken for forged.
        """
        given = token.encode(errors="surrogatepass")
        configured = self._configured()
        if configured and hmac.compare_digest(given, configured):
            return True
        installed = await self._application(again=False)
        if not installed or not hmac.compare_digest(given, installed):
            installed = await self._application(again=True)
        return bool(installed) and hmac.compare_digest(given, installed or b"")

    def _configured(self) -> bytes:
        token = self._settings.bitrix_application_token
        return token.get_secret_value().encode() if token else b""

    async def _application(self, *, again: bool) -> bytes | None:
        if self._settings.bitrix_client_id is None:
            return None
        age = time.monotonic() - self._looked
        if age > LOOK_SECONDS and (again or self._installed is None):
            try:
                tokens = await asyncio.to_thread(installed_tokens, self._settings, self._database)
                self._installed = tokens.application_token.encode() if tokens else None
            except SealedError as error:
                log.warning("the installed application's token cannot be read", reason=str(error))
            self._looked = time.monotonic()
        return self._installed
