"""Runs and schedules of the code location, over the webserver's GraphQL."""

from __future__ import annotations

from dataclasses import dataclass

from webhook_api.dagster_api import DagsterApi, DagsterError

_UNFINISHED = """query ($tags: [ExecutionTag!]) { runsOrError(limit: 1, filter: {tags: $tags, statuses:
    [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING]}) { __typename ... on Runs { results { runId } }
    ... on PythonError { message } } }"""
_RELOAD = """mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename
    ... on PythonError { message } } }"""
_SCHEDULES = """query ($selector: RepositorySelector!) { schedulesOrError(repositorySelector: $selector) { __typename
    ... on Schedules { results { name scheduleState { id selectorId status } } } ... on PythonError { message } } }"""
_START = """mutation ($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) { __typename
    ... on PythonError { message } } }"""
_STOP = """mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename ... on PythonError { message } } }"""


@dataclass(frozen=True, slots=True)
class Launched:
    """A run of an entity. ``already`` when it was on its way before."""

    run_id: str
    already: bool


def launch_sync(api: DagsterApi, entity: str, sync_type: str) -> Launched:
    """Start a sync of one entity unless one is queued or running. Blocking. Raises ``DagsterError``."""
    repository = api.repository()
    if repository is None:
        raise DagsterError("Dagster is still loading the code location. Try again in a few seconds")
    for name in (entity, "all"):
        if running := unfinished_run(api, name):
            return Launched(running, already=True)
    tags = {"entity": entity, "sync_type": sync_type, "trigger": "api"}
    return Launched(api.launch(repository, f"sync_{entity}", {"sync_type": sync_type}, tags), already=False)


def unfinished_run(api: DagsterApi, entity: str) -> str | None:
    """The id of a run with this ``entity`` tag that has not ended. Blocking. Raises ``DagsterError``."""
    answer = api.query(_UNFINISHED, {"tags": [{"key": "entity", "value": entity}]})["runsOrError"]
    if answer["__typename"] != "Runs":
        raise DagsterError(f"Dagster does not list its runs: {answer.get('message', '')[:200]}")
    return next((str(run["runId"]) for run in answer["results"]), None)


def apply_schedule(api: DagsterApi, entity: str, *, enabled: bool) -> None:
    """Let the schedule of one entity follow ``app.sync_config``: reload the code location, switch it on or off.

    Takes two to three seconds; runs in flight go on. Blocking. Raises ``DagsterError``.
    """
    repository = api.repository()
    if repository is None:
        raise DagsterError("Dagster is still loading the code location")
    answer = api.query(_RELOAD, {"name": repository.location})["reloadRepositoryLocation"]
    if answer["__typename"] != "WorkspaceLocationEntry":
        raise DagsterError(f"the code location was not reloaded: {answer.get('message', answer['__typename'])[:200]}")
    selector = {"repositoryLocationName": repository.location, "repositoryName": repository.name}
    schedules = api.query(_SCHEDULES, {"selector": selector})["schedulesOrError"]
    state = next(
        (item["scheduleState"] for item in schedules.get("results", []) if item["name"] == f"sync_{entity}_schedule"),
        None,
    )
    if state is None:
        raise DagsterError(f"Dagster knows no schedule of {entity}")
    if (state["status"] == "RUNNING") is enabled:
        return
    if enabled:
        name = {**selector, "scheduleName": f"sync_{entity}_schedule"}
        answer = api.query(_START, {"selector": name})["startSchedule"]
    else:
        answer = api.query(_STOP, {"id": state["id"]})["stopRunningSchedule"]
    if answer["__typename"] != "ScheduleStateResult":
        raise DagsterError(f"the schedule was not switched: {answer.get('message', answer['__typename'])[:200]}")
