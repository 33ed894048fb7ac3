"""The configuration for more machines agrees with the code and with what one machine runs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from dagster._core.launcher import RunLauncher
from dagster._serdes import ConfigurableClassData

from tests.deployment.compose import ROOT, compose, interpolate
from tests.deployment.test_compose import GIVEN, SETTINGS
from warehouse.settings import Settings

DEPLOY = ROOT / "deploy"
ONLY_OF_THE_SERVER = {"BITRIX_APPLICATION_TOKEN", "BITRIX_CLIENT_ID", "BITRIX_CLIENT_SECRET", "ENCRYPTION_KEY"}
NOT_OF_RUNS = {"SYNC_DEFAULT_INTERVAL_MINUTES", "ALERT_WEBHOOK_URL", "DAGSTER_URL", "DAGSTER_PUBLIC_URL"}
SECRETS = {name.upper() for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture
def in_containers() -> dict[str, Any]:
    found: dict[str, Any] = load("deploy/docker/dagster-docker.yaml")
    return found


def test_runs_in_containers_differ_in_the_launcher_and_the_queue_only(in_containers: dict[str, Any]) -> None:
    here = load("dagster.yaml")
    in_containers["run_launcher"] = here["run_launcher"]
    in_containers["run_queue"]["max_concurrent_runs"] = here["run_queue"]["max_concurrent_runs"]
    assert in_containers == here


def test_the_launcher_takes_its_configuration(in_containers: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B24_IMAGE", "bitrix-to-postgres")
    monkeypatch.setenv("B24_NETWORK", "b24_default")
    given = in_containers["run_launcher"]
    data = ConfigurableClassData(given["module"], given["class"], yaml.safe_dump(given["config"]))
    launcher = data.rehydrate(as_type=RunLauncher)
    assert launcher.supports_check_run_worker_health
    assert launcher.image == "bitrix-to-postgres"


def test_runs_in_containers_get_what_a_sync_reads(in_containers: dict[str, Any]) -> None:
    forwarded = set(in_containers["run_launcher"]["config"]["env_vars"])
    code_location = set(compose(GIVEN)["services"]["code-location"]["environment"]) & SETTINGS
    assert forwarded - {"B24_DAGSTER_DATABASE_URL"} == code_location - ONLY_OF_THE_SERVER - NOT_OF_RUNS
    override = load("deploy/docker/runs-in-containers.yaml")["services"]
    daemon = compose(GIVEN)["services"]["daemon"]["environment"].keys() | override["daemon"]["environment"].keys()
    assert forwarded - {"B24_DAGSTER_DATABASE_URL"} <= daemon
    assert override["daemon"]["environment"]["B24_NETWORK"] == f"{compose(GIVEN)['name']}_default"
    assert in_containers["run_launcher"]["config"]["container_kwargs"]["volumes"] == ["b24_state:/var/lib/b24"]


def test_kubernetes_queues_runs_as_one_machine_does() -> None:
    here = load("dagster.yaml")
    daemon = load("deploy/kubernetes/dagster-values.yaml")["dagsterDaemon"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert queue["tagConcurrencyLimits"] == here["run_queue"]["tag_concurrency_limits"]
    assert queue["dequeueIntervalSeconds"] == here["run_queue"]["dequeue_interval_seconds"]
    assert daemon["runMonitoring"]["startTimeoutSeconds"] == here["run_monitoring"]["start_timeout_seconds"]
    assert daemon["sensors"] == {"useThreads": True, "numWorkers": here["sensors"]["num_workers"]}


def test_kubernetes_is_of_the_dagster_that_is_locked() -> None:
    text = (DEPLOY / "kubernetes" / "dagster-values.yaml").read_text()
    pinned = re.search(r"^dagster==(\S+)", (DEPLOY / "runtime-kubernetes.lock").read_text(), re.MULTILINE)
    assert pinned is not None
    assert set(re.findall(r"\d+\.\d+\.\d+", text.split("global:")[0])) == {pinned[1]}


def test_the_manifests_start_what_compose_starts() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "b24.yaml").read_text()))
    services = compose(GIVEN)["services"]
    pods = {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] in ("Deployment", "Job")
    }
    for name, service in (
        ("b24-migrations", "migrations"),
        ("b24-api", "webhook-api"),
        ("b24-charts", "chart-service"),
    ):
        [container] = pods[name]["containers"]
        assert container["command"] == services[service]["command"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pods[name]["securityContext"] == {"runAsNonRoot": True, "runAsUser": 10001}
    replicas = {d["metadata"]["name"]: d["spec"]["replicas"] for d in documents if d["kind"] == "Deployment"}
    assert replicas == {"b24-api": 2, "b24-charts": 2}
    images = set(re.findall(r"image: (\S+)", (DEPLOY / "kubernetes" / "b24.yaml").read_text()))
    of_dagster = load("deploy/kubernetes/dagster-values.yaml")["dagsterDaemon"]["image"]
    assert images == {f"{of_dagster['repository']}:{of_dagster['tag']}"}


def test_no_secret_is_in_a_config_map() -> None:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes" / "b24.yaml").read_text())
    [config] = [document for document in documents if document["kind"] == "ConfigMap"]
    assert config["data"].keys() <= SETTINGS
    assert not config["data"].keys() & SECRETS


def test_the_proxy_streams_answers_and_hides_figures() -> None:
    text = (DEPLOY / "proxy" / "nginx.conf").read_text()
    asking = text.partition("location = /api/v1/ask {")[2].partition("}")[0]
    assert "proxy_buffering off;" in asking
    assert text.count("location = /metrics {") == 2
    api = text.partition("proxy_pass http://b24_api;")[2].partition("}")[0]
    assert "non_idempotent" in api
    for included in re.findall(r"include /etc/nginx/(\S+);", text):
        assert (DEPLOY / "proxy" / included).exists()


def test_interpolation_is_that_of_compose() -> None:
    assert interpolate("${A:-x}:${B:-${A:-y}}:${C}", {"A": "1"}) == "1:1:"
