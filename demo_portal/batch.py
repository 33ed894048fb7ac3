"""``batch``: up to 50 commands in one request, one after the other, each may refer to results of those before it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from demo_portal.errors import RestError, missing_parameter
from demo_portal.php import as_map, json_array, parse_str
from demo_portal.service import Service

MAX_COMMANDS = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\]]+\])+)")
_SUBSCRIPT = re.compile(r"\[([^\]]+)\]")


def run_batch(service: Service, params: Mapping[str, Any], access_token: str | None) -> dict[str, Any]:
    """The answer to a batch: always a success as a whole; what failed is in ``result_error``.

    Raises ``RestError`` only when there is no ``cmd``.
    """
    started = time.perf_counter()
    given = {name.lower(): value for name, value in params.items()}
    if not isinstance(given.get("cmd"), Mapping | list):
        raise missing_parameter("cmd")
    halt = str(given.get("halt", "0")).lower() not in ("0", "", "false", "none")
    results: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    totals: dict[str, Any] = {}
    following: dict[str, Any] = {}
    times: dict[str, Any] = {}
    used_by_all = 0.0
    for index, (key, command) in enumerate(as_map(given["cmd"]).items()):
        command_started = time.perf_counter()
        try:
            if index >= MAX_COMMANDS:
                raise RestError("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
            method, arguments = parse_command(command, results)
            if method == "batch":
                raise RestError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage", 405)
            answer, used = service.command(method, arguments, access_token)
        except RestError as error:
            errors[key] = error.envelope()
            if halt:
                break
            continue
        results[key] = answer.result
        if answer.total is not None:
            totals[key] = answer.total
        if answer.next is not None:
            following[key] = answer.next
        times[key] = service.time_block(method, command_started, used)
        used_by_all = max(used_by_all, used)
    body = {
        "result": json_array(results),
        "result_error": json_array(errors),
        "result_total": json_array(totals),
        "result_next": json_array(following),
        "result_time": json_array(times),
    }
    return {"result": body, "time": service.time_block("batch", started, used_by_all)}


def parse_command(command: Any, results: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Method and arguments of a command such as ``crm.deal.list?start=-1&filter[>ID]=$result[c0][49][ID]``."""
    text = str(command)
    method, _, query = text.partition("?")
    arguments = parse_str(query)
    if "$result" in text or "%24result" in text:
        arguments = {name: _resolve_all(value, results) for name, value in arguments.items()}
    return method.strip().removesuffix(".json").lower(), arguments


def _resolve_all(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _resolve_all(item, results) for name, item in value.items()}
    return _REFERENCE.sub(lambda match: _resolve(_SUBSCRIPT.findall(match[1]), results), value)


def _resolve(path: list[str], results: Mapping[str, Any]) -> str:
    """The text that stands for a reference.

    The trap: where the path leads nowhere, the deepest value that exists is taken, and an array cast to a number is 1
    (0 if it is empty). So after a short page ``filter[>ID]`` becomes 1 and the chain starts from the beginning again.
    """
    value: Any = results
    for key in path:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            break
    if isinstance(value, Mapping | list):
        return "1" if value else "0"
    return "" if value is None or value is False else str(value)
