"""The stages of answering a question, as a person sees them while waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from warehouse.meanings import Text

Stage = Literal["understanding", "writing_sql", "checking", "running", "drawing"]

STAGES: Mapping[Stage, Text] = {
    "understanding": Text("Разбираюсь в вопросе", "Understanding the question"),
    "writing_sql": Text("Пишу запрос", "Writing the statement"),
    "checking": Text("Проверяю запрос", "Checking the statement"),
    "running": Text("Выполняю запрос", "Running the statement"),
    "drawing": Text("Рисую график", "Drawing the chart"),
}

Progress = Callable[[Stage], None]
"""Told of each stage when it begins; a repair goes back to an earlier one."""
