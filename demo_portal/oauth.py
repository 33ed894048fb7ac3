"""Local applications of the simulated portal: installing one, and the server that renews its tokens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from demo_portal.portal import Portal

EXPIRES_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Installation:
    """One installed application. Its application token stays, the other tokens are renewed."""

    client_id: str
    client_secret: str
    application_token: str


class OAuthServer:
    """Hands out tokens, each refresh token once, as the real one does."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._refresh: dict[str, Installation] = {}
        self._count = 0

    def install(self, client_id: str, client_secret: str) -> dict[str, str]:
        """Install an application; answers the ``auth`` block that its handler is posted with ONAPPINSTALL."""
        with self._portal.lock:
            installation = Installation(client_id, client_secret, self._new("application"))
            return {**self._tokens(installation), "application_token": installation.application_token}

    def renew(self, params: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Answer ``/oauth/token/``: status and body."""
        with self._portal.lock:
            if params.get("grant_type") != "refresh_token":
                return 400, {"error": "invalid_request", "error_description": "grant_type must be refresh_token"}
            found = self._refresh.get(str(params.get("refresh_token")))
            if found is None:
                return 400, {"error": "invalid_grant", "error_description": "refresh token is not known or was used"}
            given = (str(params.get("client_id")), str(params.get("client_secret")))
            if not hmac.compare_digest("\0".join(given), f"{found.client_id}\0{found.client_secret}"):
                return 401, {"error": "invalid_client", "error_description": "client id or secret is wrong"}
            del self._refresh[str(params["refresh_token"])]
            return 200, dict(self._tokens(found))

    def _tokens(self, installation: Installation) -> dict[str, str]:
        access, refresh = self._new("access"), self._new("refresh")
        self._refresh[refresh] = installation
        self._portal.register_application(access, installation.application_token)
        events = self._portal.events
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": str(EXPIRES_SECONDS),
            "scope": "crm",
            "domain": events.domain,
            "client_endpoint": f"{events.scheme}://{events.domain}/rest/",
            "server_endpoint": f"{events.scheme}://{events.domain}/rest/",
            "member_id": hashlib.md5(events.domain.encode(), usedforsecurity=False).hexdigest(),
            "status": "L",
        }

    def _new(self, kind: str) -> str:
        self._count += 1
        return hashlib.sha256(f"{kind} {self._portal.secret} {self._count}".encode()).hexdigest()[:32]
