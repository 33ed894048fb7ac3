"""A server that speaks OpenAI's protocol and says what a test wrote down; keeps everything that it was asked.

::

    with model_server({"Сколько сделок?": answer("SELECT count(*) AS deals FROM crm.deals")}) as server:
        settings = load_settings(openai_base_url=server.url, openai_api_key=KEY, …)
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-secret-key-of-the-test"
FORMS = frozenset({"json_schema", "json_object", "json_object+schema", "text"})
USAGE = {"prompt_tokens": 10_000, "completion_tokens": 400, "prompt_tokens_details": {"cached_tokens": 8_000}}


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of the server: the message's text, or a status with a body; how fast, and how it ends."""

    text: str = ""
    refusal: str | None = None
    finish: str = "stop"
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0
    """Seconds before each chunk of the stream."""
    breaks_off: bool = False


def answer(sql: str | None, figure: Mapping[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """An intent as a model would write it; without ``figure`` a table."""
    return {
        "plan": "Count what was asked for.",
        "assumptions": [],
        "answerable": sql is not None,
        "clarification": None,
        "sql": sql,
        "title": "A chart",
        "description": "What was asked for.",
        "figure": None if sql is None else dict(figure or {"format": "table", "traces": [{"type": "table"}]}),
        **values,
    }


def figure_of(chart: str, trace: str, **columns: Any) -> dict[str, Any]:
    """A figure template with one trace."""
    return {"format": chart, "traces": [{"type": trace, **columns}]}


def failed(status: int, message: str, *, headers: Mapping[str, str] | None = None, **error: Any) -> Said:
    """An error in OpenAI's shape."""
    return Said(status=status, body={"error": {"message": message, **error}}, headers=headers or {})


Scripted = Said | Mapping[str, Any] | str


@dataclass
class ModelServer:
    """What the server says and what it heard. ``script`` goes before ``answers`` (by question)."""

    answers: Mapping[str, Scripted] = field(default_factory=dict)
    script: list[Scripted] = field(default_factory=list)
    forms: frozenset[str] = FORMS
    unsupported: Callable[[str], Said] = lambda form: failed(400, f"Unsupported response_format type: {form}")
    usage: Mapping[str, Any] | None = field(default_factory=lambda: dict(USAGE))
    streams: bool = True
    url: str = ""
    heard: list[dict[str, Any]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)

    def says(self, *said: Scripted) -> None:
        """What to say next, one by one."""
        self.script.extend(said)

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return len(self.heard)

    def dump(self) -> str:
        """Everything that was ever sent to it, as one text."""
        return json.dumps(self.heard, ensure_ascii=False)

    def reply_to(self, body: Mapping[str, Any]) -> Said:
        """What it says to a request."""
        wanted = _form(body)
        if wanted not in self.forms:
            return self.unsupported(wanted)
        said = self.script.pop(0) if self.script else self._by_question(body)
        if isinstance(said, Said):
            return said
        return Said(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False))

    def _by_question(self, body: Mapping[str, Any]) -> Scripted:
        asked = question_in(body["messages"])
        if asked not in self.answers:
            return failed(400, f"the script has no answer to {asked!r}")
        return self.answers[asked]


def question_in(messages: Sequence[Mapping[str, Any]]) -> str:
    """The question of a conversation: what stands between the marks of the first message of the user."""
    first = next(message["content"] for message in messages if message["role"] == "user")
    found = re.findall(r"<question>\n(.*?)\n</question>", first, re.DOTALL)
    return str(found[-1]) if found else ""


@contextmanager
def model_server(answers: Mapping[str, Scripted] | None = None, **values: Any) -> Iterator[ModelServer]:
    """A server on a port of this machine that answers while this is open."""
    known = ModelServer(answers or {}, **values)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(known)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        known.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


def _form(body: Mapping[str, Any]) -> str:
    given = body.get("response_format")
    if not given:
        return "text"
    return f"{given['type']}+schema" if given["type"] == "json_object" and "schema" in given else str(given["type"])


def _handler(known: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known.heard.append({"path": self.path, "key": self.headers["Authorization"], **body})
            said = known.reply_to(body)
            try:
                self._send(said, stream=bool(body.get("stream")) and known.streams)
            except (BrokenPipeError, ConnectionResetError):
                known.hung_up.set()

        def _send(self, said: Said, *, stream: bool) -> None:
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            streamed = stream and said.status == 200 and said.body is None
            self.send_header("Connection", "close")
            if streamed:
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self._stream(said)
                return
            time.sleep(said.pause)
            content = json.dumps(_completion(said, known.usage) if said.body is None else said.body).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _stream(self, said: Said) -> None:
            pieces = [said.text[at : at + 40] for at in range(0, len(said.text), 40)]
            for piece in pieces or [""]:
                time.sleep(said.pause)
                self._event({"delta": {"content": piece}, "finish_reason": None})
                if said.breaks_off:
                    return
            self._event({"delta": {"refusal": said.refusal}, "finish_reason": said.finish})
            if known.usage:
                self._data({"choices": [], "usage": {**known.usage, "total_tokens": 0}})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")

        def _event(self, choice: Mapping[str, Any]) -> None:
            self._data({"choices": [{"index": 0, **choice}]})

        def _data(self, chunk: Mapping[str, Any]) -> None:
            known_chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted", **chunk}
            self._chunk(f"data: {json.dumps(known_chunk)}\n\n".encode())

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _completion(said: Said, usage: Mapping[str, Any] | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": said.text, "refusal": said.refusal}
    choice = {"index": 0, "message": message, "finish_reason": said.finish}
    counted = {"usage": {**usage, "total_tokens": 0}} if usage else {}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **counted}
