"""Settings of a process: read once when it starts, from the environment and from ``.env`` in the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

POSTGRES_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"})


class SettingsError(Exception):
    """A setting has a wrong value. The text is one line that names the variable and never holds a secret."""


class Settings(BaseSettings):
    """Every setting of the product; each attribute is the environment variable of the same name in capitals.

    An empty variable counts as unset. Attributes that are secrets are ``SecretStr``: they print as stars.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    b24_home: Path = Path(".b24")
    database_url: SecretStr | None = None
    bitrix_webhook_url: SecretStr | None = None
    bitrix_application_token: SecretStr | None = None
    supabase_url: str | None = None
    supabase_key: SecretStr | None = None
    supabase_jwt_secret: SecretStr | None = None
    allow_anonymous: bool = False
    dagster_url: str = "http://127.0.0.1:3000"
    dagster_public_url: str | None = None
    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-4o-mini"
    openai_timeout_seconds: float = Field(default=45.0, ge=1, le=600)
    openai_max_retries: int = Field(default=2, ge=0, le=10)
    bitrix_client_id: str | None = None
    bitrix_client_secret: SecretStr | None = None
    encryption_key: SecretStr | None = Field(default=None, min_length=32)
    bitrix_request_burst: int = Field(default=50, ge=10, le=100_000)
    bitrix_requests_per_second: float = Field(default=2.0, gt=0, le=1000)
    sync_batch_size: int = Field(default=50, ge=1, le=50)
    sync_default_interval_minutes: int = Field(default=30, ge=1, le=10_080)
    sync_deletion_limit_percent: float = Field(default=10.0, ge=0, le=100)
    chart_database_url: SecretStr | None = None
    chart_time_zone: str = "UTC"
    chart_public_url: str | None = None
    embed_secret: SecretStr | None = Field(default=None, min_length=32)
    embed_audience: str = "b24-charts"
    embed_username: str | None = None
    embed_password: SecretStr | None = None
    embed_allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    dbt_docs_dir: Path | None = None
    alert_webhook_url: SecretStr | None = None
    metrics_token: SecretStr | None = Field(default=None, min_length=16)
    debug: bool = False

    @field_validator("b24_home", "dbt_docs_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @field_validator("database_url", "chart_database_url", mode="after")
    @classmethod
    def _libpq_url(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(libpq_url(value.get_secret_value()))

    @field_validator("chart_time_zone", mode="after")
    @classmethod
    def _time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("must be a time zone like Europe/Moscow or UTC") from None
        return value

    @field_validator(
        *("supabase_url", "openai_base_url", "dagster_url", "dagster_public_url", "chart_public_url"), mode="after"
    )
    @classmethod
    def _http_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value is not None else None

    @field_validator("alert_webhook_url", mode="after")
    @classmethod
    def _secret_http_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @field_validator("embed_allowed_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
        return value

    @field_validator("embed_allowed_origins", mode="after")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            scheme, _, host = origin.partition("://")
            if scheme not in ("http", "https") or not host or "/" in host:
                raise ValueError("must be sites like https://example.com, separated by commas")
        return value


def load_settings(env_file: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings of this process.

    ``env_file`` replaces ``.env`` of the working directory; ``overrides`` (attribute names) win over the environment.
    Raises ``SettingsError``: one line, naming the variable.
    """
    try:
        given = overrides if env_file is None else {**overrides, "_env_file": env_file}
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_first_problem(error.errors(include_input=False, include_url=False))) from None
    except OSError as error:
        raise SettingsError(f"cannot read {error.filename or '.env'}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(".env is not UTF-8 text: save it as UTF-8") from None


def parse_database_url(text: str) -> URL:
    """Parse a PostgreSQL URL of any of the usual spellings. Raises ``ValueError``, without the text."""
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise ValueError("is not a URL like postgresql://user:password@host:5432/database") from None
    if url.drivername not in POSTGRES_SCHEMES:
        raise ValueError("must start with postgresql://")
    if not url.database:
        raise ValueError("names no database: postgresql://user:password@host:5432/DATABASE")
    return url


def libpq_url(text: str, drivername: str = "postgresql") -> str:
    """The same URL with libpq's scheme, or with one of SQLAlchemy's: ``postgresql+psycopg``, ``postgresql+psycopg2``.

    Raises ``ValueError`` as ``parse_database_url`` does.
    """
    return render_url(parse_database_url(text).set(drivername=drivername))


def render_url(url: URL) -> str:
    """The text of a URL, password included, so that libpq and SQLAlchemy read it alike."""
    text = url.render_as_string(hide_password=False)
    address, mark, query = text.partition("?")
    # SQLAlchemy writes a space as it is or as "+"; libpq knows neither.
    return address.replace(" ", "%20") + mark + query.replace("+", "%20")


def _first_problem(errors: list[Any]) -> str:
    problem: Mapping[str, Any] = errors[0]
    variable = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
    message = str(problem["msg"]).removeprefix("Value error, ")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{variable}: {message[:1].lower()}{message[1:]}{more}"
