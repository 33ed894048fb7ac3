"""What keeps people from using a page, as far as axe-core finds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[3] / ".venv" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SETTLED_ANIMATIONS = """Promise.allSettled(document.getAnimations()
    .filter(one => one.effect.getTiming().iterations !== Infinity).map(one => one.finished))"""


def expect_no_barrier(page: Page) -> None:
    """Fail on anything serious that axe finds on the page as it is now. Skips the test where axe is not installed."""
    if not AXE.is_file():
        pytest.skip("no axe-core: `make browser-packages` installs it, and needs npm")
    page.evaluate(SETTLED_ANIMATIONS)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in serious] == []
