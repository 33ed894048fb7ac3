"""Which formats fit, templates in other formats, and templates for rows that came without one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chart_service.figures import FORMATS, TemplateError, build, fitting, suggest, with_format
from chart_service.rows import Rows
from tests.chart_service.figures.samples import rows, samples, template

SAMPLES = {sample.name: sample for sample in samples("en")}
SPLIT = SAMPLES["stacked_bar"]
MONTHLY = SAMPLES["line"]


def _fits(sample: Any) -> dict[str, bool]:
    return {choice.format: choice.fits for choice in fitting(sample.rows, sample.template)}


def test_every_format_is_offered_with_a_title_and_a_reason_where_it_does_not_fit() -> None:
    choices = fitting(MONTHLY.rows, MONTHLY.template)
    assert [choice.format for choice in choices] == list(FORMATS)
    for choice in choices:
        assert choice.title.ru
        assert choice.fits == (choice.reason is None)
        if choice.reason:
            assert choice.reason.ru != choice.reason.en


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_what_was_drawn_is_among_what_fits(sample: Any) -> None:
    drawn = build(sample.template, sample.rows, lang="en", mode="light")
    if not drawn.empty and drawn.format == sample.template.format:
        assert _fits(sample)[sample.template.format]


def test_a_sum_by_month_fits_what_shows_one_series() -> None:
    fits = _fits(MONTHLY)
    assert all(fits[name] for name in ("line", "area", "bar", "horizontal_bar", "waterfall", "table"))
    assert not any(
        fits[name] for name in ("indicator", "gauge", "pie", "sankey", "heatmap", "scatter", "multi_line", "combo")
    )


def test_a_split_by_month_fits_what_shows_two_dimensions() -> None:
    fits = _fits(SPLIT)
    assert all(
        fits[name]
        for name in ("grouped_bar", "stacked_bar", "percent_bar", "multi_line", "stacked_area", "heatmap", "pivot")
    )


def test_every_format_that_fits_is_drawn_in_that_format() -> None:
    for sample in (
        SAMPLES[name] for name in ("stacked_bar", "bar", "indicator", "scatter", "sankey", "two_currencies")
    ):
        for choice in fitting(sample.rows, sample.template):
            if choice.fits and sample.rows.rows:
                turned = with_format(sample.template, sample.rows, choice.format)
                assert turned.format == choice.format
                figure = build(turned, sample.rows, lang="en", mode="light")
                notes = [note.en for note in figure.notes]
                assert figure.format == choice.format or notes, (sample.name, choice.format, figure.format)


def test_there_and_back_again_keeps_the_columns() -> None:
    lying = with_format(SPLIT.template, SPLIT.rows, "heatmap")
    assert (lying.traces[0].x, lying.traces[0].y, lying.traces[0].z) == ("month", "pipeline_name", "won_amount")
    back = with_format(lying, SPLIT.rows, "stacked_bar")
    assert (back.traces[0].x, back.traces[0].series, back.traces[0].y) == ("month", "pipeline_name", "won_amount")
    assert back.layout == SPLIT.template.layout
    across = with_format(MONTHLY.template, MONTHLY.rows, "horizontal_bar")
    assert (across.traces[0].x, across.traces[0].y, across.traces[0].orientation) == ("won_amount", "month", "h")
    assert with_format(across, MONTHLY.rows, "line").traces[0].y == "won_amount"


def test_missing_roles_are_filled_from_the_other_columns() -> None:
    table = rows("manager_name:text won_amount:number plan_amount:number", ("a", 5, 6), ("b", 7, 6))
    asked = template("bar", {"type": "bar", "x": "manager_name", "y": "won_amount"})
    assert with_format(asked, table, "bullet").traces[0].reference == "plan_amount"
    assert with_format(asked, table, "combo").traces[1].y == "plan_amount"
    points = with_format(asked, table, "scatter").traces[0]
    assert (points.x, points.y, points.series) == ("won_amount", "plan_amount", "manager_name")


def test_what_cannot_be_turned_is_refused() -> None:
    table = rows("won_amount:number", (5,), (7,))
    asked = template("table", {"type": "table"})
    with pytest.raises(TemplateError):
        with_format(asked, table, "sankey")
    with pytest.raises(TemplateError):
        with_format(asked, table, "hologram")
    with pytest.raises(TemplateError):
        fitting(table, template("bar", {"type": "bar", "x": "gone"}))


@pytest.mark.parametrize(
    ("table", "format"),
    [
        (rows("deals_count:number", (5,)), "indicator"),
        (rows("month:date won_amount:number", (date(2026, 1, 1), 1), (date(2026, 2, 1), 2)), "line"),
        (SPLIT.rows, "multi_line"),
        (SAMPLES["bar"].rows, "bar"),
        (SAMPLES["sankey"].rows, "stacked_bar"),
        (SAMPLES["histogram"].rows, "histogram"),
        (
            rows("month:date won_amount:number conversion_rate:number", *((date(2026, m, 1), 1, 2) for m in (1, 2))),
            "combo",
        ),
        (rows("id:number title:text city:text stage:text", (1, "a", "b", "c"), (2, "d", "e", "f")), "table"),
        (rows("id:number title:text opportunity:number", (1, "a", 5), (2, "b", 6)), "bar"),
        (rows("month:date"), "table"),
        (Rows((), []), "table"),
    ],
)
def test_rows_without_a_template_get_a_sensible_one(table: Rows, format: str) -> None:
    suggested = suggest(table)
    assert suggested.format == format
    build(suggested, table, lang="ru", mode="light")


def test_the_previous_value_of_one_row_is_its_reference() -> None:
    suggested = suggest(rows("won_amount:number prev_won_amount:number", (Decimal(5), Decimal(4))))
    assert [(trace.values, trace.reference) for trace in suggested.traces] == [("won_amount", "prev_won_amount")]
