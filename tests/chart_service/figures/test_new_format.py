"""A chart format is one file: a newcomer puts it beside the others, and everything knows of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

NEW = '''
"""Dots on a line for each category."""

from __future__ import annotations

from chart_service.figures import axes, numbers
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import crosstab
from chart_service.figures.formats.bars import upright_traces
from chart_service.figures.labels import shown
from chart_service.figures.marks import facts, marks
from chart_service.figures.panel import Panel
from chart_service.figures.spec import FormatSpec, Wants
from warehouse.meanings import Text


def dots(chart: Chart) -> Panel:
    """A dot for each category."""
    table = crosstab(chart, categories=20)
    line = table.lines[0]
    names = [shown(label) for label in table.labels]
    trace = marks(table, line, type="scatter", mode="markers", x=names, y=line.values, marker={"color": line.tone})
    axis = numbers.ticks(*axes.extent(line.values), line.unit, chart.lang)
    across = axes.categories(table, chart.lang)
    return Panel([trace], xaxis=across, yaxis=axes.values(axis), facts=facts(table, chart.lang))


FORMATS = (
    FormatSpec(
        "dots",
        Text("Точки по категориям", "Dot plot"),
        Text("категория и число", "a category and a number"),
        Wants(),
        dots,
        upright_traces,
        order=15,
    ),
)
'''

USE = """
import json
from chart_service.figures import FORMATS, FigureTemplate, build, fitting, suggest, with_format
from chart_service.rows import Column, Rows
rows = Rows((Column("name", "text"), Column("count", "number")), [("a", 1), ("b", 2), ("c", 3)])
template = with_format(suggest(rows), rows, "dots")
figure = build(template, rows, lang="ru", mode="dark")
print(json.dumps({
    "formats": FORMATS,
    "schema": FigureTemplate.model_json_schema()["properties"]["format"]["enum"],
    "drawn": figure.format,
    "y": figure.figure["data"][0]["y"],
    "fits": [choice.format for choice in fitting(rows, template) if choice.fits],
    "summary": figure.summary,
}))
"""


def test_one_file_adds_a_format(tmp_path: Path) -> None:
    shutil.copytree(
        REPOSITORY / "chart_service", tmp_path / "chart_service", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "chart_service" / "figures" / "formats" / "dots.py").write_text(NEW, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert "dots" in said["formats"]
    assert said["schema"] == said["formats"]
    assert said["drawn"] == "dots"
    assert said["y"] == [1, 2, 3]
    assert "dots" in said["fits"]
    assert said["summary"].startswith("Точки по категориям.")
