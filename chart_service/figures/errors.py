"""What can be wrong with a figure template."""

from __future__ import annotations

from collections.abc import Iterable

from warehouse.meanings import Text


class TemplateError(ValueError):
    """A template that cannot be bound to the rows, through a fault of the template. ``message`` is for a person."""

    def __init__(self, message: Text) -> None:
        super().__init__(message.en)
        self.message = message


def unknown_column(name: str, existing: Iterable[str]) -> TemplateError:
    """The error of a template that names a column which the rows do not have."""
    known = ", ".join(f"«{column[:60]}»" for column in existing) or "—"
    return TemplateError(
        Text(
            f"В шаблоне назван столбец «{name[:60]}», а в результате есть только {known}.",
            f"The template names the column «{name[:60]}», but the result has only {known}.",
        )
    )
