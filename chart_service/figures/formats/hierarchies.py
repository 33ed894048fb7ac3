"""Parts of parts: treemap and sunburst."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chart_service.figures import numbers, plain
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart, Key
from chart_service.figures.crosstab import OTHER, folded
from chart_service.figures.labels import escaped, shown, wrapped
from chart_service.figures.needs import ADDS, POSITIVE, SOME
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Wants
from chart_service.figures.theme import PALETTE, Tone, series_tone
from warehouse.meanings import Text

_MOST_INSIDE = 8


@dataclass(slots=True)
class _Node:
    label: str
    key: Key | None
    raw: Any = None
    value: float = 0.0
    inside: dict[Key, _Node] = field(default_factory=dict)

    def largest(self, most: int, chart: Chart) -> list[_Node]:
        """Its parts, largest first; what is beyond ``most`` is one part called "Other"."""
        parts = sorted((part for part in self.inside.values() if part.value > 0), key=lambda part: -part.value)
        if len(parts) <= most:
            return parts
        rest = parts[most - 1 :]
        folded(chart, len(rest), len(parts))
        return [*parts[: most - 1], _Node(OTHER.of(chart.lang), None, value=sum(part.value for part in rest))]


def treemap(chart: Chart) -> Panel:
    """Tiles, as large as their values."""
    flat = len(chart.dimensions) == 1
    return _panel(
        chart,
        "treemap",
        20 if flat else PALETTE,
        {
            "pathbar": {"visible": False},
            "marker": {"pad": dict.fromkeys("tlrb", 0) if flat else {"t": 20, "l": 3, "r": 3, "b": 3}},
            "tiling": {"pad": 2},
        },
    )


def sunburst(chart: Chart) -> Panel:
    """Rings, from the first dimension in the middle outwards."""
    return _panel(chart, "sunburst", PALETTE, {"insidetextorientation": "auto"})


def _tree(chart: Chart) -> _Node:
    root = _Node("", None)
    for at, value in enumerate(chart.measures[0].values):
        if not value:
            continue
        node = root
        node.value += value
        for dimension in chart.dimensions:
            key = dimension.keys[at]
            if key not in node.inside:
                node.inside[key] = _Node(dimension.wording(key, chart.lang), key, plain.raw(dimension.cells[at]))
            node = node.inside[key]
            node.value += value
    return root


def _panel(chart: Chart, type_: str, most: int, look: dict[str, Any]) -> Panel:
    measure = chart.measures[0]
    root = _tree(chart)
    ids: list[str] = []
    parents: list[str] = []
    nodes: list[_Node] = []
    tones: list[Tone] = []
    behind: list[list[Any]] = []
    top = root.largest(most, chart)

    def add(node: _Node, name: str, parent: str, tone: Tone, path: list[Any]) -> None:
        ids.append(name)
        parents.append(parent)
        nodes.append(node)
        tones.append(tone)
        behind.append([*path, *([] if node.key is None else [node.raw])])
        for number, part in enumerate(node.largest(_MOST_INSIDE, chart)):
            lighter = Tone("other" if part.key is None else tone.name, faded=min(0.75, tone.faded + 0.3))
            add(part, f"{name}/{number}", name, lighter, behind[ids.index(name)])

    for number, node in enumerate(top):
        add(node, str(number), "", _top_tone(chart, type_, node, number, top), [])
    shares = [_share(node.value, root.value, chart) for node in nodes]
    values = [escaped(numbers.compact(node.value, measure.unit, chart.lang)) for node in nodes]
    flat = len(chart.dimensions) == 1
    texts = [f"{value} · {share}" if flat else value for value, share in zip(values, shares, strict=True)]
    trace: dict[str, Any] = {
        "type": type_,
        "ids": ids,
        "parents": parents,
        "labels": [wrapped(node.label, 18, 2) for node in nodes],
        "values": [node.value for node in nodes],
        "branchvalues": "total",
        "sort": False,
        "text": texts,
        "textinfo": "label+text" if type_ == "treemap" else "label",
        "customdata": behind,
        "meta": {"columns": [dimension.column for dimension in chart.dimensions]},
        "hovertext": [f"{shown(node.label)}<br>{share}" for node, share in zip(nodes, shares, strict=True)],
        "hovertemplate": f"%{{hovertext}}<br><b>{hover('value', measure.unit, [node.value for node in nodes])}</b>"
        "<extra></extra>",
        **look,
    }
    trace["marker"] = {**trace.get("marker", {}), "colors": tones}
    fact = Fact(
        measure.title,
        [node.label for node in top],
        [node.value for node in top],
        [numbers.full(node.value, measure.unit, chart.lang) for node in top],
        adds=True,
    )
    return Panel(
        [trace],
        domain=True,
        layout={"hovermode": "closest", "uniformtext": {"mode": "hide", "minsize": 9}},
        facts=[fact],
        height=280,
    )


def _top_tone(chart: Chart, type_: str, node: _Node, number: int, top: list[_Node]) -> Tone:
    """One level of tiles is shaded by size, since twenty colours would be neon; else each part has its colour."""
    if node.key is None:
        return Tone("other")
    if len(chart.dimensions) == 1 and type_ == "treemap":
        return Tone("sequential", at=round(0.3 + 0.7 * node.value / top[0].value, 3) if top[0].value else 0.3)
    return series_tone(number)


def _share(value: float, total: float, chart: Chart) -> str:
    share = 100 * value / total if total else 0
    return escaped(numbers.full(share, numbers.percent(chart.lang), chart.lang, 0 if share >= 10 else 1))


def _traces(type_: str) -> Any:
    def traces(shape: Shape) -> list[dict[str, object]]:
        ref = shape.measures[0]
        return [
            {
                "type": type_,
                "path": list(shape.dimensions),
                "values": ref.column,
                "name": ref.name,
                "value_format": ref.value_format,
            }
        ]

    return traces


_FORM = Text(
    "от одного до четырёх вложенных столбцов и неотрицательное число",
    "one to four nested columns, and a number that is not negative",
)
FORMATS = tuple(
    FormatSpec(
        name,
        title,
        _FORM,
        Wants(dimensions=(1, 4)),
        draw,
        _traces(name),
        (POSITIVE, SOME, ADDS),
        sums=True,
        order=order,
    )
    for name, title, draw, order in (
        ("treemap", Text("Древовидная карта", "Treemap"), treemap, 51),
        ("sunburst", Text("Солнечные лучи", "Sunburst"), sunburst, 52),
    )
)
