"""What people set for asking: their words, instructions for the model, budgets, prices; in ``app.chart_settings``."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, TypeVar

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from chart_service.ask.intent import storable

Money = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=14, decimal_places=6)]
Plain = AfterValidator(lambda text: str(storable(text)).strip())


class _Setting(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GlossaryTerm(_Setting):
    """A word of this company and what it means in terms of the tables."""

    term: Annotated[str, Plain] = Field(min_length=1, max_length=100, examples=["Ключевой клиент"])
    meaning: Annotated[str, Plain] = Field(
        min_length=1, max_length=500, examples=["companies.uf_crm_1693400122_label = 'A'"]
    )


class Glossary(_Setting):
    """The company's own words; the model is told them after the product's."""

    terms: list[GlossaryTerm] = Field(default=[], max_length=200)


class Instructions(_Setting):
    """What the model is told beside the product's rules."""

    text: Annotated[str, Plain] = Field(default="", max_length=4000, examples=["Год начинается в апреле."])


class Budget(_Setting):
    """What asking may cost in a day of UTC, for one person and for all together; null: without limit."""

    user_usd_per_day: Money | None = Decimal(1)
    total_usd_per_day: Money | None = Decimal(10)
    user_tokens_per_day: int | None = Field(default=3_000_000, ge=0, le=10**12)
    total_tokens_per_day: int | None = Field(default=30_000_000, ge=0, le=10**12)


class Price(_Setting):
    """US dollars for a million tokens."""

    prompt: Money
    cached: Money
    output: Money


class Prices(_Setting):
    """Prices by the model's name. ``gpt-4o-mini-2024-07-18`` has the price of the name that it begins with."""

    models: dict[Annotated[str, Field(min_length=1, max_length=200)], Price] = Field(
        default={"gpt-4o-mini": Price(prompt=Decimal("0.15"), cached=Decimal("0.075"), output=Decimal("0.60"))},
        max_length=200,
    )

    @field_validator("models")
    @classmethod
    def _storable(cls, models: dict[str, Price]) -> dict[str, Price]:
        return {str(storable(name)): price for name, price in models.items()}

    def of(self, model: str) -> Price | None:
        """The price of a model, or None where it is not known."""
        known = [name for name in self.models if model == name or model.startswith(f"{name}-")]
        return self.models[max(known, key=len)] if known else None


S = TypeVar("S", Glossary, Instructions, Budget, Prices)

NAMES: dict[type[BaseModel], str] = {
    Glossary: "glossary",
    Instructions: "instructions",
    Budget: "budget",
    Prices: "prices",
}


async def read_setting(conn: AsyncConnection[Any], kind: type[S]) -> S:
    """A setting as people left it, or the product's own where they set none."""
    row = await (await conn.execute("SELECT value FROM app.chart_settings WHERE name = %s", (NAMES[kind],))).fetchone()
    try:
        return kind.model_validate(row[0]) if row else kind()
    except ValidationError:
        return kind()  # written by another version, whose form this one does not know


async def write_setting(conn: AsyncConnection[Any], value: S, by: str | None) -> None:
    """Keep a setting."""
    await conn.execute(
        """INSERT INTO app.chart_settings (name, value, updated_by) VALUES (%s, %s, %s) ON CONFLICT (name)
           DO UPDATE SET value = excluded.value, updated_by = excluded.updated_by, updated_at = now()""",
        (NAMES[type(value)], Jsonb(value.model_dump(mode="json")), by),
    )
