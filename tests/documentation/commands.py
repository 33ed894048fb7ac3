"""The shell commands of documents: what they are, whether what they name exists, and which of them a test runs."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import typer
import yaml
from typer.core import TyperGroup
from typer.exceptions import TyperException

from chart_service.app import create_app as charts_app
from cli.main import app
from tests.documentation.documents import ROOT, Document
from warehouse.database import Database
from warehouse.settings import load_settings
from webhook_api.app import create_app as control_app

SHELL = ("sh", "bash", "shell", "console")
_PUNCTUATION = "();|&"
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a block as the shell takes it: with what follows a backslash or an open quote."""

    document: str
    text: str

    def commands(self) -> list[list[str]]:
        """The words of each simple command in it; assignments before a command are left out."""
        lexer = shlex.shlex(self.text.replace("\\\n", " "), posix=True, punctuation_chars=_PUNCTUATION)
        lexer.whitespace_split = True
        found: list[list[str]] = [[]]
        for word in lexer:
            if set(word) <= set(_PUNCTUATION):
                found.append([])
            elif found[-1] or not _ASSIGNMENT.fullmatch(word):
                found[-1].append(word)
        return [words for words in found if words]


class UnknownCommandError(AssertionError):
    """A document has a command that nothing here knows how to check, or one that names what does not exist."""


def lines(document: Document) -> Iterator[Line]:
    """The lines of a document's shell blocks, and of blocks without a language that begin with a known command."""
    unnamed = [block for block in document.blocks("") if block.split()[:1] and block.split()[0] in CHECKS]
    for block in [*document.blocks(*SHELL), *unnamed]:
        held = ""
        for physical in block.splitlines():
            held += physical + "\n"
            if not physical.endswith("\\") and _closed(held):
                if held.strip() and not held.strip().startswith("#"):
                    yield Line(document.name, held.strip())
                held = ""
        assert not held.strip(), f"{document.name}: a line that does not end: {held}"


def _closed(text: str) -> bool:
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


def check(words: list[str]) -> None:
    """Raise ``UnknownCommandError`` unless this command is known and all that it names exists."""
    name = words[0].removeprefix(".venv/bin/")
    if name not in CHECKS:
        raise UnknownCommandError(f"{' '.join(words)}: add {name} to CHECKS in tests/documentation/commands.py")
    CHECKS[name](words[1:])


def _fail_unless(condition: object, text: str) -> None:
    if not condition:
        raise UnknownCommandError(text)


# -- our own


