"""Settings: what is accepted, and that a wrong one is told in one line without its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from warehouse.settings import Settings, SettingsError, libpq_url, load_settings


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.b24_home == tmp_path / ".b24"
    assert settings.database_url is None
    assert (settings.sync_batch_size, settings.sync_default_interval_minutes) == (50, 30)
    assert settings.embed_allowed_origins == ()


def test_env_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("SYNC_BATCH_SIZE=10\nOPENAI_MODEL=local\nUNKNOWN=1\nDATABASE_URL=\n")
    monkeypatch.setenv("OPENAI_MODEL", "other")
    settings = load_settings()
    assert (settings.sync_batch_size, settings.openai_model, settings.database_url) == (10, "other", None)


@pytest.mark.parametrize(
    "text",
    [
        "postgres://u:p@h:5433/d",
        "postgresql://u:p@h:5433/d",
        "postgresql+psycopg://u:p@h:5433/d",
        " postgresql+psycopg2://u:p@h:5433/d ",
    ],
)
def test_every_spelling_of_a_database_url(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", text)
    url = load_settings().database_url
    assert url is not None
    assert url.get_secret_value() == "postgresql://u:p@h:5433/d"


def test_odd_passwords_and_options_reach_libpq_unchanged() -> None:
    url = libpq_url("postgresql://u:a%20b%2Bc%40%3A%2F%25+@h/d?options=-c%20geqo%3Doff&sslmode=require")
    parts = conninfo_to_dict(url)
    assert parts["password"] == "a b+c@:/%+"
    assert parts["options"] == "-c geqo=off"
    assert parts["sslmode"] == "require"


def test_a_socket_directory_is_a_valid_host() -> None:
    assert conninfo_to_dict(libpq_url("postgresql:///d?host=/var/run/postgresql"))["host"] == "/var/run/postgresql"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "must start with postgresql://"),
        ("DATABASE_URL", "hunter2", "is not a URL"),
        ("DATABASE_URL", "postgresql://u:hunter2@h", "names no database"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:port/d", "is not a URL"),
        ("SYNC_BATCH_SIZE", "51", "less than or equal to 50"),
        ("SYNC_BATCH_SIZE", "hunter2", "valid integer"),
        ("SYNC_DEFAULT_INTERVAL_MINUTES", "0", "greater than or equal to 1"),
        ("DEBUG", "hunter2", "valid boolean"),
        ("OPENAI_BASE_URL", "hunter2", "must start with http:// or https://"),
        ("EMBED_ALLOWED_ORIGINS", "https://a.example,hunter2", "must be sites like"),
        ("ALERT_WEBHOOK_URL", "hunter2", "must start with http:// or https://"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(
    variable: str, value: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    text = str(caught.value)
    assert text.startswith(f"{variable}: ")
    assert reason in text
    assert "hunter2" not in text
    assert "\n" not in text
    assert caught.value.__cause__ is None


def test_an_unreadable_env_file_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"DEBUG=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        load_settings()


_SECRET_URLS = {
    "database_url": "postgresql://u:hunter2@h/d",
    "chart_database_url": "postgresql://u:hunter2@h/d",
    "alert_webhook_url": "https://hooks.example.com/hunter2",
}


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, field in Settings.model_fields.items():
        if "Secret" in str(field.annotation):
            value = _SECRET_URLS.get(name, "hunter2" * 5)
            monkeypatch.setenv(name.upper(), value)
    assert "hunter2" not in repr(load_settings())


def test_origins_are_split_and_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_ALLOWED_ORIGINS", "https://a.example/, http://localhost:5173 ,")
    assert load_settings().embed_allowed_origins == ("https://a.example", "http://localhost:5173")
