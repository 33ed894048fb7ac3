"""The columns that a figure template names, held against those of a statement before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chart_service.figures import FigureTemplate
from chart_service.figures.template import Trace

_ONE = ("x", "y", "z", "labels", "values", "source", "target", "text", "size", "reference", "series")
_NAME_BYTES = 63
"""PostgreSQL cuts longer names off."""


def columns_named(template: FigureTemplate) -> list[str]:
    """The names of columns in a template, each once."""
    return list(dict.fromkeys(name for trace in template.traces for name in _of(trace)))


def missing_columns(template: FigureTemplate | None, columns: Sequence[str]) -> str | None:
    """What to tell the model of names that are no columns; None when all are there or the columns are not known."""
    known = {name.casefold() for name in columns}
    missing = [name for name in columns_named(template) if name.casefold() not in known] if template and known else []
    return f"the statement has no column {', '.join(map(repr, missing))}" if missing else None


def fitted(template: FigureTemplate | None, columns: Sequence[str]) -> FigureTemplate | None:
    """The template with names cut off as PostgreSQL cuts them."""
    if template is None or not columns:
        return template
    cut = {name: short for name in columns_named(template) if (short := _cut(name)) != name and short in columns}
    return template.model_copy(update={"traces": [_renamed(trace, cut) for trace in template.traces]})


def _cut(name: str) -> str:
    return name.encode()[:_NAME_BYTES].decode(errors="ignore")


def _renamed(trace: Trace, names: dict[str, str]) -> Trace:
    changed: dict[str, object] = {key: names[value] for key in _ONE if (value := getattr(trace, key)) in names}
    if trace.path:
        changed["path"] = [names.get(name, name) for name in trace.path]
    return trace.model_copy(update=changed)


def _of(trace: Trace) -> Iterator[str]:
    yield from (value for key in _ONE if (value := getattr(trace, key)))
    yield from trace.path or ()
