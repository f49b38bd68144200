"""A stand-in for a cluster's job API: real HTTP on a port of its own, jobs that tests invent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from search.host.ports import LOOPBACK
from search.remote.clusters import Cluster, Named

TOKEN = "0123456789abcdef"


@dataclass
class FakeCluster:
    """What the stand-in knows, and what it was asked: (method, path, whether with the token).

    With a `log` each job fails as soon as it is sent, and has written that.
    """

    address: str = ""
    token: str | None = TOKEN
    answers: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    packages: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, bool]] = field(default_factory=list)
    log: str | None = None

    def answer(self, method: str, path: str, token: str | None, body: bytes) -> tuple[int, str]:
        """(status, text) of one request, as Ray 2.60 gives them."""
        self.requests.append((method, path, token == f"Bearer {self.token}"))
        if self.token is not None and token is None:
            return 401, "Unauthorized: Missing authentication token"
        if self.token is not None and token != f"Bearer {self.token}":
            return 403, "Forbidden: Invalid authentication token"
        if queued := self.answers.get((method, path)):
            return queued.pop(0)
        word, _, rest = path.removeprefix("/api/").partition("/")
        if word == "version":
            return 200, json.dumps({"ray_version": "2.60.0"})
        if word == "packages":
            known = rest in self.packages
            if method == "PUT":
                self.packages[rest] = body
            return 200 if known or method == "PUT" else 404, ""
        return self._answer_for_jobs(method, rest, body)

    def _answer_for_jobs(self, method: str, rest: str, body: bytes) -> tuple[int, str]:
        name, _, action = rest.partition("/")
        if method == "POST" and not name:
            job = json.loads(body)
            if job["submission_id"] in self.jobs:
                return 400, f"ValueError: Job with submission_id {job['submission_id']} exists"
            job |= {"status": "PENDING", "start_time": 1000 * len(self.jobs), "message": None}
            self.jobs[job["submission_id"]] = job
            if self.log is not None:
                job |= {"status": "FAILED", "message": "exit code 1"}
                self.logs[job["submission_id"]] = self.log
            return 200, "{}"
        if not name:
            return 200, json.dumps([*self.jobs.values(), {"submission_id": None}])
        if name not in self.jobs:
            return 404, f"Job {name} does not exist"
        if action == "logs":
            return 200, json.dumps({"logs": self.logs.get(name, "")})
        if action == "stop":
            self.jobs[name]["status"] = "STOPPED"
        return 200, json.dumps(self.jobs[name])

    def named(self, folder: Path, **changes: Any) -> Named:
        """It as the cluster `lab` of a file in `folder`, its token in a private file there."""
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(TOKEN)
        fields = {"address": self.address, "token_file": "token"} | changes
        return Named(
            name="lab", cluster=Cluster.model_validate(fields), file=folder / "clusters.yaml"
        )


@contextmanager
def serve_jobs(host: str = LOOPBACK) -> Iterator[FakeCluster]:
    """A job API without jobs, for the time of the block."""
    fake = FakeCluster()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization")
            status, text = fake.answer(self.command, self.path, token, body)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = _handle

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.address = f"http://{host}:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
