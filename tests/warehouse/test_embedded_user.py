"""The user that root lends the embedded server: it gets what it needs to run, and not more."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from warehouse import embedded_user
from warehouse.embedded_user import EmbeddedServerError, ServerUser, server_user


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """``private/{pginstall/{bin/postgres,share/x.sql},home/postgres,other}``, closed to everybody but the owner."""
    private = tmp_path / "private"
    for directory in ("pginstall/bin", "pginstall/share", "home/postgres", "other"):
        (private / directory).mkdir(parents=True)
    (private / "pginstall/bin/postgres").write_text("")
    (private / "pginstall/bin/postgres").chmod(0o700)
    (private / "pginstall/share/x.sql").write_text("")
    for path in (private, *private.rglob("*")):
        path.chmod(mode(path) & 0o700)
    return private


def test_directories_on_the_way_can_be_passed_and_not_listed(tree: Path) -> None:
    ServerUser(65534, 65534).allow(tree / "home/postgres", tree / "pginstall")
    assert mode(tree) == 0o701
    assert mode(tree / "home") == 0o701


def test_binaries_can_be_read_and_run(tree: Path) -> None:
    ServerUser(65534, 65534).allow(tree / "home/postgres", tree / "pginstall")
    assert mode(tree / "pginstall/bin") == 0o705
    assert mode(tree / "pginstall/bin/postgres") == 0o705
    assert mode(tree / "pginstall/share/x.sql") == 0o604


def test_nothing_else_changes(tree: Path) -> None:
    ServerUser(65534, 65534).allow(tree / "home/postgres", tree / "pginstall")
    assert mode(tree / "home/postgres") == 0o700
    assert mode(tree / "other") == 0o700


def test_an_ordinary_user_changes_nothing(tree: Path) -> None:
    ServerUser().allow(tree / "home/postgres", tree / "pginstall")
    assert {mode(path) for path in tree.rglob("*") if path.is_dir()} == {0o700}


def test_no_way_to_make_a_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(embedded_user, "NAME", "b24-no-such-user")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EmbeddedServerError, match=r"no useradd.*set DATABASE_URL"):
        server_user()
