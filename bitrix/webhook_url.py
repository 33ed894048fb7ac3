"""The incoming webhook's URL: read as people paste it, shown without its secret."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_SLASH = r"(?:/|\\/|%2F)"  # plain, escaped as PHP's JSON does, percent-encoded
_REST_PATH = re.compile(
    rf"({_SLASH}rest{_SLASH}(?:api{_SLASH})?\d+{_SLASH})(?:(?!%2F)[^/\s\"'?&#<>\\])+", re.IGNORECASE
)
_TOKEN = re.compile(
    r"((?:(?:(?<![a-z])|(?<=%[0-9a-f]{2}))auth|(?:access|refresh|application)_token|auth_id|refresh_id|sessid)"
    r"(?:\]|%5D|\\?[\"'])*\s*(?:=|:|%3D)\s*\\?[\"']?)([^&\s\"'<>,;{}\[\]\\]+)",
    re.IGNORECASE,
)
_PASTED_AROUND = " \t\r\n\v\f\"'`<>()«»“”„‘’,;\u00a0\ufeff\u200b"
_WEBHOOK_PATH = re.compile(r"^(?P<prefix>/.*?)?/rest/(?:api/)?(?P<user>[^/]+)(?:/(?P<secret>[^/]+))?(?:/.*)?$")

HIDDEN = "***"


class WebhookUrlError(ValueError):
    """The text is not an incoming webhook's URL. The message says what is wrong and never repeats the secret."""


def redact(text: str) -> str:
    """Hide webhook secrets (``/rest/<user>/<secret>/``) and token values (``auth=…``) that a text contains."""
    return _TOKEN.sub(rf"\g<1>{HIDDEN}", _REST_PATH.sub(rf"\g<1>{HIDDEN}", text))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine: the only place where plain HTTP shows nobody the secret."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WebhookUrl:
    """Address and credential of an incoming webhook.

    ``str`` and ``repr`` hide the secret; only :meth:`reveal` gives it, for the client that sends requests.
    """

    __slots__ = ("_secret", "origin", "prefix", "user_id")

    def __init__(self, origin: str, user_id: int, secret: str, prefix: str = "") -> None:
        self.origin = origin
        self.user_id = user_id
        self.prefix = prefix
        self._secret = secret

    @classmethod
    def parse(cls, text: str) -> WebhookUrl:
        """Read what a person pasted: any slashes, a method glued on, quotes and spaces around, own domain and port.

        Raises :class:`WebhookUrlError` with a line for the user.
        """
        cleaned = text.strip(_PASTED_AROUND)
        if not cleaned:
            raise WebhookUrlError("The webhook URL is empty. Create an incoming webhook in Bitrix24 and copy its URL.")
        if "://" not in cleaned:
            cleaned = f"https://{cleaned.lstrip('/')}"
        try:
            parts = urlsplit(cleaned)
            host, port = parts.hostname or "", parts.port
        except ValueError:  # the parser's own text may repeat the input
            raise WebhookUrlError("The webhook URL has no valid host and port.") from None
        _check_address(parts.scheme.lower(), host, credentials="@" in parts.netloc)
        path = re.sub(r"/{2,}", "/", parts.path)
        shown = f"[{host}]" if ":" in host else host
        user, secret, prefix = _check_path(path, shown)
        origin = f"{parts.scheme.lower()}://{shown}" + (f":{port}" if port is not None else "")
        return cls(origin, user, secret, prefix)

    @property
    def host(self) -> str:
        """Host name, with the port where there is one."""
        return self.origin.partition("://")[2]

    def moved(self, origin: str, path: str, method: str) -> WebhookUrl | None:
        """The same webhook where a renamed portal redirects a method to: another origin, or a folder before ``/rest/``.

        ``path`` is that of the redirect. None if it is not this webhook's path.
        """
        own = f"/rest/{self.user_id}/{self._secret}/{method}"
        if not path.endswith(own):
            return None
        return WebhookUrl(origin, self.user_id, self._secret, path.removesuffix(own))

    def reveal(self, method: str = "") -> str:
        """The real URL of a method, with the secret. For sending only: never log or store it."""
        return f"{self.origin}{self.prefix}/rest/{self.user_id}/{self._secret}/{method}"

    def redact(self, text: str) -> str:
        """Hide this webhook's secret wherever it stands in a text, and everything that :func:`redact` hides."""
        return redact(text.replace(self._secret, HIDDEN))

    def __str__(self) -> str:
        return f"{self.origin}{self.prefix}/rest/{self.user_id}/{HIDDEN}/"

    def __repr__(self) -> str:
        return f"WebhookUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebhookUrl) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())


def _check_address(scheme: str, host: str, *, credentials: bool) -> None:
    if not host:
        raise WebhookUrlError(
            "The webhook URL has no host. It looks like https://<portal>.bitrix24.ru/rest/1/<secret>/."
        )
    if credentials:
        raise WebhookUrlError(f"The webhook URL of {host} must not hold a user name or password before the host.")
    if scheme == "http" and not is_loopback(host):
        raise WebhookUrlError(
            f"HTTPS only: over http the secret of {host}'s webhook can be read on its way. Use https://."
        )
    if scheme not in ("http", "https"):
        raise WebhookUrlError(f"The webhook URL of {host} must begin with https://.")


def _check_path(path: str, host: str) -> tuple[int, str, str]:
    match = _WEBHOOK_PATH.match(path)
    shape = (
        f"It looks like https://{host}/rest/1/<secret>/: copy it from Developer resources > Other > Incoming webhook."
    )
    if not match:
        raise WebhookUrlError(f"The address of {host} is not an incoming webhook's URL: it has no /rest/ part. {shape}")
    user, secret = match["user"], match["secret"]
    if not (user.isascii() and user.isdigit() and len(user) < 19):
        raise WebhookUrlError(f"The webhook URL of {host} has no user number after /rest/. {shape}")
    if not secret or "." in secret:  # a method name where the secret belongs
        raise WebhookUrlError(f"The webhook URL of {host} has no secret after the user number. {shape}")
    return int(user), secret, match["prefix"] or ""
