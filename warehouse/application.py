"""The tokens of the portal's application as the database keeps them: one row, encrypted."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from psycopg import Connection

from warehouse.settings import Settings

KEY_FILE = "encryption.key"


class SealedError(Exception):
    """The stored tokens cannot be read with this installation's key; the text says what to do."""


def key(settings: Settings) -> Fernet:
    """The key of this installation: made of ``ENCRYPTION_KEY``, which replicas on several machines share; without it
    ``<home>/encryption.key``, made at first use, for its owner alone.

    Raises :class:`SealedError` when the file can be neither read nor made.
    """
    if settings.encryption_key is not None:
        given = settings.encryption_key.get_secret_value().encode()
        return Fernet(base64.urlsafe_b64encode(hashlib.sha256(given).digest()))
    path = settings.b24_home / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        return Fernet(path.read_bytes().strip())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no key"
        raise SealedError(f"The key of the stored tokens, {path}, cannot be used ({reason}).") from None


def load_tokens(conn: Connection[Any], cipher: Fernet, *, for_update: bool = False) -> Mapping[str, str] | None:
    """The tokens of the installed application, or None. Raises :class:`SealedError`.

    ``for_update`` makes others that ask so wait until the caller's transaction ends.
    """
    query = "SELECT secrets FROM app.portal_application ORDER BY installed_at DESC LIMIT 1"
    row = conn.execute(query + " FOR UPDATE" if for_update else query).fetchone()
    if row is None:
        return None
    try:
        values: Mapping[str, str] = orjson.loads(cipher.decrypt(bytes(row[0])))
    except InvalidToken:
        raise SealedError(
            f"The application's tokens were encrypted with another key than ENCRYPTION_KEY or {KEY_FILE}. Install "
            "the application in Bitrix24 again."
        ) from None
    return values


def save_tokens(
    conn: Connection[Any], cipher: Fernet, *, member_id: str, domain: str, tokens: Mapping[str, str]
) -> None:
    """Keep tokens, in place of any others, in a transaction: an installation of this service copies one portal."""
    with conn.transaction():
        conn.execute("DELETE FROM app.portal_application WHERE member_id <> %s", (member_id,))
        conn.execute(
            """INSERT INTO app.portal_application (member_id, domain, secrets) VALUES (%s, %s, %s)
               ON CONFLICT (member_id) DO UPDATE SET domain = excluded.domain, secrets = excluded.secrets,
                   refreshed_at = now()""",
            (member_id, domain, cipher.encrypt(orjson.dumps(dict(tokens)))),
        )


def _make(path: Path) -> None:
    """Write a new key under another name, then link it into place: nobody ever reads half a key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(Fernet.generate_key())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return  # another process was quicker: its key is the one
    finally:
        draft.unlink()
