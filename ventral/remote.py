"""Campaigns on clusters that this machine is no node of: what the command line makes of them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from space.documents.outside import printable
from ventral.output import note, show

if TYPE_CHECKING:
    from search.remote.clusters import Code
    from search.remote.jobs import JobApi

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster", help="of a cluster that clusters.yaml names: look where it keeps them"
    ),
]
"""The option of the commands that look at campaigns."""


def name_again(command: str, cluster: str | None) -> str:
    """A command as it is to be typed next, about the same cluster."""
    return f"ventral {command}" + ("" if cluster is None else f" --cluster {cluster}")


@dataclass(frozen=True, kw_only=True)
class Sending:
    """What is sent to a cluster: by its name, whose code runs, and what may be left unchecked."""

    cluster: str
    code: str | None = None
    insecure: bool = False
    address: str | None = None

    def open(self) -> "tuple[JobApi, Code]":
        """The cluster's job API, once it answers, and whose code runs. Says both."""
        from search.remote.clusters import find_cluster
        from search.remote.jobs import JobApi
        from space.errors import InputError
        from ventral.versions import read_versions

        if self.address is not None:
            problem = "names another place than --cluster"
            raise InputError(f"--address {self.address}", problem, "give one of the two")
        named = find_cluster(self.cluster)
        code: Code = "sent" if (self.code or named.cluster.code) == "sent" else "installed"
        api = JobApi(named)
        ray = api.read_version(insecure=self.insecure)
        image = "" if named.cluster.image is None else f", in the image {named.cluster.image}"
        ours = read_versions()["ventral"]
        whose = (
            f"Ventral {ours} of this machine, sent along" if code == "sent" else "its own Ventral"
        )
        note(f"cluster {named.name} at {named.cluster.address}: Ray {ray}; runs {whose}{image}")
        return api, code


def submit_there(
    sending: Sending,
    file: Path,
    overrides: Sequence[str],
    enqueue: Sequence[str],
    *,
    new: bool,
    dry_run: bool,
    id_file: Path | None,
) -> None:
    """Check a campaign here, and start it on a cluster; with `dry_run` check both and end."""
    from search.host.home import make_id
    from search.remote.clusters import find_cluster
    from search.remote.packages import read_campaign
    from search.remote.sending import send_campaign
    from ventral.launching import write_id

    cluster = find_cluster(sending.cluster).cluster
    document, loaded = read_campaign(file, cluster, overrides, enqueue)
    api, code = sending.open()
    if dry_run:
        needs = loaded.campaign.resources
        note(f"a trial takes {needs.cpus:g} cores and {needs.gpus:g} GPUs; nothing was sent")
        return
    campaign_id = make_id()
    job = send_campaign(api, campaign_id, document, code=code, new=new)
    if id_file is not None:
        write_id(id_file, campaign_id)
    note(f"campaign {campaign_id} ({loaded.campaign.name}) is sent, as job {job}")
    _await(api, job, campaign_id)


def resume_there(sending: Sending, called: str, overrides: Sequence[str]) -> None:
    """Go on with a campaign on its cluster."""
    from search.remote.sending import send_resume
    from search.upkeep.submission import refuse_if_at_work, resumable
    from ventral.opening import find_campaign

    _, store, record = find_campaign(called, resumable(overrides), cluster=sending.cluster)
    refuse_if_at_work(record)
    if not overrides and record.state == "finished" and not store.outbox.backlog(record.id):
        note(
            f"campaign {record.id} is finished; {name_again(f'top {record.id}', sending.cluster)}"
        )
        return
    api, code = sending.open()
    job = send_resume(api, record.id, overrides, code=code)
    note(f"campaign {record.id} ({printable(record.name)}) goes on, as job {job}")
    _await(api, job, record.id)


def certify_there(sending: Sending, called: str, options: Sequence[str], *, matched: bool) -> None:
    """Train the best cells of a campaign again, on its cluster, by the options of `certify`."""
    from search.host.home import make_id
    from search.remote.sending import send_certification
    from ventral.opening import find_campaign

    _, _, record = find_campaign(called, cluster=sending.cluster)
    api, code = sending.open()
    # Matched campaigns follow one another: which there are is decided by those before.
    campaign_id = None if matched else make_id()
    words = [*options, *(["--matched"] if matched else [])]
    job = send_certification(api, record.id, words, code=code, campaign_id=campaign_id)
    what = "beside matched controls, " if matched else f"as campaign {campaign_id}, "
    note(f"campaign {record.id} ({printable(record.name)}) is certified {what}by job {job}")
    if matched:
        note("once all is trained, the same command shows the verdicts")
    _await(api, job, campaign_id or record.id, commands=MATCHED if matched else COMMANDS)
    if (ended := api.find(job)) is not None and ended.over:
        show(api.read_log(job), end="")


COMMANDS = ("status {}", "logs {} --follow", "stop {}")
MATCHED = ("list",)
"""What to type next about a campaign that was sent, and about several."""


def _await(api: "JobApi", job: str, campaign_id: str, commands: Sequence[str] = COMMANDS) -> None:
    """Wait until the campaign is under way, and say what to type next."""
    from search.remote.sending import await_start

    name = api.named.name
    if await_start(api, job):
        note("runs there, whatever becomes of this machine. Next:")
    else:
        note("is not under way yet (its images are packed first, say). Next:")
    for command in commands:
        note("  " + name_again(command.format(campaign_id), name))


def show_log(cluster: str, campaign_id: str, *, follow: bool) -> None:
    """Print what a campaign's jobs wrote, as its cluster has it."""
    from search.remote.clusters import find_cluster
    from search.remote.jobs import JobApi
    from search.remote.sending import read_log

    for piece in read_log(JobApi(find_cluster(cluster)), campaign_id, follow=follow):
        show(piece, end="")
        sys.stdout.flush()


def stop_waiting(cluster: str, campaign_id: str) -> bool:
    """End the job of a campaign that is not on record yet; whether there is one."""
    from search.host.home import is_id
    from search.remote import sending
    from search.remote.clusters import find_cluster
    from search.remote.jobs import JobApi

    return is_id(campaign_id) and sending.stop_waiting(JobApi(find_cluster(cluster)), campaign_id)
