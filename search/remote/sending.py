"""Campaigns on a cluster that this machine is no node of: sent, gone on with, followed, stopped.

A campaign gets its id here, before anything is sent, and its job is called after it: a request
that is sent twice starts one campaign, and whoever sends it may go away at once. On the cluster's
head the job is `ventral submit`, `resume` or `certify` with `--address auto`; the store is the
truth about what it does. A job that is gone with its cluster's head is replaced by another one.
"""

from __future__ import annotations

import re
import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from search.remote.clusters import Code
from search.remote.jobs import Job, JobApi, Unreachable
from search.remote.packages import CAMPAIGN, make_package
from space.documents.outside import printable, redact
from space.errors import InputError, VentralError

LOOK_SECONDS = 0.5
"""How often a job is looked at."""
START_PATIENCE = 120.0
"""Seconds after which a campaign that is not under way yet is left to itself."""
SILENCE_PATIENCE = 300.0
"""Seconds for which whoever follows a log waits for a cluster that does not answer."""

_DRIVES = re.compile(r"^packing \.\.\.", re.MULTILINE)
"""The first line of a driver at work: its campaign is on record, and its own."""
_MISSING = (
    "error: PATH of Ray's processes on the head has no {program}; start Ray in the environment "
    "that Ventral is installed in{cure}"
)


def send_campaign(
    api: JobApi,
    campaign_id: str,
    document: Mapping[str, Any],
    *,
    code: Code,
    new: bool = False,
) -> str:
    """Start a campaign's job under the id that it is to get; the job's id.

    Raises what `JobApi.submit` and `make_package` do.
    """
    package = api.send_package(make_package(document, code=code == "sent"))
    words = ["submit", CAMPAIGN, "--id", campaign_id, "--address", "auto"]
    job_id = name_jobs(campaign_id)
    _start(api, job_id, [*words, *(["--new"] if new else [])], package, code, campaign_id)
    return job_id


def send_resume(
    api: JobApi, campaign_id: str, overrides: Sequence[str] = (), *, code: Code
) -> str:
    """Start a job that goes on with a campaign, changed by `overrides`; the job's id."""
    package = _send_code(api, code)
    changes = [word for override in overrides for word in ("--set", override)]
    job_id = f"{name_jobs(campaign_id)}-{secrets.token_hex(3)}"
    words = ["resume", campaign_id, "--address", "auto", *changes]
    _start(api, job_id, words, package, code, campaign_id)
    return job_id


def send_certification(
    api: JobApi,
    certified: str,
    options: Sequence[str],
    *,
    code: Code,
    campaign_id: str | None = None,
) -> str:
    """Start a job that trains the best cells of a campaign again, by the options of `ventral
    certify`; the job's id.

    Its campaign gets `campaign_id`, and the job is that campaign's. Several campaigns, one after
    the other (`--matched`), get their ids there, and the job is the certified campaign's.
    """
    package = _send_code(api, code)
    words = ["certify", certified, "--address", "auto", *options]
    if campaign_id is None:
        job_id = f"{name_jobs(certified)}-{secrets.token_hex(3)}"
    else:
        job_id = name_jobs(campaign_id)
        words += ["--id", campaign_id]
    _start(api, job_id, words, package, code, campaign_id or certified)
    return job_id


def _send_code(api: JobApi, code: Code) -> str | None:
    """Send a package of this machine's Ventral alone, if that is to run."""
    return None if code == "installed" else api.send_package(make_package({}, code=True))


def name_jobs(campaign_id: str) -> str:
    """What the ids of a campaign's jobs begin with: the first one's is this."""
    return f"ventral-{campaign_id}"


def _start(
    api: JobApi,
    job_id: str,
    words: Sequence[str],
    package: str | None,
    code: Code,
    campaign_id: str,
) -> None:
    if code == "sent":
        command, cure = ["python3", "-m", "ventral"], ""
    else:
        command, cure = ["ventral"], ", or write code: sent"
    program, call = command[0], shlex.join([*command, *words])
    missing = shlex.quote(_MISSING.format(program=program, cure=cure))
    api.submit(
        job_id,
        f"command -v {program} > /dev/null || {{ echo {missing}; exit 2; }}; exec {call}",
        package=package,
        variables=api.named.cluster.variables,
        metadata={"campaign": campaign_id},
    )


def await_start(api: JobApi, job_id: str) -> bool:
    """Wait until a job drives its campaign; False if that takes long (its data are packed, say).

    Raises InputError or VentralError with what the job said if it ended before.
    """
    until = time.monotonic() + START_PATIENCE
    while time.monotonic() < until:
        job = api.find(job_id)
        if job is None:
            raise VentralError(f"cluster {api.named.name}: has lost job {job_id}; send it again")
        if job.over and job.status != "SUCCEEDED":
            raise _explain(api, job)
        if job.over or (job.status == "RUNNING" and _DRIVES.search(api.read_log(job_id))):
            return True
        time.sleep(LOOK_SECONDS)
    return False


def _explain(api: JobApi, job: Job) -> VentralError:
    """What a job that failed said last, as an error of the kind that it was there."""
    lines = [line for line in api.read_log(job.id).splitlines() if line.startswith("error: ")]
    message = lines[-1].removeprefix("error: ") if lines else job.message or f"is {job.status}"
    text = f"cluster {api.named.name}: {printable(redact(message))}"
    return InputError("", text) if job.exit_code == 2 else VentralError(text)


def find_jobs(api: JobApi, campaign_id: str) -> list[Job]:
    """The jobs that drive or drove a campaign, as far as the cluster knows them; oldest first."""
    return api.find_all(name_jobs(campaign_id))


def read_log(api: JobApi, campaign_id: str, *, follow: bool = False) -> Iterator[str]:
    """What a campaign's jobs wrote, in their order, piece by piece; with `follow` until the last
    of them has ended.

    A cluster that does not answer for a while is waited for. Raises VentralError if it knows no
    job of the campaign (any more).
    """
    jobs = find_jobs(api, campaign_id)
    if not jobs:
        raise VentralError(
            f"cluster {api.named.name}: knows no job of campaign {campaign_id}: its head was "
            "started anew since, or the campaign was sent elsewhere"
        )
    for job in jobs[:-1]:
        yield api.read_log(job.id)
    yield from _follow(api, jobs[-1], campaign_id) if follow else [api.read_log(jobs[-1].id)]


def _follow(api: JobApi, job: Job, campaign_id: str) -> Iterator[str]:
    shown, answered = 0, time.monotonic()
    while True:
        try:
            current = api.find(job.id)
            text = api.read_log(job.id)
        except Unreachable:
            if time.monotonic() - answered > SILENCE_PATIENCE:
                raise
            time.sleep(LOOK_SECONDS)
            continue
        answered = time.monotonic()
        if current is None:
            raise VentralError(
                f"cluster {api.named.name}: job {job.id} went with its head; go on with "
                f"`ventral resume {campaign_id} --cluster {api.named.name}`"
            )
        yield text[shown:]
        shown = len(text)
        if current.over:
            return
        time.sleep(LOOK_SECONDS)


def stop_waiting(api: JobApi, campaign_id: str) -> bool:
    """End the jobs of a campaign that is not on record yet; whether there was one."""
    jobs = [job for job in find_jobs(api, campaign_id) if not job.over]
    for job in jobs:
        api.stop(job.id)
    return bool(jobs)
