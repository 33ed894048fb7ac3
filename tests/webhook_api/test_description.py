"""The API against its own OpenAPI description: generated requests, right and wrong, find no fault and no surprise."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import jwt
import pytest

from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from webhook_api.app import create_app

SECRET = "s" * 40
SLOW = pytest.mark.slow
CONFIGURATION = """
[[operations]]
# Here neither Dagster nor a portal answers, and these say so with the described status 503.
include-path = ["/health", "/api/v1/sync/start/{entity}", "/api/v1/schema/refresh"]
checks.not_a_server_error.enabled = false

[[operations]]
# What makes an event or an address a right one is more than a schema can say.
include-path = ["/api/v1/webhooks/bitrix", "/api/v1/webhooks/install", "/api/v1/webhooks/register",
    "/api/v1/webhooks/unregister"]
checks.positive_data_acceptance.enabled = false

[[operations]]
# Words of nothing but white space are refused, and what is white space differs between Python and JSON Schema.
include-path = ["/api/v1/schema/descriptions/{table}", "/api/v1/schema/descriptions/{table}/{column}"]
checks.positive_data_acceptance.enabled = false
"""


@pytest.mark.parametrize(
    "phase",
    [
        pytest.param(["--phases", "examples,coverage"], id="every value at its limits"),
        pytest.param(["--phases", "fuzzing", "--max-examples", "60", "--max-time", "90"], id="at random", marks=SLOW),
    ],
)
def test_generated_requests_find_no_fault_and_no_surprise(
    database: Database, tmp_path: Path, phase: Sequence[str]
) -> None:
    """Each answer must have a described status, headers and body; right requests are accepted, wrong ones refused, and
    none gets in without a token."""
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    token = jwt.encode(
        {"sub": "user", "aud": "authenticated", "role": "authenticated", "exp": time.time() + 3600}, SECRET, "HS256"
    )
    argv = [sys.executable, "-m", "schemathesis.cli", "run", "--header", f"Authorization: Bearer {token}", *phase]
    with serving(create_app(settings_with(database, supabase_jwt_secret=SECRET), database)) as url:
        done = subprocess.run(
            [*argv, "--no-color", "--continue-on-failure", f"{url}/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated is not None, done.stdout
    assert int(generated[1]) > 200
