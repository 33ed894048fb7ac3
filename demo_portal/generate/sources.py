"""Where customers come from, and the advertising marks that go with it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

_SHARES = {
    "CALL": 18, "WEB": 22, "ADVERTISING": 14, "WEBFORM": 12, "RECOMMENDATION": 9, "EMAIL": 7, "CALLBACK": 6,
    "TRADE_SHOW": 3, "STORE": 3, "UC_TELEGRAM": 4, "14|WZ_WHATSAPP_C3": 1.5, "OTHER": 0.5,
}  # fmt: skip
"""The messenger's source has no row in the status list: open lines make such ids up."""

_ADVERTISED = frozenset({"WEB", "ADVERTISING", "WEBFORM"})
_NETWORKS = (("yandex", "cpc"), ("yandex", "cpc"), ("google", "cpc"), ("vk", "social"), ("telegram", "social"),
             ("yandex", "organic"), ("newsletter", "email"))  # fmt: skip
_CAMPAIGNS = ("brand", "summer_sale", "heating_season", "retargeting", "new_year", "b2b_catalog")
_TERMS = ("вентиляция купить", "кондиционер офис", "монтаж отопления", "hvac supplier", "ремонт чиллера")

RISK = {"RECOMMENDATION": 0.7, "PARTNER": 0.75, "CALL": 0.95, "ADVERTISING": 1.2, "OTHER": 1.3, "WEBFORM": 1.1}
"""How the source changes the risk of losing a deal."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A source and its marks."""

    source: str
    utm: dict[str, str | None]


_NO_MARKS: dict[str, str | None] = dict.fromkeys(
    ("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_CONTENT", "UTM_TERM")
)


class Origins:
    """Picks origins by share."""

    def __init__(self, generator: random.Random) -> None:
        self._generator = generator
        self._codes = list(_SHARES)
        self._sums = list(accumulate(_SHARES.values()))

    def pick(self) -> Origin:
        """The origin of a new customer."""
        source = self._generator.choices(self._codes, cum_weights=self._sums)[0]
        chance = self._generator.random
        if source not in _ADVERTISED or chance() < 0.25:
            return Origin(source, _NO_MARKS)
        network, medium = _NETWORKS[int(chance() * len(_NETWORKS))]
        campaign = _CAMPAIGNS[int(chance() * len(_CAMPAIGNS))] if medium != "organic" else None
        term = _TERMS[int(chance() * len(_TERMS))] if medium == "cpc" and chance() < 0.5 else None
        marks = (network, medium, campaign, f"banner_{int(chance() * 4)}" if medium == "cpc" else None, term)
        return Origin(source, dict(zip(_NO_MARKS, marks, strict=True)))

    @staticmethod
    def existing() -> Origin:
        """The origin of an order from a known customer."""
        return Origin("PARTNER", _NO_MARKS)
