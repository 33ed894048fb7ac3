"""Every command of the documents: what it names exists, and what is cheap enough is run as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from chart_service.app import create_app as charts_app
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.chart_service.sign_in.supabase_server import ANON_KEY, PASSWORD, SECRET, supabase_server
from tests.documentation.commands import ELSEWHERE, Line, UnknownCommandError, check, is_run, lines
from tests.documentation.documents import ALL, PAIRS, ROOT, WITH_COMMANDS, Document, read
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from webhook_api.app import create_app as control_app

LINES = [(name, line) for name in ALL for line in lines(read(name))]
INLINE = re.compile(r"(?:b24|make) [^…|]+|(?:\.venv/bin/b24|docker compose) .+")


@pytest.mark.parametrize(("name", "line"), LINES, ids=[f"{name}: {line.text[:50]}" for name, line in LINES])
def test_what_a_command_names_exists(name: str, line: Line) -> None:
    assert line.commands(), line
    for words in line.commands():
        check(words)


@pytest.mark.parametrize("name", ALL)
def test_commands_in_the_text_exist(name: str) -> None:
    for code in read(name).code():
        if INLINE.fullmatch(code):
            bare = re.sub(r"\[[^]]*\]|[A-Z]+\.jsonl", "", code)  # what may be left out
            for words in Line(name, bare).commands():
                if words[1:] not in (["guard"], ["eval"]):
                    check(words)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "rm -rf .b24",
            "make everything",
            "b24 everything",
            "b24 sync --quick",
            "b24 up --deals none",
            "b24 dbt seed",
        ),
        *("curl localhost:8080/api/v1/sync", "curl -X PUT localhost:8080/health", "curl -k localhost:8080/health"),
        *(
            "curl localhost:8080/api/v1/sync/history?lines=3",
            "docker compose exec nothing b24 sync",
            "cp .env .env.old",
        ),
        "docker compose run --rm daemon b24 dagster job wipe",
    ],
)
def test_what_does_not_exist_is_found(command: str) -> None:
    [words] = Line("a document", command).commands()
    with pytest.raises(UnknownCommandError):
        check(words)


@pytest.mark.parametrize(("english", "russian"), PAIRS.items())
def test_both_languages_have_the_same_commands(english: str, russian: str) -> None:
    assert [_bare(line) for line in lines(read(english))] == [_bare(line) for line in lines(read(russian))]


def _bare(line: Line) -> list[list[str]]:
    return line.commands()


RUN = [(name, line) for name, line in LINES if name in WITH_COMMANDS and name not in PAIRS.values() and is_run(line)]
"""What is run, in one language: the other has the same commands."""
CURL = [(name, line) for name, line in RUN if "curl" in line.text]


def test_what_is_said_to_be_run_elsewhere_is_there() -> None:
    named = {name for why in ELSEWHERE.values() for name in re.findall(r"[\w/]*test_\w+\.py", why)}
    assert {
        name for name in named if not list(ROOT.glob(name if "/" in name else f"tests/documentation/{name}"))
    } == set()


def test_there_is_something_to_run() -> None:
    kinds = {line.commands()[0][:2][-1] for _, line in RUN}
    assert {"doctor", "migrate", "sync"} <= kinds
    assert len(CURL) >= 10


class Place:
    """A directory with ``.venv/bin/b24`` as ``make install`` leaves it.

    ``moved``: what is put in place of documented ports and of what readers are to put in.
    """

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.moved: dict[str, str] = {}
        tools = home / ".venv" / "bin"
        tools.mkdir(parents=True)
        command = tools / "b24"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli.main "$@"\n')
        command.chmod(0o755)

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a line as it stands, but for ports and what readers are to put in."""
        for old, new in self.moved.items():
            text = text.replace(old, new)
        # Each answer's status is kept; what curl prints is what the documents let it print.
        prelude = 'curl() { command curl --noproxy "*" --dump-header "heads.$RANDOM.$RANDOM" "$@"; }\n'
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", prelude + text],
            cwd=self.home,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "NO_COLOR": "1", **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def statuses(self) -> list[int]:
        """The statuses of the answers since the last call of this."""
        found = []
        for path in self.home.glob("heads.*"):
            found += [int(status) for status in re.findall(r"^HTTP/\S+ (\d+)", path.read_text(), re.MULTILINE)]
            path.unlink()
        return found


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Iterator[Place]:
    """With an external PostgreSQL and a portal, as the documents say for an installation of one's own."""
    with PortalServer(Portal.generate(seed=5, deals=60), limits=False) as portal:
        yield Place(
            tmp_path,
            {
                "DATABASE_URL": database.url,
                "BITRIX_WEBHOOK_URL": portal.webhook_url,
                "BITRIX_REQUEST_BURST": "100000",
                "BITRIX_REQUESTS_PER_SECOND": "1000",
                "B24_HOME": str(tmp_path / "home"),
                "DBT_DOCS_DIR": str(tmp_path / "dbt"),
            },
        )


