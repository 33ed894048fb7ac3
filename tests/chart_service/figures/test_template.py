"""The template as a language model sees it: closed, shallow, complete."""

from __future__ import annotations

from typing import Any

import pytest
from openai.lib._pydantic import to_strict_json_schema
from pydantic import ValidationError

from chart_service.figures import FORMATS, FigureTemplate, catalogue
from chart_service.figures.formats import SPECS

_ASKED = """
indicator gauge bullet bar horizontal_bar grouped_bar stacked_bar percent_bar line multi_line area stacked_area combo
pie donut funnel waterfall sankey treemap sunburst heatmap calendar cohort histogram box scatter bubble table pivot
"""


def _objects(part: Any, depth: int = 1) -> list[tuple[dict[str, Any], int]]:
    if isinstance(part, list):
        return [found for item in part for found in _objects(item, depth)]
    if not isinstance(part, dict):
        return []
    deeper = depth + (part.get("type") in ("object", "array"))
    own = [(part, depth)] if part.get("type") == "object" else []
    return own + [found for value in part.values() for found in _objects(value, deeper)]


def test_every_format_that_was_promised_exists() -> None:
    assert sorted(FORMATS) == sorted(_ASKED.split())


def test_the_schema_keeps_to_the_limits_of_strict_structured_output() -> None:
    schema = to_strict_json_schema(FigureTemplate)
    objects = _objects(schema)
    assert objects
    for found, _ in objects:
        assert found["additionalProperties"] is False
        assert sorted(found["required"]) == sorted(found["properties"])
    assert sum(len(found["properties"]) for found, _ in objects) <= 50
    assert max(depth for _, depth in objects) <= 4
    assert schema["properties"]["format"]["enum"] == list(FORMATS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "mesh3d", "traces": [{"type": "bar"}]},
        {"format": "bar", "traces": []},
        {"format": "bar", "traces": [{"type": "image"}]},
        {"format": "bar", "traces": [{"type": "bar", "hovertemplate": "<b>"}]},
        {"format": "bar", "traces": [{"type": "bar"}], "layout": {"images": []}},
        {"format": "bar", "traces": [{"type": "bar", "x": "a" * 10_000}]},
    ],
)
def test_what_is_not_in_the_closed_lists_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FigureTemplate.model_validate(wrong)


def test_every_format_is_described_in_both_languages() -> None:
    for name, title, data in catalogue():
        assert title.ru
        assert title.en
        assert data.ru != data.en, name


def test_every_fall_back_leads_to_a_format() -> None:
    for spec in SPECS.values():
        for name in (spec.wider, spec.narrower, *(need.otherwise for need in spec.needs)):
            assert name is None or name in SPECS
