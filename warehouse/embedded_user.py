"""Who the embedded server runs as. PostgreSQL refuses to run as root, so root lends it a user without any rights."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import structlog

NAME = "b24-postgres"

log = structlog.get_logger(__name__)


class EmbeddedServerError(Exception):
    """The embedded server cannot be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """``uid`` and ``gid`` to run as; both None: as the user that is running."""

    uid: int | None = None
    gid: int | None = None

    def own(self, *paths: Path) -> None:
        """Hand over these files or directories (not what is inside)."""
        if self.uid is not None and self.gid is not None:
            for path in paths:
                os.chown(path, self.uid, self.gid)

    def allow(self, data: Path, *trees: Path) -> None:
        """Let this user reach ``data``, and read and run what is in ``trees``, changing as little as possible.

        Directories on the way get the right to be passed through (``o+x``), never to be listed.
        """
        if self.uid is None:
            return
        _add(data.parent, stat.S_IXOTH, quiet=True)  # the installation's own directory
        for path in sorted({parent for each in (data, *trees) for parent in each.parents}):
            _add(path, stat.S_IXOTH)
        for path in itertools.chain(trees, *(tree.rglob("*") for tree in trees)):
            mode = path.stat().st_mode
            runs = stat.S_ISDIR(mode) or mode & stat.S_IXUSR
            _add(path, stat.S_IROTH | (stat.S_IXOTH if runs else 0), quiet=True)


def server_user() -> ServerUser:
    """The user for the server: the present one, or for root the system user ``b24-postgres``, created when missing.

    Raises ``EmbeddedServerError``.
    """
    if os.geteuid() != 0:
        return ServerUser()
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _create()
        entry = pwd.getpwnam(NAME)
    return ServerUser(entry.pw_uid, entry.pw_gid)


def _create() -> None:
    advice = f"create the user {NAME} yourself, work as an ordinary user, or set DATABASE_URL"
    if shutil.which("useradd") is None:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root and there is no useradd to make a user for it: {advice}"
        )
    argv = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    result = subprocess.run(
        [*argv, "--shell", "/usr/sbin/nologin", "--comment", "embedded PostgreSQL of b24", NAME],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root and useradd could not make a user for it "
            f"({result.stderr.strip()}): {advice}"
        )
    log.warning("created a system user for the embedded PostgreSQL, which does not run as root", user=NAME)


def _add(path: Path, bits: int, *, quiet: bool = False) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & bits != bits:
        path.chmod(mode | bits)
        if not quiet:
            log.warning("let other users pass through a directory, for the embedded PostgreSQL", path=str(path))
