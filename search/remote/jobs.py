"""A cluster's job API, as Ray's dashboard answers it: jobs sent, looked at, read and stopped.

Plain HTTP of the standard library: whoever sends a campaign loads no Ray, and need not have the
version of Ray that the cluster has. What comes back is checked and bounded: it is a stranger's.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote as quote_url
from urllib.parse import urlsplit
from urllib.request import Request

from search.host.ports import is_loopback
from search.host.tokens import TOKEN, token_file
from search.host.web import make_opener, send_request
from search.remote.clusters import Named
from space.documents.outside import printable, redact
from space.errors import InputError, VentralError

ANSWER_BYTES = 256 * 1024**2
"""The longest answer that is read: the log of a job that ran for weeks."""
REQUEST_SECONDS = 60.0
AGENT_PATIENCE, RETRY_SECONDS = 180.0, 1.0
"""Seconds for which a cluster that has just started may have nobody to take a job, and between two
requests then.
"""

OVER = ("STOPPED", "SUCCEEDED", "FAILED")
"""The states of a job from which none follows."""


class Unreachable(VentralError):
    """The cluster's job API does not answer."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a cluster: `status` is Ray's word, `started` in seconds since 1970."""

    id: str
    status: str
    message: str
    exit_code: int | None
    started: float

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self.status in OVER


class JobApi:
    """The job API of one cluster. Every call raises Unreachable if nothing answers, InputError if
    the cluster refuses the token or is none, VentralError for any other refusal.
    """

    def __init__(self, named: Named) -> None:
        self.named = named
        self._base = named.cluster.address.rstrip("/")
        self._token = named.read_token() or _find_usual_token()
        self._opener = make_opener()

    def read_version(self, *, insecure: bool = False) -> str:
        """Ray's version on the cluster, once it is known that it asks for a token.

        Raises InputError, unless `insecure`, for a cluster that is not on this machine and takes
        jobs from anybody.
        """
        answer = self._get("/api/version")
        version = printable(str(answer.get("ray_version") if isinstance(answer, dict) else ""))
        local = is_loopback(urlsplit(self._base).hostname or "")
        if not local and not insecure and self._admits_strangers():
            raise InputError(
                self._where,
                "takes jobs from anybody who reaches it: it asks for no token",
                "start it with RAY_AUTH_MODE=token, or add --insecure",
            )
        return version

    def send_package(self, data: bytes) -> str:
        """Upload a zip archive; its URI, by which a job names its working directory."""
        name = f"_ray_pkg_{hashlib.sha1(data, usedforsecurity=False).hexdigest()}.zip"
        path = f"/api/packages/gcs/{name}"
        status, _ = self._ask("GET", path, allowed=(404,))
        if status == 404:
            self._ask("PUT", path, data)
        return f"gcs://{name}"

    def submit(
        self,
        job_id: str,
        command: str,
        *,
        package: str | None,
        variables: Mapping[str, str],
        metadata: Mapping[str, str],
    ) -> None:
        """Start a job of that id; one that runs already under it is the same."""
        runtime: dict[str, Any] = {"env_vars": dict(variables)}
        if package is not None:
            runtime["working_dir"] = package
        document = {
            "entrypoint": command,
            "submission_id": job_id,
            "runtime_env": runtime,
            "metadata": dict(metadata),
        }
        until = time.monotonic() + AGENT_PATIENCE
        while True:
            status, body = self._ask(
                "POST", "/api/jobs/", json.dumps(document).encode(), allowed=(400, 500)
            )
            if status < 400 or self.find(job_id) is not None:
                return
            if status == 400 or b"No available agent" not in body or time.monotonic() > until:
                raise VentralError(f"{self._where}: did not take the job: {_last_line(body)}")
            time.sleep(RETRY_SECONDS)

    def find(self, job_id: str) -> Job | None:
        """The job of that id, None if the cluster knows none (any more)."""
        path = f"/api/jobs/{quote_url(job_id, safe='')}"
        status, body = self._ask("GET", path, allowed=(404,))
        return None if status == 404 else self._read_job(self._parse(body))

    def find_all(self, prefix: str) -> list[Job]:
        """The jobs whose ids begin so, the oldest first."""
        answer = self._get("/api/jobs/")
        jobs = [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else []
        named = [one for one in jobs if str(one.get("submission_id")).startswith(prefix)]
        return sorted(map(self._read_job, named), key=lambda job: job.started)

    def read_log(self, job_id: str) -> str:
        """All that a job has written so far; nothing of a job that the cluster does not know."""
        path = f"/api/jobs/{quote_url(job_id, safe='')}/logs"
        status, body = self._ask("GET", path, allowed=(404,))
        answer = None if status == 404 else self._parse(body)
        logs = answer.get("logs") if isinstance(answer, dict) else None
        return logs if isinstance(logs, str) else ""

    def stop(self, job_id: str) -> None:
        """Ask a job's process to end."""
        self._ask("POST", f"/api/jobs/{quote_url(job_id, safe='')}/stop", b"", allowed=(404,))

    # ------------------------------------------------------------------------------ requests

    @property
    def _where(self) -> str:
        return f"cluster {self.named.name} ({self._base})"

    def _admits_strangers(self) -> bool:
        status, _ = self._ask("GET", "/api/version", allowed=(401, 403), anonymous=True)
        return status < 400

    def _get(self, path: str) -> Any:
        return self._parse(self._ask("GET", path)[1])

    def _parse(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self._no_api() from None

    def _read_job(self, answer: Any) -> Job:
        if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
            raise self._no_api()
        code, started = answer.get("driver_exit_code"), answer.get("start_time")
        return Job(
            id=str(answer.get("submission_id")),
            status=answer["status"],
            message=printable(redact(str(answer.get("message") or ""))),
            exit_code=code if isinstance(code, int) else None,
            started=started / 1000 if isinstance(started, int | float) else 0.0,
        )

    def _no_api(self) -> InputError:
        cure = "address is where Ray's dashboard answers: http://HOST:8265"
        return InputError(f"{self.named.where}.address", "what answers is no job API", cure)

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        *,
        allowed: tuple[int, ...] = (),
        anonymous: bool = False,
    ) -> tuple[int, bytes]:
        """(status, body) of one request; a status of 400 and more that is not `allowed` raises."""
        headers = {}
        if self._token and not anonymous:
            headers["Authorization"] = f"Bearer {self._token}"
        if method == "POST":
            headers["Content-Type"] = "application/json"
        request = Request(self._base + path, data=data, headers=headers, method=method)
        try:
            answer = send_request(self._opener, request, REQUEST_SECONDS, ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise Unreachable(
                f"{self._where}: does not answer ({printable(str(reason))}); is it running, and "
                "does this machine reach it?"
            ) from None
        if answer.status not in allowed:
            self._refuse(answer.status, answer.body)
        return answer.status, answer.body

    def _refuse(self, status: int, body: bytes) -> None:
        """Raise what an answer's status means, if it means that the request was not done."""
        field = f"{self.named.where}.token_file"
        if status == 401:
            cure = "name a private file that holds the cluster's token"
            raise InputError(field, "the cluster asks for a token, and there is none", cure)
        if status == 403:
            raise InputError(field, "the cluster has another token", "write the cluster's own")
        if 300 <= status < 400 or status in (404, 405):
            raise self._no_api()
        if status >= 400:
            raise VentralError(f"{self._where}: answers {status}: {_last_line(body)}")


def _last_line(body: bytes) -> str:
    """The last line of what a server said, without passwords: Ray answers with tracebacks."""
    lines = body.decode(errors="replace").strip().splitlines()
    return printable(redact(lines[-1]))[:300] if lines else "nothing"


def _find_usual_token() -> str | None:
    """The token where Ray looks for it; None if there is none, or it cannot be read."""
    if token := os.environ.get(TOKEN):
        return token.strip()
    try:
        return token_file().read_text().strip() or None
    except (OSError, ValueError, RuntimeError):
        return None
