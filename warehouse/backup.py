"""A database in a file and back, with PostgreSQL's own ``pg_dump`` and ``pg_restore``."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from warehouse.database import Database
from warehouse.migrate import upgrade
from warehouse.reader_role import open_crm_alone

SCHEMAS = ("app", "bitrix", "crm", "dagster")


class BackupError(Exception):
    """The file could not be written or read; the text says what to do."""


def dump(database: Database, path: Path) -> int:
    """Write our schemas as they are at one moment, whoever works on. Returns the file's bytes.

    The file appears when it is complete, for its owner alone: it holds the company's records and the tokens of the
    application (encrypted). Owners and rights are left out: the server that it goes to has other logins. Raises
    ``BackupError``, and ``DatabaseError`` where the database does not answer.
    """
    if path.exists():
        raise BackupError(f"{path} exists already. Name another file.")
    if not _present(database):
        raise BackupError(f"{database.address} holds nothing of ours yet. Run b24 sync, or set DATABASE_URL.")
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        schemas = [f"--schema={schema}" for schema in SCHEMAS]
        _run("pg_dump", database, ["--format=custom", "--no-owner", "--no-privileges", *schemas, f"--file={draft}"])
        draft.replace(path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written ({error.strerror}).") from None
    finally:
        if draft.exists():
            draft.unlink()
    return path.stat().st_size


def restore(database: Database, path: Path) -> dict[str, int]:
    """Fill an empty database from a file of :func:`dump`, whole or not at all, and bring it up to date.

    Returns the number of live rows of each mirror table. Raises ``BackupError``, and ``DatabaseError`` where the login
    lacks a right.
    """
    if not path.is_file():
        raise BackupError(f"{path} does not exist.")
    database.wait_until_ready()
    _refuse_unless_empty(database)
    _run(
        "pg_restore", database, ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(path)]
    )
    engine = database.sqlalchemy_engine("restore")
    try:
        with engine.begin() as connection:
            open_crm_alone(connection)
    finally:
        engine.dispose()
    upgrade(database)
    return _live_rows(database)


def _refuse_unless_empty(database: Database) -> None:
    if found := _present(database):
        raise BackupError(
            f"{database.address} has {'a schema' if len(found) == 1 else 'schemas'} {', '.join(found)} already, and "
            "what is there would be mixed up with the file. Make an empty database (CREATE DATABASE …) and set "
            "DATABASE_URL to it."
        )


def _present(database: Database) -> list[str]:
    """Which of our schemas the database has."""
    with database.connect("backup") as conn:
        query = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s) ORDER BY 1"
        return [row[0] for row in conn.execute(query, (list(SCHEMAS),))]


def _live_rows(database: Database) -> dict[str, int]:
    with database.connect("restore") as conn:
        tables = [row[0] for row in conn.execute("SELECT DISTINCT table_name FROM app.table_columns ORDER BY 1")]
        counts = {}
        for table in tables:
            count = sql.SQL("SELECT count(*) FROM bitrix.{} WHERE _deleted_at IS NULL").format(sql.Identifier(table))
            row = conn.execute(count).fetchone()
            counts[table] = row[0] if row else 0
    return counts


def _found(program: str) -> str:
    """The program of the embedded server's package, or where that is not installed (in images) one of the system's."""
    with contextlib.suppress(ImportError):
        from warehouse.embedded import BIN

        return str(BIN / program)
    if found := shutil.which(program):
        return found
    raise BackupError(
        f"{program} is not here. Run this where `make install` was run, with this DATABASE_URL, or install "
        "PostgreSQL's client programs."
    )


def _run(program: str, database: Database, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's programs. The password goes by the environment, where no other user sees it."""
    access = {name: str(value) for name, value in conninfo_to_dict(database.url).items()}
    password = access.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    target = "--dbname=" + make_conninfo("", **access)
    try:
        result = subprocess.run(
            [_found(program), target, "--no-password", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise BackupError(f"{program} could not be started ({error.strerror}); run `make install` again.") from None
    if result.returncode:
        lines = result.stderr.decode(errors="replace").strip().splitlines()
        said = "; ".join(line.removeprefix(f"{program}: ") for line in lines[:3]) or f"status {result.returncode}"
        raise BackupError(f"{program} failed at {database.address}: {said}")
