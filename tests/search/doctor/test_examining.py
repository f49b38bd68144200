"""The whole examination: of this machine as it is, and of a cluster one of whose nodes is sick."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.doctor.cluster import Meeting, Node
from search.doctor.examining import examine, examine_here, make_place
from search.doctor.listing import CHECKS
from search.doctor.protocol import Finding, Place
from search.host.home import Home
from search.host.ports import free_port
from search.tune.nodes import Nodes
from tests.support.s3_server import S3Server
from tests.support.shrinking import ROOT

FAST = """
import time
real = time.time
time.time = lambda: real() + 90
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(Home.at(tmp_path / "home", {}), {"PATH": os.environ["PATH"]})


def _pick(findings: list[Finding], check: str, status: str) -> list[Finding]:
    return [one for one in findings if (one.check, one.status) == (check, status)]


def test_this_machine_is_well(place: Place) -> None:
    findings = examine(place)
    assert list(dict.fromkeys(one.check for one in findings)) == [check.name for check in CHECKS]
    # How much room it has, and which limits, is the machine's own matter.
    own = {"disk", "shared memory", "limits", "gpus", "ray"}
    assert [one for one in findings if one.status != "pass" and one.check not in own] == []
    assert [one for one in findings if one.check == "ray" and one.status == "fail"] == []
    assert not place.home.path.exists()


def test_findings_of_nodes_stand_beside_those_of_here_in_the_order_of_checks(place: Place) -> None:
    odd = Finding(check="versions", status="fail", text="torch is missing", cure="install it")
    node = Node(name="a", findings=(odd,), ahead=(40.0, 41.0))
    findings = examine_here(place, Meeting(address="h:1", nodes=(node,)), trains=False)
    checks = [one.check for one in findings]
    assert checks[:2] == ["versions", "versions"]
    assert findings[1] == replace(odd, text="node a: torch is missing")
    assert "shared memory" not in checks
    assert [one.text for one in _pick(findings, "clocks", "fail")] == [
        "the clock of node a is 40 s ahead of the one here"
    ]


@pytest.fixture(scope="module")
def nodes(
    tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server
) -> Iterator[tuple[Nodes, str]]:
    """A well node, and one whose clock is 90 s ahead and whose object store is not there."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "sitecustomize.py").write_text(FAST)
    bucket = s3_server.make_bucket()
    variables = {**s3_server.variables, "AWS_MAX_ATTEMPTS": "1"}
    away = {"PYTHONPATH": str(folder), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
    with Nodes(nodes=0) as cluster:
        for name, environ in (("well", variables), ("sick", variables | away)):
            cluster.start(name, ["env", *(f"{key}={text}" for key, text in environ.items())])
        yield cluster, bucket


@pytest.mark.slow
def test_a_node_that_is_sick_is_named_with_what_it_has(
    nodes: tuple[Nodes, str], place: Place, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, bucket = nodes
    for name, text in (*cluster.environment.items(), *s3_server.variables.items()):
        monkeypatch.setenv(name, text)
    store = place.home.ensure() / "store.db"
    shutil.copy(ROOT / "tests/search/schemas/0004.db", store)
    mlflow = f"http://127.0.0.1:{free_port()}"
    home = replace(place.home, tracking_uri=mlflow)
    environ = {**os.environ, "VENTRAL_STORAGE": bucket, "RAY_ADDRESS": "somewhere:1"}
    findings = examine(replace(make_place(home, environ), storage=bucket), cluster.address)
    for finding in findings:
        print(f"{finding.status:8}{finding.check:15}{finding.text}\n{'':23}{finding.cure}")
    (clock,) = _pick(findings, "clocks", "fail")
    assert "s ahead of the one here" in clock.text
    (storage,) = _pick(findings, "object store", "fail")
    assert storage.text.startswith("node ")
    assert "cannot be reached" in storage.text
    well = _pick(findings, "object store", "pass")
    assert [one.text.startswith("node ") for one in well] == [False, True]
    assert "migration to" in _pick(findings, "store", "fail")[0].text
    assert mlflow in _pick(findings, "mlflow", "fail")[0].text
    assert "RAY_ADDRESS" in _pick(findings, "environment", "warning")[0].text
    assert [one.text for one in findings if one.check == "nodes" and one.status == "pass"]
    assert [one.status for one in findings if one.check == "shared home"] == ["pass"]
    assert [path.name for path in place.home.path.iterdir() if path.name.startswith(".")] == []
    assert any("PYTHONPATH" in one.text for one in _pick(findings, "environment", "warning"))


@pytest.mark.slow
def test_a_token_that_is_wrong_is_said_with_the_cure(
    nodes: tuple[Nodes, str], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _ = nodes
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    (ray,) = _pick(examine(place, cluster.address), "ray", "fail")
    assert "the cluster's token differs from the one here" in ray.text
    assert "RAY_AUTH_TOKEN" in ray.cure
