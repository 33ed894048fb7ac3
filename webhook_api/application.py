"""Calls in the name of the installed application. Its tokens are renewed here, by one caller at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from bitrix.client import MAX_BATCH, split_batch
from bitrix.command import Command, command_key
from bitrix.decode import Response
from bitrix.errors import BitrixError
from bitrix.oauth import Application, Tokens, call, has_ended, renew
from warehouse.application import SealedError, key, load_tokens, save_tokens
from warehouse.database import Database
from warehouse.settings import Settings
from webhook_api.errors import ApiError

TIMEOUT_SECONDS = 20.0


def configured_application(settings: Settings) -> Application:
    """The application's credentials. Raises ``ApiError`` 409 when they are not set."""
    if not settings.bitrix_client_id or settings.bitrix_client_secret is None:
        detail = "Set BITRIX_CLIENT_ID and BITRIX_CLIENT_SECRET to those of the local application, then restart."
        raise ApiError(409, "no_application", detail)
    return Application(settings.bitrix_client_id, settings.bitrix_client_secret.get_secret_value())


def http_client() -> httpx.AsyncClient:
    """For the portal and its token server."""
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers={"User-Agent": "bitrix-to-postgres"})


def keep_installed(settings: Settings, database: Database, tokens: Tokens) -> None:
    """Keep the tokens of an installation that was checked. Blocking. Raises ``DatabaseError``, ``SealedError``."""
    cipher = key(settings)
    with database.connect("api") as conn:
        save_tokens(conn, cipher, member_id=tokens.member_id, domain=tokens.domain, tokens=tokens.to_json())


class InstalledApplication:
    """The application as the portal has installed it. Raises ``ApiError`` 409 where it is not."""

    def __init__(self, settings: Settings, database: Database, http: httpx.AsyncClient) -> None:
        self._settings = settings
        self._database = database
        self._application = configured_application(settings)
        self._http = http

    async def call(self, method: str, params: Mapping[str, Any]) -> Response:
        """Call a method; tokens that have ended are renewed first. Raises :class:`~bitrix.errors.BitrixError`."""
        tokens = await asyncio.to_thread(self._fresh, None)
        try:
            return await call(self._http, tokens, method, params)
        except BitrixError as error:
            if not has_ended(error):
                raise
        return await call(self._http, await asyncio.to_thread(self._fresh, tokens), method, params)

    async def batch(self, commands: Sequence[Command]) -> list[Response | BitrixError]:
        """Run commands, fifty in a request: the portal counts those. Raises only when a request fails as a whole."""
        results: list[Response | BitrixError] = []
        for first in range(0, len(commands), MAX_BATCH):
            part = commands[first : first + MAX_BATCH]
            encoded = {command_key(index): command.encode() for index, command in enumerate(part)}
            results += split_batch(part, await self.call("batch", {"halt": 0, "cmd": encoded}))
        return results

    def _fresh(self, ended: Tokens | None) -> Tokens:
        """The stored tokens, renewed if they end soon or are those that have ``ended``.

        The row stays locked meanwhile: a refresh token works once, and others may renew at the same moment.
        """
        try:
            cipher = key(self._settings)
            with self._database.connect("api") as conn:
                stored = load_tokens(conn, cipher, for_update=True)
                if stored is None:
                    detail = "The application is configured but not installed: install it in the portal."
                    raise ApiError(409, "not_installed", detail)
                tokens = Tokens.from_json(stored)
                if tokens.stale or (ended is not None and tokens.access_token == ended.access_token):
                    tokens = asyncio.run(self._renewed(tokens))
                    save_tokens(conn, cipher, member_id=tokens.member_id, domain=tokens.domain, tokens=tokens.to_json())
                return tokens
        except SealedError as error:
            raise ApiError(409, "install_again", str(error)) from None

    async def _renewed(self, tokens: Tokens) -> Tokens:
        async with http_client() as http:  # of its own: this runs in a thread's own loop
            return await renew(http, self._application, tokens)
