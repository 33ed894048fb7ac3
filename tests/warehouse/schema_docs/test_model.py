"""Descriptions by a model, against a server that speaks OpenAI's protocol and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.warehouse.schema_docs.conftest import DEAL, Connection, fill
from warehouse.descriptions import Description, write_description
from warehouse.schema_docs.catalog import ColumnDoc, read_catalog
from warehouse.schema_docs.markdown import markdown
from warehouse.schema_docs.model import ModelError, ModelServer, Written, describe_untitled
from warehouse.views import refresh_views

KEY = "sk-secret-key-of-the-test"
NAME = "uf_crm_1700000001"


class Script:
    """What the server answers, call by call: a status, or the content of the message. Then it repeats the last."""

    def __init__(self) -> None:
        self.answers: list[int | str] = []
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    def describe(self, ru: str, en: str) -> None:
        self.answers.append(json.dumps({"columns": [{"column": f"deals.{NAME}", "ru": ru, "en": en}]}))

    def server(self) -> ModelServer:
        return ModelServer(self.url, KEY, "a-model")


def handler(script: Script) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.asked.append({"path": self.path, "key": self.headers["Authorization"], **body})
            answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            message = {"choices": [{"message": {"content": answer}}], "usage": {"total_tokens": 321}}
            self.wfile.write(json.dumps(message).encode())

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setattr("warehouse.schema_docs.model.FIRST_PAUSE_SECONDS", 0.01)
    known = Script()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(known)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        known.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield known
        server.shutdown()
        thread.join()


def described(conn: Connection) -> ColumnDoc:
    table = read_catalog(conn).table("deals")
    assert table is not None
    column = table.column(NAME)
    assert column is not None
    return column


def test_an_unnamed_column_is_described_once(filled: Connection, script: Script) -> None:
    script.describe("Вероятно, вес груза, кг", "Probably the weight of the load, kg")
    assert describe_untitled(filled, read_catalog(filled), script.server()) == Written(1, 1, 321)
    column = described(filled)
    assert (column.origin, column.meaning.ru) == ("model", "Вероятно, вес груза, кг")
    assert "Probably the weight of the load, kg _(described by a model)_" in markdown(read_catalog(filled), {}, "en")
    assert describe_untitled(filled, read_catalog(filled), script.server()) == Written()
    [asked] = script.asked
    assert (asked["path"], asked["key"], asked["model"]) == ("/v1/chat/completions", f"Bearer {KEY}", "a-model")


def test_the_model_sees_metadata_and_no_row(filled: Connection, script: Script) -> None:
    row = {"ID": 500, "TITLE": "Тайная сделка", "COMMENTS": "Секретный комментарий", "UF_CRM_1700000001": "123454321"}
    fill(filled, "deal", DEAL, [row])
    refresh_views(filled)
    script.describe("Число", "A number")
    describe_untitled(filled, read_catalog(filled), script.server())
    text = json.dumps(script.asked, ensure_ascii=False)
    assert NAME in text
    assert not [word for word in ("Тайная", "Секретный", "123454321", "1234.56") if word in text]


def test_an_edit_wins_and_the_column_is_not_asked_about_again(filled: Connection, script: Script) -> None:
    script.describe("Число", "A number")
    describe_untitled(filled, read_catalog(filled), script.server())
    write_description(filled, Description("deals", NAME, "person", "Вес нетто", None, None, "anna"))
    column = described(filled)
    assert (column.origin, column.meaning.ru, column.meaning.en) == ("person", "Вес нетто", "A number")
    another = ModelServer(script.url, KEY, "another-model")
    assert describe_untitled(filled, read_catalog(filled), another) == Written()
    assert len(script.asked) == 1


def test_a_busy_server_and_a_wrong_answer_are_tried_again(filled: Connection, script: Script) -> None:
    script.answers += [429, "no JSON"]
    script.describe("Число", "A number")
    assert describe_untitled(filled, read_catalog(filled), script.server()).columns == 1
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("answers", "reason", "calls"),
    [([401], "refuses the key", 1), ([404], "OPENAI_MODEL", 1), ([503], "status 503", 3), (["{}"], "not the JSON", 3)],
)
def test_a_server_that_fails_is_told_without_the_key(
    filled: Connection, script: Script, answers: list[int | str], reason: str, calls: int
) -> None:
    script.answers = answers
    with pytest.raises(ModelError, match=reason) as failure:
        describe_untitled(filled, read_catalog(filled), script.server())
    assert len(script.asked) == calls
    assert KEY not in str(failure.value) + repr(script.server())
    assert described(filled).origin == "portal"
