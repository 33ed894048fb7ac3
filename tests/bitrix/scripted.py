"""A portal that answers over real HTTP exactly what a test tells it, for bodies that no sane portal sends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SECRET = "s3cr3twebhookvalue"
TIME = {
    "start": 1718292234.55,
    "finish": 1718292234.65,
    "duration": 0.1,
    "processing": 0.05,
    "date_start": "2024-06-13T18:23:54+03:00",
    "date_finish": "2024-06-13T18:23:54+03:00",
    "operating_reset_at": 1718292834,
    "operating": 0,
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the client sent."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def method(self) -> str:
        """The REST method."""
        return self.path.rsplit("/", 1)[-1].removesuffix(".json")

    @property
    def params(self) -> dict[str, Any]:
        """The JSON parameters."""
        params: dict[str, Any] = json.loads(self.body)
        return params


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; ``cut`` closes the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def success(result: Any, **more: Any) -> Answer:
    """A success envelope."""
    return Answer(body=json.dumps({"result": result, **more, "time": TIME}).encode())


def failure(status: int, code: Any, text: str = "", **more: Any) -> Answer:
    """An error envelope."""
    return Answer(status, json.dumps({"error": code, "error_description": text, **more}).encode())


def batch(result: Any = (), errors: Any = (), **more: Any) -> Answer:
    """A batch answer; empty maps are lists, as PHP prints them."""
    block = {"result": result or [], "result_error": errors or [], "result_total": [], "result_next": []}
    return success({**block, "result_time": [], **more})


Script = Callable[[Request], Answer]


class ScriptedPortal:
    """Serves on the loopback interface. ``script`` is a function of the request, or answers one after the other."""

    def __init__(self, *script: Answer | Script) -> None:
        self.script = list(script)
        self.requests: list[Request] = []

    async def __aenter__(self) -> ScriptedPortal:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def webhook_url(self) -> str:
        """The address to call."""
        return f"http://127.0.0.1:{self.port}/rest/1/{SECRET}/"

    def _next(self, request: Request) -> Answer:
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return step if isinstance(step, Answer) else step(request)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            verb, path, _ = head[0].split(" ", 2)
            request = Request(verb, path, headers, body)
            self.requests.append(request)
            answer = self._next(request)
            lines = [f"HTTP/1.1 {answer.status} X", f"Content-Length: {len(answer.body)}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + answer.body[: answer.cut])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away, as some tests want it to
        finally:
            writer.close()
