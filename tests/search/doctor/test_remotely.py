"""A cluster is asked by its job API: the token, a job there, and what it printed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from search.doctor.examining import make_place
from search.doctor.protocol import Finding
from search.doctor.remotely import COMMAND, examine_cluster, read_log
from search.host.home import Home
from search.host.ports import free_port
from search.remote.clusters import Cluster, Named
from space.errors import VentralError

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


class Api(ThreadingHTTPServer):
    """A job API that admits a token, and whose job has written a log."""

    def __init__(self, log: str) -> None:
        self.token, self.log = "right", log
        self.jobs: list[Any] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        if self.path == "/api/version":
            self._answer({"ray_version": "2.60.0"})
        elif self.path.endswith("/logs"):
            self._answer({"logs": self.server.log})
        else:
            self._answer({"status": "FAILED", "message": "exit code 1"})

    def do_POST(self) -> None:
        self.server.jobs.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer({"job_id": "x"})

    def _answer(self, document: object) -> None:
        token = self.server.token
        given = self.headers["Authorization"]
        admitted = given == f"Bearer {token}"
        body = json.dumps(document if admitted else "no").encode()
        self.send_response(200 if admitted else 403 if given else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def serve(log: str = LOG) -> Iterator[Api]:
    server = Api(log)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _name(folder: Path, port: int, token: str | None = "right") -> Named:
    if token is not None:
        (folder / "token").write_text(token)
        (folder / "token").chmod(0o600)
    cluster = Cluster(
        address=f"http://127.0.0.1:{port}", token_file=token and "token", home="/their/home"
    )
    return Named(name="lab", cluster=cluster, file=folder / "clusters.yaml")


def _examine(folder: Path, named: Named) -> list[Finding]:
    return examine_cluster(make_place(Home.at(folder, {}), {}), named)


def test_what_a_job_there_finds_is_among_the_findings(tmp_path: Path) -> None:
    with serve() as api:
        findings = _examine(tmp_path, _name(tmp_path, api.server_port))
        (job,) = api.jobs
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
    ("token", "text"),
    [("wrong", "the cluster has another token"), (None, "and there is none")],
)
def test_a_cluster_that_refuses_the_token(token: str | None, text: str, tmp_path: Path) -> None:
    with serve() as api:
        findings = _examine(tmp_path, _name(tmp_path, api.server_port, token))
        assert api.jobs == []
    (ray,) = (finding for finding in findings if finding.check == "ray")
    assert ray.status == "fail"
    assert text in ray.text
    assert "token" in ray.cure or "own" in ray.cure


def test_a_cluster_that_is_away(tmp_path: Path) -> None:
    findings = _examine(tmp_path, _name(tmp_path, free_port()))
    (ray,) = (finding for finding in findings if finding.check == "ray")
    assert ray.status == "fail"
    assert "does not answer" in ray.text
    assert "start the cluster" in ray.cure


def test_a_job_that_finds_nothing_is_a_finding(tmp_path: Path) -> None:
    with serve(log="bash: ventral: command not found\n") as api:
        findings = _examine(tmp_path, _name(tmp_path, api.server_port))
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
