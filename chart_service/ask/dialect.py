"""What a server that speaks OpenAI's protocol is known to understand, found out by its own complaints.

Servers differ in how they are told to keep to a schema, from strict to not at all: a ladder of forms. Some do not know
a parameter or call it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

Form = Literal["json_schema", "json_object_with_schema", "json_object", "text"]
LADDER: tuple[Form, ...] = get_args(Form)

OUTPUT_TOKENS = 4096
"""An answer has about 600. One that runs on is cut off here and reported."""

_COMPLAINT_STATUSES = frozenset({400, 404, 415, 422, 500, 501})
_ABOUT_THE_FORM = re.compile(
    r"response_format|json_schema|json_object|json mode|structured.?output|grammar|literal_error"
)
_OPTIONAL = ("stream_options", "temperature")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One server's way with one model. ``left_out``: parameters that it does not know; ``limit``: what it calls the
    greatest number of output tokens, or None when it knows no such limit."""

    form: Form = "json_schema"
    left_out: frozenset[str] = frozenset()
    limit: str | None = "max_tokens"

    @property
    def schema_in_prompt(self) -> bool:
        """Whether the schema has to be told in words, since the server does not pass it on."""
        return self.form != "json_schema"

    def arguments(self, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call beside model and messages."""
        given: dict[str, Any] = {"temperature": 0, "stream_options": {"include_usage": True}}
        arguments = {key: value for key, value in given.items() if key not in self.left_out}
        if self.limit:
            arguments[self.limit] = OUTPUT_TOKENS
        if self.form == "json_schema":
            named = {"name": name, "strict": True, "schema": schema}
            arguments["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self.form == "json_object_with_schema":
            arguments["response_format"] = {"type": "json_object", "schema": schema}
        elif self.form == "json_object":
            arguments["response_format"] = {"type": "json_object"}
        return arguments

    def lower(self) -> Dialect | None:
        """One form further down the ladder, or None at its foot."""
        below = LADDER.index(self.form) + 1
        return replace(self, form=LADDER[below]) if below < len(LADDER) else None

    def adapted(self, status: int, complaint: str) -> Dialect | None:
        """What to try after this complaint, or None when it is about something else.

        ``complaint``: all that the server says, in small letters. A server that fails over a form (status 500) says so
        as well as one that refuses it.
        """
        if status not in _COMPLAINT_STATUSES:
            return None
        for parameter in _OPTIONAL:
            if parameter in complaint and parameter not in self.left_out:
                return replace(self, left_out=self.left_out | {parameter})
        if self.limit and self.limit in complaint:
            other = "max_completion_tokens" if self.limit == "max_tokens" else None
            return replace(self, limit=other)
        return self.lower() if _ABOUT_THE_FORM.search(complaint) else None
