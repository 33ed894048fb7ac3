"""Each failure of the README's table is brought about, and what the product then says is what the table quotes."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from bitrix.client import PortalClient
from bitrix.errors import RateLimitError
from bitrix.limits import LeakyBucket
from bitrix.webhook_url import WebhookUrl
from chart_service.ask.model_errors import ModelError
from cli.doctor import check_database, check_portal
from cli.services import check_ports
from cli.supervise import StartError
from cli.up_lock import only_one
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration.deletion_guard import too_many_found
from tests.deployment.raw_server import RawServer, free_port, initialised
from tests.deployment.raw_server import serving as serving_postgres
from tests.documentation.documents import ROOT, read
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.settings import SettingsError, load_settings
from webhook_api.app import create_app
from webhook_api.serving import check_host

HEADINGS = {"README.md": "When something fails", "README.ru.md": "Если что-то не работает"}


def quoted(name: str) -> list[str]:
    """What the table of a README quotes, in its order."""
    rows = [line for line in read(name).section(HEADINGS[name]).text.splitlines() if line.startswith("| `")]
    return [re.findall(r"^\| `([^`]+)` \|", row)[0] for row in rows]


def says(quote: str, text: str) -> bool:
    """Whether a text holds a quote, in which ``…`` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in quote.split("…"))
    return re.search(pattern, " ".join(text.split()), re.DOTALL) is not None


@dataclass(frozen=True, slots=True)
class Machine:
    """What failures are brought about with: a portal, a bare server, a migrated database, a directory."""

    portal: PortalServer
    server: RawServer
    database: Database
    home: Path


def _old_python(machine: Machine) -> str:
    old = machine.home / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" || exit 1\n')
    old.chmod(0o755)
    command = ["make", "--no-print-directory", "install", f"PYTHON={old}", f"VENV={machine.home}/venv"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def _taken_port(machine: Machine) -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(StartError) as told:
        check_ports("127.0.0.1", {"api": taken.getsockname()[1]})
    return str(told.value)


def _running_twice(machine: Machine) -> str:
    with (
        only_one(machine.home, "http://127.0.0.1:3000"),
        pytest.raises(StartError) as told,
        only_one(machine.home, "http://127.0.0.1:3001"),
    ):
        pytest.fail("two at once")
    return str(told.value)


def _doctor_of_portal(url: str) -> str:
    return " ".join(finding.text for finding in check_portal(load_settings(bitrix_webhook_url=url)))


def _not_a_webhook(machine: Machine) -> str:
    return _doctor_of_portal("https://example.bitrix24.ru/crm/deal/")


def _wrong_secret(machine: Machine) -> str:
    return _doctor_of_portal(machine.portal.webhook_url.rstrip("/").rsplit("/", 1)[0] + "/0123456789abcdef/")


def _missing_scope(machine: Machine) -> str:
    machine.portal.portal.scopes.discard("department")
    return _doctor_of_portal(machine.portal.webhook_url)


def _no_administrator(machine: Machine) -> str:
    machine.portal.portal.is_admin = False
    return _doctor_of_portal(machine.portal.webhook_url)


def _full_bucket(machine: Machine) -> str:
    async def at_once(seconds: float) -> None:
        """Takes no time."""

    async def ask() -> str:
        url, bucket = WebhookUrl.parse(machine.portal.webhook_url), LeakyBucket(sleep=at_once)
        async with PortalClient(url, bucket=bucket, sleep=at_once) as client:
            with pytest.raises(RateLimitError) as told:
                await client.call("profile")
            return str(told.value)

    machine.portal.faults.add("rate", times=None)
    return asyncio.run(ask())


def _doctor_of_database(url: str) -> str:
    return " ".join(finding.text for finding in check_database(load_settings(database_url=url)))


def _wrong_password(machine: Machine) -> str:
    return _doctor_of_database(f"postgresql://postgres:wrong@127.0.0.1:{machine.server.port}/postgres")


def _no_server(machine: Machine) -> str:
    return _doctor_of_database(f"postgresql://b24:secret@127.0.0.1:{free_port()}/b24")


def _no_right_to_create_roles(machine: Machine) -> str:
    with psycopg.connect(machine.server.admin_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        admin.execute("CREATE DATABASE plain OWNER plain")
    return _doctor_of_database(f"postgresql://plain:plain@127.0.0.1:{machine.server.port}/plain")


def _too_many_vanished(machine: Machine) -> str:
    return too_many_found(200, 1000, "deals")


def _no_model(machine: Machine) -> str:
    return str(ModelError("no_model"))


def _through_a_proxy(machine: Machine) -> str:
    settings = settings_with(machine.database)
    with serving(create_app(settings, machine.database)) as url:
        return httpx.get(f"{url}/api/v1/sync/status", headers={"X-Forwarded-For": "192.0.2.1"}, trust_env=False).text


def _published_without_sign_in(machine: Machine) -> str:
    with pytest.raises(SettingsError) as told:
        check_host(load_settings(), "192.0.2.7")
    return str(told.value)


FAILURES: tuple[Callable[[Machine], str], ...] = (
    *(_old_python, _taken_port, _running_twice, _not_a_webhook, _wrong_secret, _missing_scope, _no_administrator),
    *(_full_bucket, _wrong_password, _no_server, _no_right_to_create_roles, _too_many_vanished, _no_model),
    *(_through_a_proxy, _published_without_sign_in),
)
"""In the table's order."""


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with initialised() as data, serving_postgres(data) as running:
        yield running


@pytest.fixture
def machine(server: RawServer, database: Database, tmp_path: Path) -> Iterator[Machine]:
    with PortalServer(Portal.generate(seed=1, deals=20)) as portal:
        yield Machine(portal, server, database, tmp_path)


@pytest.mark.parametrize("name", HEADINGS)
def test_every_quote_has_its_failure(name: str) -> None:
    assert len(quoted(name)) == len(FAILURES)


@pytest.mark.parametrize(("quote", "failure"), [*zip(quoted("README.md"), FAILURES, strict=False)])
def test_the_product_says_what_is_quoted(quote: str, failure: Callable[[Machine], str], machine: Machine) -> None:
    said = failure(machine)
    assert says(quote, said), said


@pytest.mark.parametrize(("english", "russian"), [("README.md", "README.ru.md")])
def test_both_languages_quote_the_same(english: str, russian: str) -> None:
    assert quoted(english) == quoted(russian)
