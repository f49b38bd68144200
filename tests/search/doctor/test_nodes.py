"""A node's findings, and what those of all nodes come to."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from search.doctor.cluster import Node
from search.doctor.listing import CHECKS
from search.doctor.nodes import (
    examine_node,
    make_request,
    merge_nodes,
    name_some,
    read_environ,
    read_findings,
)
from search.doctor.protocol import Finding, Place
from search.host.home import Home


def test_a_node_runs_the_checks_of_a_machine_that_trains(tmp_path: Path) -> None:
    place = Place(home=Home.at(tmp_path, {}), environ={}, versions={"ray": "0.1"})
    wanted = make_request(place) | {"sign": None, "gpus": 0, "without": ["gpus"]}
    request = json.loads(json.dumps(wanted))
    findings = list(read_findings(json.loads(json.dumps(examine_node(request)))))
    trains = [check.name for check in CHECKS if check.trains and check.name != "gpus"]
    assert list(dict.fromkeys(finding.check for finding in findings)) == trains
    versions = next(finding for finding in findings if finding.check == "versions")
    assert versions.status == "fail"
    assert "differs from 0.1 of the machine that asks" in versions.text


def test_the_environment_is_the_own_one_outside_of_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_VARIABLE_OF_A_TEST", "1")
    assert read_environ()["A_VARIABLE_OF_A_TEST"] == "1"


def _finding(check: str, status: str, text: str) -> Finding:
    cure = "" if status == "pass" else "mend it"
    return next(read_findings([{"check": check, "status": status, "text": text, "cure": cure}]))


def test_equal_findings_of_several_nodes_are_one() -> None:
    nodes = [
        Node(
            name=name,
            findings=(
                _finding("limits", "pass", "many files"),
                _finding("disk", "pass", f"{name} has room"),
                _finding("gpus", "warning" if name == "c" else "pass", "odd"),
            ),
        )
        for name in ("a", "b", "c", "d", "e")
    ]
    merged = [asdict(finding) for finding in merge_nodes(nodes)]
    assert merged == [
        {
            "check": "limits",
            "status": "pass",
            "text": "nodes a, b, c and 2 more: many files",
            "cure": "",
        },
        {
            "check": "disk",
            "status": "pass",
            "text": "a: a has room; b: b has room; c: c has room; and 2 more nodes",
            "cure": "",
        },
        {"check": "gpus", "status": "pass", "text": "nodes a, b, d and 1 more: odd", "cure": ""},
        {"check": "gpus", "status": "warning", "text": "node c: odd", "cure": "mend it"},
    ]
    assert merge_nodes([]) == []


def test_nodes_are_named_as_far_as_they_are_read() -> None:
    assert name_some(["a"]) == "node a"
    assert name_some(["a", "b"]) == "nodes a, b"
    assert name_some(["a", "b", "c", "d"]) == "nodes a, b, c and 1 more"


@pytest.mark.parametrize("rows", [None, {}, ["x"], [{"check": "a", "status": "fine"}]])
def test_what_is_no_list_of_findings_is_refused(rows: object) -> None:
    with pytest.raises(ValueError, match="finding"):
        list(read_findings(rows))
