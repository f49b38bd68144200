"""A cluster that this machine is no node of: `ventral doctor` runs there, as a job on its head.

What comes back is another machine's: it is checked before it is shown.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace

from search.doctor.cluster import Meeting
from search.doctor.examining import examine_here, sort_findings
from search.doctor.nodes import read_findings
from search.doctor.protocol import Finding, Place
from search.remote.clusters import Named
from search.remote.jobs import JobApi
from search.remote.packages import make_package
from space.documents.outside import printable, redact
from space.errors import InputError, VentralError

COMMAND = "ventral doctor --address auto -o json"
JOB_SECONDS, LOOK_SECONDS = 420.0, 1.0


def examine_cluster(place: Place, named: Named) -> list[Finding]:
    """The findings of this machine and, by a job there, of the cluster's head and nodes."""
    address, place = named.cluster.address, _move(place, named)
    try:
        api = JobApi(named)
        release = api.read_version()
    except InputError as error:
        meeting = Meeting(address=address, problem=error.problem, cure=error.cure)
    except VentralError as error:
        cure = "start the cluster, or correct its address in clusters.yaml"
        meeting = Meeting(address=address, problem=str(error), cure=cure)
    else:
        return _join(place, named, api, Meeting(address=address, release=release))
    return examine_here(place, meeting, trains=False)


def _move(place: Place, named: Named) -> Place:
    """This machine, with the cluster's home if it is reached from here."""
    try:
        return replace(place, home=named.place_home(place.home))
    except InputError as error:
        return replace(place, apart=(error.problem, error.cure))


def _join(place: Place, named: Named, api: JobApi, meeting: Meeting) -> list[Finding]:
    try:
        there = list(_examine_there(named, api))
    except (VentralError, ValueError) as error:
        text = f"{named.name}: nothing could be looked at there: {printable(redact(str(error)))}"
        cure = f"run `{COMMAND}` on the cluster's head; it needs Ventral in the environment of Ray"
        there = [Finding(check="nodes", status="fail", text=text, cure=cure)]
    return sort_findings([*examine_here(place, meeting, trains=False), *there])


def _examine_there(named: Named, api: JobApi) -> Iterator[Finding]:
    """The findings of a job on the head. Raises VentralError if it does not come to any."""
    cluster, command = named.cluster, COMMAND
    package: str | None = None
    if cluster.code == "sent":
        command, package = f"python3 -m {COMMAND}", api.send_package(make_package({}, code=True))
    job_id = f"ventral-doctor-{secrets.token_hex(4)}"
    api.submit(job_id, command, package=package, variables=cluster.variables, metadata={})
    until = time.monotonic() + JOB_SECONDS
    while (job := api.find(job_id)) is not None and not job.over:
        if time.monotonic() > until:
            api.stop(job_id)
            raise VentralError(f"job {job_id} did not end within {JOB_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)
    message = "its job is gone" if job is None else job.message
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
