"""The stored tokens of the portal's application: readable by every replica that has the key, by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from warehouse.application import KEY_FILE, SealedError, key, load_tokens, save_tokens
from warehouse.database import Database
from warehouse.settings import Settings, load_settings

TOKENS = {"access_token": "hunter2"}


def at(home: Path, secret: str | None = None) -> Settings:
    return load_settings(b24_home=home, encryption_key=secret)


def kept(database: Database, writes: Settings, reads: Settings) -> object:
    with database.connect("test") as conn:
        save_tokens(conn, key(writes), member_id="m", domain="d", tokens=TOKENS)
        stored = conn.execute("SELECT secrets FROM app.portal_application").fetchone()
        assert stored is not None
        assert b"hunter2" not in bytes(stored[0])
        return load_tokens(conn, key(reads))


def test_replicas_with_one_key_read_what_any_of_them_wrote(database: Database, tmp_path: Path) -> None:
    secret = "a key that all replicas share, long enough"
    assert kept(database, at(tmp_path / "a", secret), at(tmp_path / "b", secret)) == TOKENS
    assert not (tmp_path / "a").exists()


def test_without_one_the_key_is_in_a_file_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    assert kept(database, at(tmp_path), at(tmp_path)) == TOKENS
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0


def test_another_key_reads_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SealedError, match="ENCRYPTION_KEY"):
        kept(database, at(tmp_path / "a"), at(tmp_path / "b"))
