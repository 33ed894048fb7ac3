"""Passwords of links, as they are kept: scrypt with a salt of their own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1
"""16 MB and some 40 ms for each try."""


def hashed(password: str) -> str:
    """The text to keep. Takes some 40 ms of a processor."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_digest(password, salt, _N, _R, _P))}"


def fits(password: str, kept: str) -> bool:
    """Whether this is the password. Takes some 40 ms of a processor."""
    _, n, r, p, salt, digest = kept.split("$")
    found = _digest(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(errors="surrogatepass"), salt=salt, n=n, r=r, p=p)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
