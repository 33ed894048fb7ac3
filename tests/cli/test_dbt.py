"""``b24 dbt`` says what is missing, and hands the connection over."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from cli.dbt import dbt, dbt_environment
from warehouse.database import Database
from warehouse.settings import load_settings


def test_without_dbt_it_says_how_to_install_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dbt(load_settings(), ["parse"], Console(), program=tmp_path / "dbt") == 1
    assert "make dbt" in capsys.readouterr().out


def test_without_documents_it_says_to_sync_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "dbt"
    program.touch()
    assert dbt(load_settings(dbt_docs_dir=tmp_path), ["parse"], Console(), program=program) == 1
    assert "b24 sync" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgresql://u:p%40ss@db.example:6543/crm?sslmode=require", "db.example", "6543"),
        ("postgresql://u:p%40ss@/crm?host=/var/run/postgresql&sslmode=require", "/var/run/postgresql", "5432"),
    ],
)
def test_the_connection_goes_by_the_environment(url: str, host: str, port: str) -> None:
    assert dict(dbt_environment(Database(url))) == {
        "PGHOST": host,
        "PGPORT": port,
        "PGUSER": "u",
        "DBT_ENV_SECRET_PGPASSWORD": "p@ss",
        "PGDATABASE": "crm",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PGSSLMODE": "require",
    }
