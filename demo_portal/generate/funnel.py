"""How deals and leads move through their stages: dwell times, risks of losing, and the trail that they leave."""

from __future__ import annotations

import random
from dataclasses import dataclass

from demo_portal.clock import DAY
from demo_portal.generate.calendar import to_working_hours

Step = tuple[int, str, str]
"""When a stage was entered, its code, its semantic: P in progress, S success, F failure."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage in progress: median days in it, and the risk of losing the deal there for an average manager."""

    code: str
    days: float
    risk: float
    skipped: float = 0.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages in order, the final ones, and the typical amount in roubles."""

    stages: tuple[Stage, ...]
    won: str
    lost: tuple[str, ...]
    median_amount: float
    spread: float


PIPELINES = {
    0: Pipeline(
        (
            Stage("NEW", 1.0, 0.26),
            Stage("PREPARATION", 4.0, 0.33),
            Stage("PREPAYMENT_INVOICE", 5.0, 0.26, skipped=0.15),
            Stage("EXECUTING", 12.0, 0.07),
            Stage("FINAL_INVOICE", 4.0, 0.03, skipped=0.2),
        ),
        "WON",
        ("LOSE", "LOSE", "LOSE", "APOLOGY"),
        185_000,
        0.85,
    ),
    1: Pipeline(
        (
            Stage("C1:NEW", 2.0, 0.15),
            Stage("C1:PREPARATION", 8.0, 0.22),
            Stage("C1:UC_7KQ2LM", 15.0, 0.25),
            Stage("C1:EXECUTING", 25.0, 0.05),
        ),
        "C1:WON",
        ("C1:LOSE",),
        520_000,
        1.0,
    ),
    3: Pipeline(
        (
            Stage("C3:NEW", 0.7, 0.1),
            Stage("C3:PREPARATION", 3.0, 0.14),
            Stage("C3:FINAL_INVOICE", 4.0, 0.06, skipped=0.1),
        ),
        "C3:WON",
        ("C3:LOSE",),
        92_000,
        0.7,
    ),
}

LEADS = Pipeline(
    (Stage("NEW", 0.4, 0.15), Stage("IN_PROCESS", 3.0, 0.45), Stage("PROCESSED", 6.0, 0.5)), "JUNK", ("JUNK",), 0, 0
)


class Walker:
    """Walks records through a pipeline. ``spreads`` is a pool of log-normal factors: drawing each anew costs more."""

    def __init__(self, generator: random.Random) -> None:
        self.chance = generator.random
        self._factors = [generator.lognormvariate(0, 0.8) for _ in range(4096)]

    def factor(self) -> float:
        """A log-normal factor around 1."""
        return self._factors[int(self.chance() * 4096)]

    def walk(self, pipeline: Pipeline, created: int, now: int, skill: float) -> list[Step]:
        """The stages entered until ``now``; the last one is final or where the record stands."""
        chance, factors = self.chance, self._factors
        steps = [(created, pipeline.stages[0].code, "P")]
        moment = created
        pace = 30.0 if chance() < 0.03 else 1.0  # a few are forgotten and stay where they are
        for place, stage in enumerate(pipeline.stages):
            if place:
                if stage.skipped and chance() < stage.skipped:
                    continue
                steps.append((moment, stage.code, "P"))
            moment += int(pace * stage.days * DAY * factors[int(chance() * 4096)]) + 60
            moment = to_working_hours(moment, chance())
            if moment >= now:
                return steps
            if chance() * skill < stage.risk:
                lost = pipeline.lost
                steps.append((moment, lost[int(chance() * len(lost))], "F"))
                return steps
        steps.append((moment, pipeline.won, "F" if pipeline is LEADS else "S"))
        return steps
