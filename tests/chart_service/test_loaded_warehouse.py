"""The warehouse that these tests share looks like one that was synced."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg


def test_the_loaded_warehouse_counts_as_synced(owner: psycopg.Connection[Any]) -> None:
    tables = {row[0] for row in owner.execute("SELECT relname FROM pg_class WHERE relnamespace = 'crm'::regnamespace")}
    synced = owner.execute(
        "SELECT count(*) FROM app.sync_state WHERE data_version = 1 AND last_full_at IS NOT NULL"
    ).fetchone()
    assert synced == (len(tables),)
    labelled = owner.execute("SELECT count(*), count(DISTINCT stage_name) FROM crm.deals").fetchone()
    assert labelled is not None
    assert labelled[0] >= 500
    assert labelled[1] > 3
    options = owner.execute("SELECT count(*) FROM crm.field_options").fetchone()
    assert options is not None
    assert options[0] > 0


def test_the_service_answers_on_it(charts_api: httpx.Client) -> None:
    assert charts_api.get("/health").json()["database"] == "ok"
