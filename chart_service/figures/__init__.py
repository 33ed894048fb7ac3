"""Figures: a template that names columns, bound to rows. Our code alone builds what Plotly draws.

``build(template, rows, lang=…, mode=…)`` is the figure; ``fitting`` says which formats the rows fit, ``with_format``
rewrites a template for another one, ``suggest`` makes a template from rows alone.
"""

from chart_service.figures.build import Figure, build
from chart_service.figures.choose import FormatChoice, catalogue, fitting, suggest, with_format
from chart_service.figures.errors import TemplateError
from chart_service.figures.template import FORMATS, FigureTemplate, Format

__all__ = [
    "FORMATS",
    "Figure",
    "FigureTemplate",
    "Format",
    "FormatChoice",
    "TemplateError",
    "build",
    "catalogue",
    "fitting",
    "suggest",
    "with_format",
]
