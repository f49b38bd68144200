"""A cluster that this machine is no node of: `ventral doctor` runs there, as a job on its head.

Plain HTTP, as Ray's dashboard answers it. What comes back is another machine's: checked, bounded.
"""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from search.doctor.cluster import Meeting
from search.doctor.examining import examine_here, sort_findings
from search.doctor.nodes import read_findings
from search.doctor.protocol import Finding, Place
from search.host.home import HOME_VARIABLE
from search.remote.clusters import Named
from space.documents.outside import printable, redact
from space.errors import InputError, VentralError

COMMAND = "ventral doctor --address auto -o json"
JOB_SECONDS, LOOK_SECONDS = 420.0, 1.0
ANSWER_BYTES = 16 * 1024**2
REQUEST_SECONDS = 30.0
OVER = ("STOPPED", "SUCCEEDED", "FAILED")


class Jobs(Protocol):
    """What is needed of a cluster's job API. Each raises VentralError if it does not do it."""

    def read_version(self) -> str:
        """Ray's version there."""
        ...

    def submit(self, job_id: str, command: str, variables: Mapping[str, str]) -> None:
        """Start a job of that id."""
        ...

    def read_status(self, job_id: str) -> tuple[str, str]:
        """Ray's word for where a job stands, and its message."""
        ...

    def read_log(self, job_id: str) -> str:
        """All that it has written."""
        ...


def examine_cluster(place: Place, named: Named, jobs: Jobs | None = None) -> list[Finding]:
    """The findings of this machine and, by a job there, of the cluster's head and nodes."""
    address, place = named.cluster.address, _move(place, named)
    try:
        api = jobs or JobApi(named)
        release = api.read_version()
    except InputError as error:
        meeting = Meeting(address=address, problem=error.problem, cure=error.cure)
    except VentralError as error:
        cure = "start the cluster, or correct its address in clusters.yaml"
        meeting = Meeting(address=address, problem=str(error), cure=cure)
    else:
        return _join(place, named, api, Meeting(address=address, release=release, closed=True))
    return examine_here(place, meeting, trains=False)


def _move(place: Place, named: Named) -> Place:
    """This machine, with the cluster's home if it is reached from here."""
    try:
        return replace(place, home=named.place_home(place.home))
    except InputError as error:
        return replace(place, apart=(error.problem, error.cure))


def _join(place: Place, named: Named, api: Jobs, meeting: Meeting) -> list[Finding]:
    try:
        there = list(_examine_there(named, api))
    except (VentralError, ValueError) as error:
        text = f"{named.name}: nothing could be looked at there: {printable(redact(str(error)))}"
        cure = f"run `{COMMAND}` on the cluster's head; it needs Ventral in the environment of Ray"
        there = [Finding(check="nodes", status="fail", text=text, cure=cure)]
    return sort_findings([*examine_here(place, meeting, trains=False), *there])


def _examine_there(named: Named, api: Jobs) -> Iterator[Finding]:
    """The findings of a job on the head. Raises VentralError if it does not come to any."""
    home = named.cluster.home
    job_id = f"ventral-doctor-{secrets.token_hex(4)}"
    api.submit(job_id, COMMAND, {} if home is None else {HOME_VARIABLE: home})
    until = time.monotonic() + JOB_SECONDS
    while True:
        status, message = api.read_status(job_id)
        if status in OVER:
            break
        if time.monotonic() > until:
            raise VentralError(f"job {job_id} did not end within {JOB_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    for finding in read_log(api.read_log(job_id), message):
        yield replace(
            finding, text=f"{named.name}: {printable(finding.text)}", cure=printable(finding.cure)
        )


def read_log(log: str, message: str = "") -> list[Finding]:
    """The findings that a job printed, among whatever else. Raises VentralError without any."""
    lines = log.splitlines()
    starts = [at for at, line in enumerate(lines) if line.rstrip() == "["]
    for start in reversed(starts):
        ends = [at for at, line in enumerate(lines) if line.rstrip() == "]" and at > start]
        for end in ends:
            try:
                return list(read_findings(json.loads("\n".join(lines[start : end + 1]))))
            except ValueError:
                continue
    errors = [line for line in lines if line.startswith("error: ")]
    last = errors[-1] if errors else next((line for line in reversed(lines) if line.strip()), "")
    raise VentralError((last or message or "it wrote nothing").strip()[:300])


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    body: bytes


class _Stay(HTTPRedirectHandler):
    """Follows no redirection, which would take the token to another host."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class JobApi:
    """The job API of a cluster, with the token that its entry in clusters.yaml names."""

    def __init__(self, named: Named) -> None:
        """Raises InputError for a file of a token that cannot be used."""
        self._base = named.cluster.address.rstrip("/")
        self._field = f"{named.where}.token_file"
        self._token = named.read_token()
        self._open = build_opener(_Stay).open

    def read_version(self) -> str:
        """Ray's version there. Raises InputError if it refuses this token, or takes anybody."""
        answer = self._json("GET", "/api/version")
        if not isinstance(answer, dict) or "ray_version" not in answer:
            raise InputError(self._base, "what answers is no job API", "write http://HOST:8265")
        if self._token is not None and self._ask("GET", "/api/version", token=None).status < 400:
            raise InputError(
                self._base,
                "takes jobs from anybody who reaches it: it asks for no token",
                "start it with RAY_AUTH_MODE=token",
            )
        return printable(str(answer["ray_version"]))

    def submit(self, job_id: str, command: str, variables: Mapping[str, str]) -> None:
        """Start a job of that id. Raises VentralError if it is not taken."""
        document = {
            "entrypoint": command,
            "submission_id": job_id,
            "runtime_env": {"env_vars": dict(variables)},
        }
        self._json("POST", "/api/jobs/", document)

    def read_status(self, job_id: str) -> tuple[str, str]:
        """Where a job stands, and its message."""
        answer = self._json("GET", f"/api/jobs/{job_id}")
        if not isinstance(answer, dict):
            raise VentralError(f"{self._base}: what answers is no job API")
        return str(answer.get("status")), str(answer.get("message") or "")

    def read_log(self, job_id: str) -> str:
        """All that a job has written."""
        answer = self._json("GET", f"/api/jobs/{job_id}/logs")
        return str(answer.get("logs") or "") if isinstance(answer, dict) else ""

    def _json(self, method: str, path: str, document: object = None) -> Any:
        answer = self._ask(method, path, document, token=self._token)
        if answer.status in (401, 403):
            problem = "the cluster has another token"
            if self._token is None:
                problem = "the cluster asks for a token, and clusters.yaml names none"
            raise InputError(self._field, problem, "name a private file with the cluster's own")
        try:
            read = json.loads(answer.body)
        except (ValueError, RecursionError):
            read = None
        if answer.status >= 300 or read is None:
            lines = answer.body.decode(errors="replace").strip().splitlines() or ["nothing"]
            raise VentralError(f"{self._base}: answers {answer.status}: {lines[-1][:200]}")
        return read

    def _ask(
        self, method: str, path: str, document: object = None, *, token: str | None
    ) -> _Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        data = None
        if document is not None:
            data = json.dumps(document).encode()
            headers["Content-Type"] = "application/json"
        request = Request(self._base + path, data=data, headers=headers, method=method)
        try:
            with self._open(request, timeout=REQUEST_SECONDS) as answer:
                return _Answer(status=answer.status, body=answer.read(ANSWER_BYTES))
        except HTTPError as error:
            with error:
                return _Answer(status=error.code, body=error.read(ANSWER_BYTES))
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            host = urlsplit(self._base).netloc
            raise VentralError(f"{host} does not answer ({printable(str(reason))})") from None
