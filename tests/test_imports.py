"""The packages depend on each other in one direction, and the quick ones stay quick to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    *("bitrix", "warehouse", "orchestration", "webhook_api", "chart_service", "cli", "demo_portal", "migrations"),
}
MAY_IMPORT: dict[str, set[str]] = {
    "bitrix": set(),
    "demo_portal": set(),
    "warehouse": {"bitrix", "migrations"},
    "migrations": {"warehouse"},
    "orchestration": {"bitrix", "warehouse"},
    "webhook_api": {"bitrix", "warehouse"},
    "chart_service": {"warehouse", "webhook_api"},
    "cli": {"bitrix", "warehouse", "orchestration", "webhook_api", "chart_service", "demo_portal"},
}
DESCRIPTORS_ONLY = {"bitrix.fields", "bitrix.entities"}
"""All that the warehouse may know of the portal: what fields and entities are."""


def imports(package: str) -> Iterator[tuple[Path, str]]:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield path, node.module


@pytest.mark.parametrize("package", sorted(package for package in PACKAGES if (ROOT / package).is_dir()))
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, name in imports(package)
        if (top := name.split(".")[0]) in PACKAGES - {package} and top not in MAY_IMPORT[package]
    ]
    assert not wrong


def test_the_warehouse_knows_descriptors_only() -> None:
    wrong = {name for _, name in imports("warehouse") if name.split(".")[0] == "bitrix"} - DESCRIPTORS_ONLY
    assert not wrong


FROM_THE_CONTROL_API = {f"webhook_api.{name}" for name in ("auth", "errors", "measures", "pool", "requests", "serving")}
"""What the two services share: who may call, the shape of errors, connections, what surrounds a request and counts it,
running."""


def test_the_chart_service_shares_sign_in_and_errors_only() -> None:
    assert {name for _, name in imports("chart_service") if name.split(".")[0] == "webhook_api"} <= FROM_THE_CONTROL_API


@pytest.mark.parametrize("package", ["bitrix", "warehouse", "webhook_api", "chart_service"])
def test_dagster_is_not_loaded_by_what_the_services_need(package: str) -> None:
    files = [path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py") if not path.stem.startswith("__")]
    modules = [".".join(path.with_suffix("").parts) for path in files]
    code = f"import sys, {', '.join(modules)}; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_connecting_to_the_warehouse_does_not_load_the_portal_client() -> None:
    code = "import sys, warehouse.database, warehouse.settings; sys.exit('bitrix' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
