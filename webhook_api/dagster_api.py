"""A running Dagster, over the webserver's GraphQL: is it well, start a job, how is the run.

Plain HTTP, because importing Dagster costs a second and 66 MB.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

FINAL = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
TIMEOUT_SECONDS = 30.0
HEARTBEAT_SECONDS = 180.0
"""A daemon reports every 30 s; Dagster itself takes one for healthy until it has been silent for half an hour."""

_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus
    locationOrLoadError { __typename ... on PythonError { message }
        ... on RepositoryLocation { name repositories { name } } } } }
    ... on PythonError { message } } }"""
_DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { required healthy lastHeartbeatTime } } } }"
_LAUNCH = """mutation ($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) { __typename
    ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } } } }"""
_ACTIVE = """{ runsOrError(filter: {statuses: [STARTING, STARTED, CANCELING]}) { __typename
    ... on Runs { results { runId creationTime tags { key value } } } ... on PythonError { message } } }"""
_CANCEL = """mutation ($id: String!) { terminateRun(runId: $id, terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) {
    __typename ... on PythonError { message } ... on TerminateRunFailure { message } } }"""
_RUN = "query ($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"


class DagsterError(Exception):
    """Dagster refused or failed; the text is its own message, shortened."""


class DagsterUnreachable(DagsterError):
    """The webserver does not answer (yet)."""


class DagsterTimeout(DagsterUnreachable):
    """The webserver took a request and did not answer in time: what was asked may have been done or not."""


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a code location's jobs are: the two names that a launch needs."""

    location: str
    name: str


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that Dagster takes for running. ``created`` is in seconds since 1970."""

    run_id: str
    created: float
    tags: Mapping[str, str]


class DagsterApi:
    """One Dagster webserver. ``url`` like ``http://127.0.0.1:3000``."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            timeout=TIMEOUT_SECONDS, trust_env=False
        )  # a proxy of the environment is not for loopback

    def __enter__(self) -> DagsterApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def repository(self, timeout: float = TIMEOUT_SECONDS) -> Repository | None:
        """The loaded code location, or None while it is loading.

        Raises ``DagsterUnreachable``, or ``DagsterError`` when the location's code does not load.
        """
        workspace = self.query(_LOCATIONS, timeout=timeout)["workspaceOrError"]
        for entry in workspace.get("locationEntries", []):
            loaded = entry["locationOrLoadError"]
            if entry["loadStatus"] != "LOADED" or loaded is None:
                continue
            if loaded["__typename"] == "PythonError":
                raise DagsterError(f"the code location {entry['name']} does not load: {_first_line(loaded['message'])}")
            for repository in loaded["repositories"]:
                return Repository(entry["name"], repository["name"])
        return None

    def daemon_healthy(self, timeout: float = TIMEOUT_SECONDS) -> bool:
        """Whether every daemon that this instance needs has reported lately. Raises ``DagsterError``."""
        statuses = self.query(_DAEMONS, timeout=timeout)["instance"]["daemonHealth"]["allDaemonStatuses"]
        oldest = time.time() - HEARTBEAT_SECONDS
        return all(
            status["healthy"] and (status["lastHeartbeatTime"] or 0) > oldest
            for status in statuses
            if status["required"]
        )

    def launch(
        self,
        repository: Repository,
        job: str,
        run_config: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> str:
        """Put a run of ``job`` into the queue. Returns its run id. Raises ``DagsterError``."""
        parameters = {
            "selector": {
                "repositoryLocationName": repository.location,
                "repositoryName": repository.name,
                "jobName": job,
            },
            "runConfigData": dict(run_config),
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]},
        }
        answer = self.query(_LAUNCH, {"parameters": parameters}, timeout=timeout)["launchRun"]
        if answer["__typename"] == "LaunchRunSuccess":
            return str(answer["run"]["runId"])
        messages = [answer.get("message") or "", *(error["message"] for error in answer.get("errors", []))]
        reason = next((_first_line(message) for message in messages if message), answer["__typename"])
        raise DagsterError(f"job {job} was not launched: {reason}")

    def run_status(self, run_id: str) -> str:
        """``QUEUED``, ``STARTING``, ``STARTED``, or one of ``FINAL``. Raises ``DagsterError``."""
        answer = self.query(_RUN, {"id": run_id})["runOrError"]
        if answer["__typename"] != "Run":
            raise DagsterError(f"run {run_id} is not known to Dagster")
        return str(answer["status"])

    def active_runs(self) -> list[ActiveRun]:
        """Runs that have been taken from the queue and have not ended. Raises ``DagsterError``."""
        answer = self.query(_ACTIVE)["runsOrError"]
        if answer["__typename"] != "Runs":
            raise DagsterError(
                f"Dagster at {self.url} does not list its runs: {_first_line(answer.get('message', ''))}"
            )
        return [
            ActiveRun(run["runId"], float(run["creationTime"]), {tag["key"]: tag["value"] for tag in run["tags"]})
            for run in answer["results"]
        ]

    def mark_canceled(self, run_id: str) -> None:
        """Record that a run has ended, whether its process can be reached or not. Raises ``DagsterError``."""
        answer = self.query(_CANCEL, {"id": run_id})["terminateRun"]
        if answer["__typename"] != "TerminateRunSuccess":
            raise DagsterError(f"run {run_id} was not canceled: {_first_line(answer.get('message', ''))}")

    def query(
        self, query: str, variables: Mapping[str, Any] | None = None, *, timeout: float = TIMEOUT_SECONDS
    ) -> dict[str, Any]:
        """Send one GraphQL document; answers its ``data``. ``timeout`` is in seconds.

        Raises ``DagsterUnreachable``, ``DagsterTimeout``, ``DagsterError``.
        """
        document = {"query": query, "variables": variables or {}}
        try:
            response = self._http.post(f"{self.url}/graphql", json=document, timeout=timeout)
        except httpx.ReadTimeout:
            raise DagsterTimeout(f"Dagster at {self.url} did not answer in {timeout:.0f} s") from None
        except httpx.RequestError as error:
            raise DagsterUnreachable(f"Dagster at {self.url} does not answer ({type(error).__name__})") from None
        if response.status_code != httpx.codes.OK:
            raise DagsterError(f"Dagster at {self.url} answered status {response.status_code}")
        try:
            body: dict[str, Any] = response.json()
            errors, data = body.get("errors"), body.get("data")
        except (ValueError, AttributeError):
            raise DagsterError(f"What answers at {self.url} is not Dagster: check DAGSTER_URL") from None
        if errors or not isinstance(data, dict):
            reason = _first_line(errors[0]["message"]) if errors else "an answer without data"
            raise DagsterError(f"Dagster at {self.url}: {reason}")
        return data


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:300]
