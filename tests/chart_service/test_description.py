"""Statements, the library and its files against the service's own description: generated requests find no fault."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jwt
import pytest

from chart_service.app import create_app
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

SECRET = "s" * 40
PATHS = "^/api/v1/(sql|charts|export|filters)"
CONFIGURATION = """
[[operations]]
# What makes a statement, a template, a filter or a column a right one is more than a schema can say.
include-path-regex = "^/api/v1/(sql|charts|export|filters)"
checks.positive_data_acceptance.enabled = false

[[operations]]
# Its path looks like a chart's, whose methods it has not.
include-path = "/api/v1/charts/draw"
checks.positive_data_acceptance.enabled = false
checks.unsupported_method.enabled = false
"""


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(["--phases", "examples,coverage"], id="every value at its limits", marks=pytest.mark.slow),
        pytest.param(
            ["--phases", "fuzzing", "--max-examples", "60", "--max-time", "90"], id="at random", marks=pytest.mark.slow
        ),
    ],
)
def test_generated_requests_find_no_fault_and_no_surprise(
    warehouse: Database, tmp_path: Path, phase: Sequence[str]
) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    claims = {"sub": "user", "aud": "authenticated", "role": "authenticated", "exp": time.time() + 3600}
    token = jwt.encode(claims, SECRET, "HS256")
    argv = [sys.executable, "-m", "schemathesis.cli", "run", "--header", f"Authorization: Bearer {token}", *phase]
    settings = settings_with(warehouse, supabase_jwt_secret=SECRET)
    with serving(create_app(settings, warehouse)) as url:
        done = subprocess.run(
            [*argv, "--include-path-regex", PATHS, "--no-color", "--continue-on-failure", f"{url}/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None, done.stdout
    assert int(generated[1]) > 100