@cache
def make_targets() -> frozenset[str]:
    """The targets that ``make help`` shows."""
    return frozenset(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _make(arguments: list[str]) -> None:
    for word in arguments:
        if not re.fullmatch(r"PYTHON=\S+", word):
            _fail_unless(word in make_targets(), f"make {word}: no such target")


PASSED_ON: Mapping[str, frozenset[str]] = {
    "dbt": frozenset({"parse", "test", "docs generate"}),  # run by tests/e2e/test_schema_docs.py
    "dagster": frozenset({"run list", "instance migrate"}),
}
"""What documents may hand to programs that ``b24`` runs."""


def _b24(arguments: list[str]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    if arguments in ([], ["--help"]):
        return
    name, rest = arguments[0], arguments[1:]
    command = group.commands.get(name)
    if command is None:
        raise UnknownCommandError(f"b24 {name}: no such command")
    if name in PASSED_ON:
        _fail_unless(not rest or " ".join(rest) in PASSED_ON[name] or rest == ["…"], f"b24 {name} {' '.join(rest)}")
        return
    if rest == ["--help"]:
        return
    try:
        command.make_context(name, list(rest))
    except TyperException as error:
        raise UnknownCommandError(f"b24 {' '.join(arguments)}: {error.message}") from None


@cache
def _api(service: str) -> Mapping[str, Any]:
    settings = load_settings(database_url="postgresql://nobody@127.0.0.1:1/nothing")
    create: Any = {"8080": control_app, "8090": charts_app}[service]
    described: Mapping[str, Any] = create(settings, Database("postgresql://nobody@127.0.0.1:1/nothing")).openapi()[
        "paths"
    ]
    return described


SIGN_IN_PATHS = frozenset({("POST", "/auth/v1/token")})
"""Of Supabase."""


def request_of(arguments: list[str]) -> tuple[str, str, str | None]:
    """Method, URL and body of a call of curl. Raises ``UnknownCommandError`` for options that nothing here reads."""
    method, url, body, at = "", "", None, 0
    while at < len(arguments):
        word = arguments[at]
        if word in ("-X", "-H", "-d", "-o"):
            at += 1
            method = arguments[at] if word == "-X" else method
            body = arguments[at] if word == "-d" else body
        elif word.startswith("-"):
            _fail_unless(word in ("-s", "-f", "-sS"), f"curl {word}: not known to this test")
        else:
            url = word
        at += 1
    return method or ("POST" if body is not None else "GET"), url, body


def _curl(arguments: list[str]) -> None:
    method, url, body = request_of(arguments)
    if body is not None:
        json.loads(body)
    if url.startswith("$SUPABASE_URL"):
        path = urlsplit(url.removeprefix("$SUPABASE_URL")).path
        _fail_unless((method, path) in SIGN_IN_PATHS, f"{method} {url}: not a path of Supabase that we use")
        return
    parts = urlsplit(url if re.match(r"[a-z]+://", url) else f"http://{url}")
    _fail_unless(parts.hostname == "localhost" and str(parts.port) in ("8080", "8090"), f"{url}: no service of ours")
    path, operation = _operation(str(parts.port), parts.path)
    _fail_unless(method.lower() in operation, f"{method} {path}: {', '.join(operation)} only")
    known = {item["name"] for item in operation[method.lower()].get("parameters", ()) if item["in"] == "query"}
    given = {pair.partition("=")[0] for pair in parts.query.split("&") if pair}
    _fail_unless(given <= known, f"{url}: unknown parameters {given - known}")


def _operation(service: str, path: str) -> tuple[str, Mapping[str, Any]]:
    for template, operation in _api(service).items():
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path):
            return template, operation
    raise UnknownCommandError(f"port {service} has no path {path}")


def _code(text: str) -> None:
    """A script after ``python -c``: it parses, and what it imports is installed."""
    for node in ast.walk(ast.parse(text)):
        for alias in node.names if isinstance(node, ast.Import) else ():
            _fail_unless(find_spec(alias.name), f"python has no module {alias.name}")


def _python(arguments: list[str]) -> None:
    if arguments[:1] == ["-c"]:
        _code(arguments[1])
        return
    if arguments[:2] == ["-m", "pytest"]:
        arguments = arguments[2:]
    elif arguments[:2] == ["-m", "venv"]:
        return
    else:
        module = ROOT / arguments[1] / "__main__.py" if arguments[:1] == ["-m"] else None
        _fail_unless(module is not None and module.exists(), f"python {' '.join(arguments)}: not known to this test")
        return
    for word in arguments:
        if "/" in word:
            _fail_unless((ROOT / word).exists(), f"{word} does not exist")
        else:
            known = word.isdigit() or word in ("-m", "slow", "-x", "-q", "-n", "--dist", "worksteal")
            _fail_unless(known, f"pytest {word}: not known to this test")


# -- programs of others


@cache
def _compose() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def _docker(arguments: list[str]) -> None:
    if arguments[:1] == ["build"]:
        return
    _fail_unless(arguments[:1] == ["compose"], f"docker {' '.join(arguments)}: not known to this test")
    rest = arguments[1:]
    while rest[:1] == ["--profile"]:
        profiles = {profile for service in _compose().values() for profile in service.get("profiles", ())}
        _fail_unless(rest[1] in profiles, f"docker compose has no profile {rest[1]}")
        rest = rest[2:]
    verb, *rest = rest
    _fail_unless(verb in ("up", "down", "build", "logs", "exec", "run", "ps"), f"docker compose {verb}")
    names = [word for word in rest if not word.startswith("-")]
    if verb in ("exec", "run"):
        at = rest.index(names[0])
        names = names[:1]
        check(rest[at + 1 :])
    for name in names:
        _fail_unless(name in _compose(), f"docker compose has no service {name}")


def _helm(arguments: list[str]) -> None:
    if arguments[0] == "repo":
        _fail_unless(arguments[1:] == ["add", "dagster", "https://dagster-io.github.io/helm"], "another repository")
        return
    options = dict(pairwise(arguments))
    _fail_unless((ROOT / options["--values"]).exists(), f"{options['--values']} does not exist")
    locked = re.search(r"^dagster==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    _fail_unless(locked and options["--version"] == locked[1], "the chart's version is not that of the lock")


def _cp(arguments: list[str]) -> None:
    _fail_unless((ROOT / arguments[0]).exists(), f"cp: {arguments[0]} does not exist")


def _cd(arguments: list[str]) -> None:
    _fail_unless(arguments == ["bitrix-to-postgres"], f"cd {' '.join(arguments)}")


def _git(arguments: list[str]) -> None:
    _fail_unless(arguments == ["clone", "<repository>", "bitrix-to-postgres"], f"git {' '.join(arguments)}")


def _psql(arguments: list[str]) -> None:
    example = re.findall(r"postgresql://b24:password@db\.example\.com:5432/b24", " ".join(arguments))
    _fail_unless(example, f"psql {' '.join(arguments)}: another address than the one in the document")


def _jq(arguments: list[str]) -> None:
    _fail_unless(arguments == ["-r", ".access_token"], f"jq {' '.join(arguments)}")


def _ci(arguments: list[str]) -> None:
    _fail_unless(not arguments and (ROOT / ".ci/run").exists(), ".ci/run does not exist")


def _uv_pip(arguments: list[str]) -> None:
    _fail_unless(arguments == ["install", "uv"], f"pip {' '.join(arguments)}")


CHECKS: Mapping[str, Callable[[list[str]], None]] = {
    "make": _make,
    "b24": _b24,
    "curl": _curl,
    "python": _python,
    "python3": _python,
    "docker": _docker,
    "helm": _helm,
    "cp": _cp,
    "cd": _cd,
    "git": _git,
    "psql": _psql,
    "jq": _jq,
    ".ci/run": _ci,
    "/tmp/uv/bin/pip": _uv_pip,
}
"""Every program that documents may call, and how a call of it is checked."""

ELSEWHERE: Mapping[str, str] = {
    "make": "targets are run by whoever runs these tests, by .ci/run and by test_fresh_clone.py",
    "git": "test_fresh_clone.py",
    "cd": "test_fresh_clone.py",
    "cp": "test_fresh_clone.py",
    "psql": "test_fresh_clone.py",
    "python": "the suite does not run itself",
    "python3": "makes what make lock needs",
    ".ci/run": "runs these tests",
    "/tmp/uv/bin/pip": "needs a registry",
    "docker": "no engine here; tests/deployment runs what containers would",
    "helm": "no cluster here",
    "b24 up": "tests/cli/test_up.py",
    "b24 dbt": "tests/e2e/test_schema_docs.py",
    "b24 dagster": "tests/deployment/test_compose.py",
    "b24 bench": "minutes long; tests/cli/test_bench.py and the benchmarks themselves",
    "b24 eval": "needs a model; tests/chart_service/ask/test_eval.py",
    "b24 export": "tests/warehouse/test_backup.py",
    "b24 import": "tests/warehouse/test_backup.py",
}
"""What is checked here for existing, and where, or why nowhere, it is run."""


def is_run(line: Line) -> bool:
    """Whether ``test_commands.py`` runs this line."""
    for words in line.commands():
        name = words[0].removeprefix(".venv/bin/")
        if name in ELSEWHERE or f"{name} {words[1]}" in ELSEWHERE:
            return False
    return True
