"""The chart formats: each module of this package adds those of its ``FORMATS``; nothing else has to know of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from chart_service.figures.spec import FormatSpec


def _registered() -> dict[str, FormatSpec]:
    specs = [
        spec
        for module in pkgutil.iter_modules(__path__)
        for spec in importlib.import_module(f"{__name__}.{module.name}").FORMATS
    ]
    return {spec.name: spec for spec in sorted(specs, key=lambda spec: (spec.order, spec.name))}


SPECS: Mapping[str, FormatSpec] = _registered()
"""The formats by name, in the order in which a person is shown them."""
