"""The Grafana dashboard and the alert rules name only what a scrape of the services gives."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain

import httpx
import pytest
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from chart_service.app import create_app as charts_app
from chart_service.measures import ChartMeasures
from tests.deployment.compose import ROOT
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.metrics import FAMILIES
from webhook_api.app import create_app as control_app
from webhook_api.metrics import PARTS

MONITORING = ROOT / "deploy" / "monitoring"
OF_PROMETHEUS = {"up"}
OF_TARGETS = {"job", "instance"}
_METRIC = re.compile(r"\b(?:b24_[a-z0-9_]+|up)\b")
_SELECTED = re.compile(r"\b(b24_[a-z0-9_]+|up)\{([^}]*)\}")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


def dashboard_queries() -> list[str]:
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def alert_queries() -> list[str]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def labels_of() -> Mapping[str, frozenset[str]]:
    """The labels of every metric, as they are declared."""
    declared = {family.name: frozenset(family.labels) for family in (*FAMILIES, PARTS)}
    for collector in ChartMeasures().registry._collector_to_names:
        kind = type(collector).__name__
        names = frozenset(collector._labelnames)
        base = collector._name
        if kind == "Counter":
            declared[f"{base}_total"] = names
        else:
            declared |= {f"{base}_bucket": names | {"le"}, f"{base}_count": names, f"{base}_sum": names}
    return declared


@pytest.fixture
def scraped(database: Database) -> set[str]:
    """The names of all metrics that the two services export, without a single sync or question."""

    def names(app: FastAPI) -> Iterator[str]:
        with serving(app) as url:
            httpx.get(f"{url}/openapi.json", trust_env=False)
            text = httpx.get(f"{url}/metrics", trust_env=False).text
        for family in text_string_to_metric_families(text):
            kinds = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
            yield from (family.name + ending for ending in kinds[family.type])

    settings = settings_with(database)
    return {*names(control_app(settings, database)), *names(charts_app(settings, database))}


def test_every_metric_is_exported(scraped: set[str]) -> None:
    used = set(chain.from_iterable(_METRIC.findall(query) for query in [*dashboard_queries(), *alert_queries()]))
    assert used - OF_PROMETHEUS <= scraped
    assert not scraped - used - {"b24_http_request_seconds_count", "b24_http_request_seconds_sum"} - UNUSED, (
        "a figure that nobody looks at: put it on the dashboard"
    )


UNUSED = {
    "b24_sync_last_success_timestamp_seconds",  # the same as the lag, for rules of one's own
    "b24_chart_query_seconds_sum",
    "b24_model_call_seconds_sum",
}


def test_every_label_is_one_of_its_metric(labels_of: Mapping[str, frozenset[str]]) -> None:
    for query in [*dashboard_queries(), *alert_queries()]:
        for metric, selectors in _SELECTED.findall(query):
            given = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
            assert given <= labels_of.get(metric, frozenset()) | OF_TARGETS, query
        metrics = _METRIC.findall(query)
        known = set(chain.from_iterable(labels_of.get(metric, frozenset()) for metric in metrics)) | OF_TARGETS
        for group in _GROUPED.findall(query):
            assert {name.strip() for name in group.split(",")} <= known, query


def test_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_alert_says_what_is_wrong() -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["alert"].startswith("B24")
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
    assert yaml.safe_load((MONITORING / "prometheus.yaml").read_text())["rule_files"] == ["alerts.yaml"]
