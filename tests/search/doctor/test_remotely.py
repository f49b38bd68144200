"""A cluster is asked by its job API: the token, a job there, and what it printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.doctor.examining import make_place
from search.doctor.protocol import Finding
from search.doctor.remotely import COMMAND, examine_cluster, read_log
from search.host.home import Home
from search.host.ports import LOOPBACK, free_port, http_address
from search.remote.clusters import Named
from space.errors import VentralError
from tests.support.job_apis import FakeCluster, serve_jobs

ROWS = [
    {"check": "clocks", "status": "fail", "text": "node b is 90 s ahead", "cure": "set it"},
    {"check": "disk", "status": "pass", "text": "node a: room\x1b[2J", "cure": ""},
]
LOG = f"2026 INFO started\n[\nnothing\n{json.dumps(ROWS, indent=1)}\nto be mended: clocks\n"


@pytest.fixture(autouse=True)
def _no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the home folder of whoever runs the tests is not looked at."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)


def _examine(folder: Path, named: Named) -> list[Finding]:
    return examine_cluster(make_place(Home.at(folder, {}), {}), named)


def test_what_a_job_there_finds_is_among_the_findings(tmp_path: Path) -> None:
    with serve_jobs() as lab:
        lab.log = LOG
        findings = _examine(tmp_path, lab.named(tmp_path, home="/their/home"))
        (job,) = lab.jobs.values()
    assert job["entrypoint"] == COMMAND
    assert job["runtime_env"] == {"env_vars": {"VENTRAL_HOME": "/their/home"}}
    assert (
        Finding(check="clocks", status="fail", text="lab: node b is 90 s ahead", cure="set it")
        in findings
    )
    assert any(finding.text == r"lab: node a: room\x1b[2J" for finding in findings)
    (ray,) = (finding for finding in findings if finding.check == "ray")
    assert ray.status == "pass"
    (store,) = (finding for finding in findings if finding.check == "store")
    assert (store.status, "not reached from here" in store.text) == ("warning", True)


@pytest.mark.parametrize(
    ("file", "text"),
    [("token", "the cluster has another token"), (None, "and there is none")],
)
def test_a_cluster_that_refuses_the_token(file: str | None, text: str, tmp_path: Path) -> None:
    with serve_jobs() as lab:
        lab.token = "another"
        findings = _examine(tmp_path, lab.named(tmp_path, token_file=file))
        assert not lab.jobs
    (ray,) = (finding for finding in findings if finding.check == "ray")
    assert ray.status == "fail"
    assert text in ray.text
    assert "token" in ray.cure or "own" in ray.cure


def test_a_cluster_that_is_away(tmp_path: Path) -> None:
    lab = FakeCluster(address=http_address(LOOPBACK, free_port()))
    findings = _examine(tmp_path, lab.named(tmp_path))
    (ray,) = (finding for finding in findings if finding.check == "ray")
    assert ray.status == "fail"
    assert "does not answer" in ray.text
    assert "start the cluster" in ray.cure


def test_a_job_that_finds_nothing_is_a_finding(tmp_path: Path) -> None:
    with serve_jobs() as lab:
        lab.log = "bash: ventral: command not found\n"
        findings = _examine(tmp_path, lab.named(tmp_path))
    (nodes,) = (one for one in findings if one.check == "nodes" and one.status == "fail")
    assert "ventral: command not found" in nodes.text
    assert COMMAND in nodes.cure


@pytest.mark.parametrize(
    ("log", "message", "text"),
    [
        ("", "exit code 3", "exit code 3"),
        ("", "", "it wrote nothing"),
        ("error: no such home\nmore\n", "", "error: no such home"),
        ("[\n1\n]\n", "", "]"),
    ],
)
def test_a_log_without_findings_says_why(log: str, message: str, text: str) -> None:
    with pytest.raises(VentralError) as caught:
        read_log(log, message)
    assert str(caught.value) == text
