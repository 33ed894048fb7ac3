"""Flows between levels: the Sankey diagram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from chart_service.figures import numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart, Key
from chart_service.figures.crosstab import OTHER, folded
from chart_service.figures.labels import escaped, shown
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Wants
from chart_service.figures.theme import Tone, series_tone
from warehouse.meanings import Text

_MOST_LINKS = 40
_NODES = (12, 10, 8, 6, 5, 4, 3, 2)
_Node = tuple[int, Key | None]  # a level and a key; None is "Other"


def sankey(chart: Chart) -> Panel:
    """Nodes of each dimension from left to right; the same label on two levels is two nodes."""
    measure = chart.measures[0]
    flows = [
        (tuple(dimension.keys[at] for dimension in chart.dimensions), value)
        for at, value in enumerate(measure.values)
        if value is not None and value > 0
    ]
    links = Counter[tuple[_Node, _Node]]()
    for most in _NODES:
        links = _links(flows, [_largest(flows, level, most) for level in range(len(chart.dimensions))])
        if len(links) <= _MOST_LINKS:
            break
    nodes = sorted({node for link in links for node in link}, key=lambda node: (node[0], node[1] is None))
    gone = sum(len({keys[level] for keys, _ in flows}) for level in range(len(chart.dimensions))) - sum(
        key is not None for _, key in nodes
    )
    if gone > 0:
        folded(chart, gone, gone + sum(key is not None for _, key in nodes))
    through = {node: max(_through(links, node)) for node in nodes}
    nodes.sort(key=lambda node: (node[0], node[1] is None, -through[node]))
    return _panel(chart, nodes, links, through)


def _largest(flows: Sequence[tuple[tuple[Key, ...], float]], level: int, most: int) -> set[Key]:
    sizes = Counter[Key]()
    for keys, value in flows:
        sizes[keys[level]] += value  # type: ignore[assignment]
    if len(sizes) <= most + 1:
        return set(sizes)
    return {key for key, _ in sizes.most_common(most)}


def _links(flows: Sequence[tuple[tuple[Key, ...], float]], kept: Sequence[set[Key]]) -> Counter[tuple[_Node, _Node]]:
    links = Counter[tuple[_Node, _Node]]()
    for keys, value in flows:
        path: list[_Node] = [(level, key if key in kept[level] else None) for level, key in enumerate(keys)]
        for source, target in pairwise(path):
            links[source, target] += value  # type: ignore[assignment]
    return links


def _through(links: Counter[tuple[_Node, _Node]], node: _Node) -> tuple[float, float]:
    inward = sum(value for (_, target), value in links.items() if target == node)
    outward = sum(value for (source, _), value in links.items() if source == node)
    return inward, outward


def _panel(chart: Chart, nodes: list[_Node], links: Counter[tuple[_Node, _Node]], through: dict[_Node, float]) -> Panel:
    measure = chart.measures[0]
    at = {node: number for number, node in enumerate(nodes)}
    names = [
        OTHER.of(chart.lang) if key is None else chart.dimensions[level].wording(key, chart.lang)
        for level, key in nodes
    ]
    tones = _tones(nodes, names)
    text = hover("value", measure.unit, [float(value) for value in links.values()])
    pairs = list(links)
    trace = {
        "type": "sankey",
        "arrangement": "snap",
        "valueformat": ",.0f",
        "node": {
            "label": [
                f"{shown(name, 40)}  {escaped(numbers.compact(through[node], measure.unit, chart.lang))}"
                for name, node in zip(names, nodes, strict=True)
            ],
            "color": tones,
            "customdata": [[shown(name)] for name in names],
            "hovertemplate": f"%{{customdata[0]}}<br><b>{text}</b><extra></extra>",
            "pad": 14,
            "thickness": 12,
        },
        "link": {
            "source": [at[source] for source, _ in pairs],
            "target": [at[target] for _, target in pairs],
            "value": [links[pair] for pair in pairs],
            "color": [Tone(tones[at[source]].name, 0.28) for source, _ in pairs],
            "hovertemplate": "%{source.customdata[0]} → %{target.customdata[0]}" + f"<br><b>{text}</b><extra></extra>",
        },
    }
    labels = [f"{names[at[source]]} → {names[at[target]]}" for source, target in pairs]
    values = [links[pair] for pair in pairs]
    texts = [numbers.full(value, measure.unit, chart.lang) for value in values]
    most = max(Counter(level for level, _ in nodes).values(), default=1)
    return Panel(
        [trace],
        domain=True,
        layout={"hovermode": "closest", "margin": {"l": 4, "r": 4, "t": 12, "b": 12}},
        facts=[Fact(measure.title, labels, values, texts, adds=True)],
        height=max(240, 34 * most),
    )


def _tones(nodes: Sequence[_Node], names: Sequence[str]) -> list[Tone]:
    """Colours by name, so that a label has one colour on every level; "Other" is grey."""
    known: dict[str, Tone] = {}
    result = []
    for (_, key), name in zip(nodes, names, strict=True):
        result.append(Tone("other") if key is None else known.setdefault(name, series_tone(len(known))))
    return result


def _traces(shape: Shape) -> list[dict[str, object]]:
    ref = shape.measures[0]
    ends: dict[str, object] = (
        {"source": shape.dimensions[0], "target": shape.dimensions[1]}
        if len(shape.dimensions) == 2
        else {"path": list(shape.dimensions)}
    )
    return [{"type": "sankey", **ends, "values": ref.column, "name": ref.name, "value_format": ref.value_format}]


FORMATS = (
    FormatSpec(
        "sankey",
        Text("Потоки", "Sankey"),
        Text("откуда, куда и сколько", "from where, to where, and how much"),
        Wants(dimensions=(2, 4)),
        sankey,
        _traces,
        (
            Need(
                lambda chart: any(value > 0 for value in chart.measures[0].known()),
                Text("Положительных потоков нет: показана таблица.", "There are no positive flows: shown as a table."),
                "table",
            ),
            Need(
                lambda chart: all(value >= 0 for value in chart.measures[0].known()),
                Text(
                    "Среди значений есть отрицательные: показана тепловая карта.",
                    "Some values are negative: shown as a heatmap.",
                ),
                "heatmap",
            ),
            Need(
                lambda chart: chart.measures[0].adds is not False,
                Text(
                    "Эти значения нельзя складывать: показана тепловая карта.",
                    "These values cannot be added up: shown as a heatmap.",
                ),
                "heatmap",
            ),
        ),
        narrower="bar",
        sums=True,
        order=50,
    ),
)