def test_commands_of_b24_run(place: Place) -> None:
    """Each once, in the order of the documents: the first sync is full, the doctor has a database to look at."""
    texts = dict.fromkeys(line.text.partition("#")[0].strip() for _, line in RUN if "curl" not in line.text)
    assert texts
    for text in sorted(texts, key=lambda text: "migrate" not in text):
        done = place.run(text)
        output = done.stdout + done.stderr
        assert "Traceback" not in output
        if "doctor" in text:  # a port may be in use on the machine of these tests
            assert "✓ database" in output, output
            assert "✓ rights: the webhook's owner is an administrator" in output, output
        else:
            assert done.returncode == 0, f"{text}\n{output}"


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl or jq is not installed")
@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in CURL))
def test_calls_of_the_apis_run(name: str, place: Place, database: Database) -> None:
    """Against both services on real HTTP. Dagster is away, so what needs it answers that, and nothing worse."""
    account = {"embed_username": "host", "embed_password": "a long password"}
    own = [line for document, line in CURL if document == name]
    with ExitStack() as stack:
        sign_in = stack.enter_context(supabase_server())
        values: dict[str, Any] = {"bitrix_webhook_url": place.environment["BITRIX_WEBHOOK_URL"], **account}
        open_apis = _apis(stack, database, values)
        closed = {"supabase_url": sign_in.url, "supabase_jwt_secret": SECRET}
        signed_in_apis = _apis(stack, database, {**values, **closed})
        uuid = _embedded(open_apis["localhost:8090"])
        place.environment |= {"SUPABASE_URL": sign_in.url, "SUPABASE_KEY": ANON_KEY}
        for line in own:
            with_token = "$TOKEN" in line.text
            place.moved = {
                **(signed_in_apis if with_token else open_apis),
                "<uuid>": uuid,
                "…": PASSWORD if "SUPABASE" in line.text else account["embed_password"],
            }
            assigned = re.match(r"([A-Z]+)=\$\(", line.text)
            done = place.run(line.text + (f'\nprintf %s "${assigned[1]}"' if assigned else ""))
            statuses = place.statuses()
            assert done.returncode == 0, f"{line.text}\n{done.stdout}{done.stderr}"
            assert statuses, line.text
            assert _expected(line, statuses), f"{line.text}\n{statuses}\n{done.stdout}"
            if assigned:
                place.environment[assigned[1]] = done.stdout


def _apis(stack: ExitStack, database: Database, values: dict[str, Any]) -> dict[str, str]:
    settings = settings_with(database, **values)
    control = stack.enter_context(serving(control_app(settings, database)))
    charts = stack.enter_context(serving(charts_app(settings, database)))
    return {"localhost:8080": control.partition("://")[2], "localhost:8090": charts.partition("://")[2]}


def _embedded(charts: str) -> str:
    """The uuid of a dashboard that may be embedded."""
    with httpx.Client(base_url=f"http://{charts}", trust_env=False, timeout=30) as api:
        number = api.post("/api/v1/dashboards", json={"title": "Mine"}).raise_for_status().json()["id"]
        body = {"allowed_domains": ["https://host.example"]}
        made = api.post(f"/api/v1/dashboard/{number}/embedded", json=body).raise_for_status()
        return str(made.json()["result"]["uuid"])


def _expected(line: Line, statuses: list[int]) -> bool:
    if "/health" in line.text or "/sync/start" in line.text:
        return set(statuses) <= {200, 202, 503}  # Dagster is away
    if "webhooks/register?" in line.text:
        return set(statuses) <= {200, 409}  # an outgoing webhook is made by hand
    return set(statuses) <= {200, 201}


def test_a_block_is_cut_into_lines_as_the_shell_does() -> None:
    text = "```sh\n# a remark\na 'b\nc' \\\n  d   # and one here\nX=$(e \"$f\" | g) && h\n```\n"
    assert [line.commands() for line in lines(Document("x", text))] == [
        [["a", "b\nc", "d"]],
        [["e", "$f"], ["g"], ["h"]],
    ]
