"""Figures of the sync for Prometheus: what is counted, from which table, and the text that carries it.

Counters are sums over ``app.sync_logs``, so they fall when old entries are pruned; Prometheus takes that for a restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: ``query`` answers its labels, in their order, and a value last.

    It may name the parameter ``default_minutes``: the interval of an entity that nobody configured.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...]
    query: str


FAMILIES = (
    Family(
        "b24_syncs_total",
        "counter",
        "Syncs that were begun, by how they stand.",
        ("entity", "sync_type", "status"),
        "SELECT entity, sync_type, status, count(*) FROM app.sync_logs GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    ),
    Family(
        "b24_sync_rows_total",
        "counter",
        "Rows by what became of them; missed: found only by comparing counts with the portal.",
        ("entity", "outcome"),
        """SELECT entity, outcome, sum(rows) FROM app.sync_logs, LATERAL (VALUES ('fetched', fetched),
               ('inserted', inserted), ('updated', updated), ('unchanged', unchanged), ('deleted', deleted),
               ('missed', missed)) AS v(outcome, rows) GROUP BY 1, 2 ORDER BY 1, 2""",
    ),
    Family(
        "b24_portal_requests_total",
        "counter",
        "HTTP requests that syncs sent to the portal, repetitions included.",
        ("entity",),
        "SELECT entity, sum(requests) FROM app.sync_logs GROUP BY 1 ORDER BY 1",
    ),
    Family(
        "b24_portal_retries_total",
        "counter",
        "Requests to the portal that were repetitions.",
        ("entity",),
        "SELECT entity, sum(retries) FROM app.sync_logs GROUP BY 1 ORDER BY 1",
    ),
    Family(
        "b24_portal_wait_seconds_total",
        "counter",
        "Seconds that syncs waited for the portal's limits.",
        ("entity",),
        "SELECT entity, sum(waited_seconds) FROM app.sync_logs GROUP BY 1 ORDER BY 1",
    ),
    Family(
        "b24_sync_last_success_timestamp_seconds",
        "gauge",
        "When a sync of the entity last succeeded.",
        ("entity",),
        "SELECT entity, extract(epoch FROM last_sync_at) FROM app.sync_state WHERE last_sync_at IS NOT NULL ORDER BY 1",
    ),
    Family(
        "b24_sync_lag_seconds",
        "gauge",
        "Seconds since a sync of the entity last succeeded; events make rows fresher than that.",
        ("entity",),
        "SELECT entity, extract(epoch FROM now() - last_sync_at) FROM app.sync_state "
        "WHERE last_sync_at IS NOT NULL ORDER BY 1",
    ),
    Family(
        "b24_sync_interval_seconds",
        "gauge",
        "Seconds between two syncs by schedule; no sample for an entity that is switched off.",
        ("entity",),
        """SELECT entity, 60 * coalesce(c.sync_interval_minutes, %(default_minutes)s)
           FROM app.sync_state LEFT JOIN app.sync_config c USING (entity)
           WHERE coalesce(c.enabled, true) ORDER BY 1""",
    ),
    Family(
        "b24_mirror_rows",
        "gauge",
        "Live rows of the entity's table.",
        ("entity",),
        "SELECT entity, rows_total FROM app.sync_state WHERE rows_total IS NOT NULL ORDER BY 1",
    ),
    Family(
        "b24_deletions_held_back",
        "gauge",
        "Rows that vanished from the portal, too many to be believed, at the last comparison.",
        ("entity",),
        """SELECT DISTINCT ON (entity) entity, held_back FROM app.sync_logs
           WHERE status = 'succeeded' AND sync_type <> 'events' ORDER BY entity, started_at DESC""",
    ),
    Family(
        "b24_nulled_cells",
        "gauge",
        "Cells that are null because the portal's values did not fit.",
        ("entity",),
        "SELECT entity, count(*) FROM app.sync_issues GROUP BY 1 ORDER BY 1",
    ),
    Family(
        "b24_events",
        "gauge",
        "Records that events named and that wait, are being read, or were given up.",
        ("entity", "status"),
        "SELECT entity, status, count(*) FROM app.webhook_events WHERE status <> 'done' GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Family(
        "b24_events_oldest_seconds",
        "gauge",
        "Age of the oldest event that was not followed yet.",
        ("entity",),
        """SELECT entity, extract(epoch FROM now() - min(received_at)) FROM app.webhook_events
           WHERE status IN ('pending', 'picked') GROUP BY 1 ORDER BY 1""",
    ),
    Family(
        "b24_events_received_total",
        "counter",
        "Events that the portal posted, by name.",
        ("event", "outcome"),
        """SELECT event, outcome, number FROM app.webhook_received,
               LATERAL (VALUES ('accepted', accepted), ('dropped', dropped)) AS v(outcome, number) ORDER BY 1, 2""",
    ),
    Family(
        "b24_portal_bucket_requests_total",
        "counter",
        "Requests taken from the shared bucket since the database server last crashed.",
        (),
        "SELECT sum(requests) FROM app.portal_rate HAVING count(*) > 0",
    ),
    Family(
        "b24_portal_refusals_total",
        "counter",
        "503 answers of the portal: its bucket was full.",
        (),
        "SELECT sum(refusals) FROM app.portal_rate HAVING count(*) > 0",
    ),
)


def exposition(found: Iterable[tuple[Family, Sequence[Row]]]) -> str:
    """Prometheus's text format, version 0.0.4."""
    lines = []
    for family, rows in found:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        for *labels, value in rows:
            given = dict(zip(family.labels, labels, strict=True))
            lines.append(f"{family.name}{_labels(given)} {float(value):.15g}")
    return "\n".join(lines) + "\n"


def _labels(given: Mapping[str, Any]) -> str:
    if not given:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in given.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
