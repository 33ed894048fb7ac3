"""A local application of the portal: its tokens, their renewal, calls in its name.

Only an application may bind events; an incoming webhook may not. Addresses, parameters and lifetimes are those of the
Bitrix24 REST documentation, section "OAuth 2.0": access tokens live an hour, and every renewal gives a new pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from bitrix.decode import Response, as_int, decode_json, parse_answer
from bitrix.errors import BitrixError, MalformedAnswerError, TemporaryError, UnreachableError
from bitrix.webhook_url import is_loopback

TOKEN_SERVERS = ("oauth.bitrix.info", "oauth.bitrix24.tech")
"""Bitrix24's own, the first for installations that name none. The client's secret goes nowhere else."""

EARLY = timedelta(minutes=2)
"""A token that ends this soon is renewed before it is used."""

_TOKEN_METHOD = "oauth/token"  # noqa: S105  the name of an address


class ApplicationError(BitrixError):
    """The application's tokens, or its client id and secret, are not accepted."""

    advice = "Check BITRIX_CLIENT_ID and BITRIX_CLIENT_SECRET, and install the application in Bitrix24 again."


@dataclass(frozen=True, slots=True)
class Application:
    """The credentials of a local application."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an installed application may use. ``client_endpoint`` is ``https://<portal>/rest/``.

    ``application_token`` stays the same and comes with every event that the application is sent.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    member_id: str
    client_endpoint: str
    token_server: str
    application_token: str = field(default="", repr=False)

    @classmethod
    def of_installation(cls, auth: Mapping[str, Any]) -> Tokens:
        """Read the ``auth`` block of ONAPPINSTALL. It proves nothing before :func:`renew` took it.

        Raises ``ValueError`` that names what is missing or wrong.
        """
        names = ("access_token", "refresh_token", "member_id", "client_endpoint", "application_token")
        texts = {name: auth.get(name) for name in names}
        if missing := [name for name, text in texts.items() if not (isinstance(text, str) and text)]:
            raise ValueError(f"The installation lacks {', '.join(missing)}.")
        endpoint = _checked_endpoint(str(texts["client_endpoint"]))
        return cls(
            access_token=str(texts["access_token"]),
            refresh_token=str(texts["refresh_token"]),
            expires_at=_expiry(auth.get("expires_in")),
            member_id=str(texts["member_id"]),
            client_endpoint=endpoint,
            token_server=_token_server(str(auth.get("server_endpoint") or ""), endpoint),
            application_token=str(texts["application_token"]),
        )

    @property
    def domain(self) -> str:
        """The portal's host, with its port where it has one."""
        return urlsplit(self.client_endpoint).netloc.lower()

    @property
    def stale(self) -> bool:
        """Whether the access token has ended or ends within :data:`EARLY`."""
        return self.expires_at - EARLY <= datetime.now(UTC)

    def to_json(self) -> dict[str, str]:
        """Everything as text, secrets included: to be encrypted."""
        return {**asdict(self), "expires_at": self.expires_at.isoformat()}

    @classmethod
    def from_json(cls, values: Mapping[str, str]) -> Tokens:
        """What :meth:`to_json` wrote."""
        return cls(**{**values, "expires_at": datetime.fromisoformat(values["expires_at"])})  # type: ignore[arg-type]


async def renew(http: httpx.AsyncClient, application: Application, tokens: Tokens) -> Tokens:
    """New tokens for old ones, whose refresh token must not be used again.

    That they are renewed proves that they belong to this application on the portal that the answer names. Raises
    :class:`ApplicationError` when they are refused or are another portal's, another
    :class:`~bitrix.errors.BitrixError` when the token server does not answer.
    """
    form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token, **_credentials(application)}
    answer = await _post(http, _TOKEN_METHOD, f"{tokens.token_server}/oauth/token/", data=form)
    if answer.status_code >= 500:
        raise TemporaryError(_TOKEN_METHOD, "the token server failed", answer.status_code)
    values = _json_object(answer)
    if "error" in values or answer.status_code != httpx.codes.OK:
        code = str(values.get("error") or "")[:40]
        raise ApplicationError(_TOKEN_METHOD, "the token server refuses", answer.status_code, code)
    access, refresh = values.get("access_token"), values.get("refresh_token")
    if not (isinstance(access, str) and access and isinstance(refresh, str) and refresh):
        raise MalformedAnswerError(_TOKEN_METHOD, "the token server's answer lacks a token", answer.status_code)
    renewed = replace(tokens, access_token=access, refresh_token=refresh, expires_at=_expiry(values.get("expires_in")))
    named = (str(values.get("member_id")), urlsplit(str(values.get("client_endpoint"))).netloc.lower())
    if named != (tokens.member_id, tokens.domain):
        raise ApplicationError(_TOKEN_METHOD, "the tokens belong to another portal than the installation says")
    return renewed


async def call(http: httpx.AsyncClient, tokens: Tokens, method: str, params: Mapping[str, Any]) -> Response:
    """Call one method in the application's name. Raises a :class:`~bitrix.errors.BitrixError`; tries once."""
    body = {**params, "auth": tokens.access_token}
    answer = await _post(http, method, f"{tokens.client_endpoint}{method}.json", json=body)
    try:
        return parse_answer(method, answer.status_code, answer.content)
    except BitrixError as error:
        error.detail = error.detail.replace(tokens.access_token, "***")
        error.args = (error.method, error.detail, error.status, error.code)
        raise


def has_ended(error: BitrixError) -> bool:
    """Whether a call failed for its access token alone, which a renewal mends."""
    return (error.code or "").lower() in ("expired_token", "invalid_token")


def _credentials(application: Application) -> dict[str, str]:
    return {"client_id": application.client_id, "client_secret": application.client_secret}


async def _post(http: httpx.AsyncClient, method: str, url: str, **body: Any) -> httpx.Response:
    try:
        return await http.post(url, **body)
    except httpx.HTTPError as error:
        failure = type(error).__name__
    # Outside the handler: the exception holds the request, and the request holds the secrets.
    raise UnreachableError(method, f"{urlsplit(url).netloc} does not answer ({failure})")


def _token_server(named: str, client_endpoint: str) -> str:
    """Where the tokens are renewed. Anybody may post an installation, and whoever it names is shown the client's
    secret: so that is one of Bitrix24's own servers, or this machine for a portal on this machine."""
    parts, portal = urlsplit(named), urlsplit(client_endpoint)
    if is_loopback(portal.hostname or "") and parts.netloc == portal.netloc:
        return f"{parts.scheme}://{parts.netloc}"
    host = parts.hostname or ""
    return f"https://{host if host in TOKEN_SERVERS else TOKEN_SERVERS[0]}"


def _checked_endpoint(text: str) -> str:
    parts = urlsplit(text)
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not secure or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("The installation names no portal: client_endpoint must be like https://portal/rest/.")
    return f"{text.rstrip('/')}/"


def _json_object(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        value = decode_json(answer.content)
    except ValueError:
        value = None
    return value if isinstance(value, Mapping) else {}


def _expiry(seconds: Any) -> datetime:
    """``expires_in`` as an instant; what is no sensible number counts as ended, so that it is renewed."""
    lifetime = as_int(seconds) or 0
    return datetime.now(UTC) + timedelta(seconds=min(max(lifetime, 0), 86_400))
