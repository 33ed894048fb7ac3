"""An endpoint is a function in the module of its subject: its sign-in, errors and description come along."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from warehouse.database import Database

REPOSITORY = Path(__file__).parents[1]
MODULE = "webhook_api/sync_status.py"

NEW = '''

class Rows(BaseModel):
    """How much is known."""

    rows: int


@router.get("/rows", summary="How much is known")
async def rows(services: ServicesOf, user: SignedIn) -> Rows:
    """Entities that were ever synced."""
    async with transaction(services.pool) as connection:
        cursor = await connection.execute("SELECT count(*) FROM app.sync_state")
        [(count,)] = await cursor.fetchall()
    return Rows(rows=count)
'''

USE = """
import json, os, time
import httpx, jwt
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from webhook_api.app import create_app

secret = "s" * 40
claims = {"sub": "7", "aud": "authenticated", "role": "authenticated", "exp": time.time() + 60}
person = {"Authorization": "Bearer " + jwt.encode(claims, secret, "HS256")}
database = Database(os.environ["DATABASE_URL"])
app = create_app(settings_with(database, supabase_jwt_secret=secret), database)
with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as api:
    nobody, somebody = api.get("/api/v1/sync/rows"), api.get("/api/v1/sync/rows", headers=person)
    described = api.get("/openapi.json").json()["paths"]["/api/v1/sync/rows"]["get"]
print(json.dumps({
    "nobody": [nobody.status_code, nobody.json()["code"]],
    "somebody": [somebody.status_code, somebody.json()],
    "described": [described["summary"], sorted(described["responses"])],
}))
"""


def test_one_function_adds_an_endpoint(database: Database, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "webhook_api", tmp_path / "webhook_api", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / MODULE).open("a", encoding="utf-8") as module:
        module.write(NEW)
    ran = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}:{REPOSITORY}", "DATABASE_URL": database.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["nobody"] == [401, "not_signed_in"]
    assert said["somebody"] == [200, {"rows": 0}]
    assert said["described"][0] == "How much is known"
    assert {"200", "401", "403"} <= set(said["described"][1])
