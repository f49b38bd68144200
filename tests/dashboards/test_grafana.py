"""Grafana's dashboard asks for what drivers export, and has the fields that Grafana reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from search.review.metrics import EXPORTED, STORE_UP, Exported
from tests.support.shrinking import ROOT

FILE = ROOT / "dashboards" / "grafana" / "campaigns.json"
LABELS = {one.name: {"campaign", *one.labels} for one in (STORE_UP, *EXPORTED)}

_SOURCE = {
    "type": "object",
    "required": ["type", "uid"],
    "properties": {"type": {"const": "prometheus"}, "uid": {"const": "${datasource}"}},
}
_PLACE = {
    "type": "object",
    "required": ["x", "y", "w", "h"],
    "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 1000},
}
_TARGET = {
    "type": "object",
    "required": ["refId", "expr", "datasource", "legendFormat", "instant", "range"],
    "properties": {"expr": {"type": "string"}, "datasource": _SOURCE},
}
_PANEL = {
    "type": "object",
    "required": ["id", "type", "title", "gridPos", "datasource", "targets", "fieldConfig"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["stat", "timeseries", "bargauge"]},
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string", "minLength": 1},
        "gridPos": _PLACE,
        "datasource": _SOURCE,
        "targets": {"type": "array", "minItems": 1, "items": _TARGET},
        "options": {"type": "object"},
        "fieldConfig": {
            "type": "object",
            "required": ["defaults", "overrides"],
            "properties": {"defaults": {"required": ["unit"]}, "overrides": {"type": "array"}},
        },
    },
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time", "refresh"],
    "properties": {
        "uid": {"type": "string", "pattern": "^[a-z-]{1,40}$"},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {"type": "array", "items": _PANEL},
        "templating": {
            "properties": {"list": {"items": {"required": ["name", "type", "query"]}}},
            "required": ["list"],
        },
        "time": {"required": ["from", "to"]},
    },
}
"""What of Grafana's dashboards is used here, of those of schema 36 and later."""


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILE.read_text())
    return document


def _expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def _query(expression: str) -> list[tuple[str, str]]:
    """The metrics of an expression, each with what stands in its braces."""
    return re.findall(r"(ventral_\w+)(?:\{([^}]*)\})?", expression)


def test_it_has_the_fields_that_grafana_reads(dashboard: dict[str, Any]) -> None:
    Draft202012Validator(SCHEMA).validate(dashboard)


def test_every_query_asks_for_an_exported_metric_of_the_chosen_campaigns(
    dashboard: dict[str, Any],
) -> None:
    for expression in _expressions(dashboard):
        asked = _query(expression)
        assert asked, expression
        for name, selector in asked:
            assert name in LABELS, name
            assert 'campaign=~"$campaign"' in selector, expression
            assert set(re.findall(r"(\w+)=", selector)) <= LABELS[name], expression


def test_every_metric_is_shown(dashboard: dict[str, Any]) -> None:
    shown = {name for one in _expressions(dashboard) for name, _ in _query(one)}
    assert shown == set(LABELS)


def test_labels_of_legends_and_groups_are_those_of_the_metrics(dashboard: dict[str, Any]) -> None:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            known = set.union(*(LABELS[name] for name, _ in _query(target["expr"])))
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            for group in re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", target["expr"]):
                named |= {label.strip() for label in group.split(",")}
            assert named <= known, target


def test_a_rate_is_taken_of_counters_alone(dashboard: dict[str, Any]) -> None:
    kinds: dict[str, Exported] = {one.name: one for one in EXPORTED}
    for expression in _expressions(dashboard):
        rated = set(re.findall(r"\b(?:rate|increase)\((\w+)", expression))
        counters = {
            name for name, _ in _query(expression) if kinds.get(name, STORE_UP).kind == "counter"
        }
        assert rated == counters, expression


def test_variables_are_those_that_are_used(dashboard: dict[str, Any]) -> None:
    declared = {one["name"] for one in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(dashboard["panels"])))
    assert used == declared


def test_panels_do_not_lie_on_one_another(dashboard: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
