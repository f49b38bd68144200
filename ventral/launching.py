"""From a campaign to its end: put on record, driven here or in the background, and summed up."""

import os
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ventral.cells import closing_lines, failed_lines, show_cells, show_references
from ventral.output import Format, note

if TYPE_CHECKING:
    from search.campaign import Campaign as CampaignFile
    from search.driver import Prepared
    from search.host.home import Home
    from search.store import Campaign, Store, Trial
    from space.space import Space


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a campaign is driven: on which cluster, whether in the background; how it is printed.

    A new one gets the id `campaign_id`, if that is given.
    `metrics` is the port at which Prometheus is answered, as `--metrics` takes it.
    """

    output: Format
    detach: bool = False
    address: str | None = None
    campaign_id: str | None = None
    metrics: str | None = None

    def __post_init__(self) -> None:
        if self.metrics is not None:
            from search.review.metrics import parse_metrics_address

            parse_metrics_address(self.metrics)

    @property
    def options(self) -> list[str]:
        """The words of a command line that drives it in the same place."""
        options = {"--address": self.address, "--metrics": self.metrics}
        return [word for pair in options.items() if pair[1] is not None for word in pair if word]


def run_campaign(
    campaign: "CampaignFile",
    launch: Launch,
    *,
    new: bool = False,
    estimate: bool = True,
    id_file: Path | None = None,
    certifies: "Campaign | None" = None,
    cloned_from: "Campaign | None" = None,
    space: "Space | None" = None,
) -> str:
    """Put a campaign on record, perhaps one that `certifies` another or is `cloned_from` it, and
    drive it; its id.

    `space` is the campaign's, if it was parsed before. With `estimate` what it will take is
    printed first; its id is written to `id_file`. Raises CampaignError, unless `new`, if one like
    it is to be resumed.
    """
    from search.upkeep.submission import put_on_record
    from ventral import forecast
    from ventral.opening import open_store

    home, store = open_store(create=True)

    def mention(prepared: "Prepared") -> None:
        if estimate and launch.address is None:
            forecast.mention(campaign, prepared, home)

    note(f"packing {campaign.data.name}")
    campaign_id, prepared = put_on_record(
        campaign,
        home,
        store,
        space=space,
        new=new,
        address=launch.address,
        certifies=certifies,
        cloned_from=None if cloned_from is None else cloned_from.id,
        campaign_id=launch.campaign_id,
        inspect=mention,
    )
    if id_file is not None:
        write_id(id_file, campaign_id)
    note(f"campaign {campaign_id} ({campaign.name}) in {home.path}")
    drive(campaign_id, home, store, launch, prepared)
    return campaign_id


def write_id(file: Path, campaign_id: str) -> None:
    """Write a campaign's id to a file, for programs that wait for it: whole, or not there yet.

    A device or a pipe is written to as it is. Raises OSError.
    """
    from workers import files

    text = f"{campaign_id}\n"
    if file.exists() and not file.is_file():
        file.write_text(text)
    else:
        files.replace(file, text.encode())


def drive(
    campaign_id: str,
    home: "Home",
    store: "Store",
    launch: Launch,
    prepared: "Prepared | None" = None,
) -> None:
    """Drive a campaign to its end, here or in the background, and show what came out.

    `prepared` is what `put_on_record` gave, if that was just now. Exit code 1 if it ended before
    its budget did.
    """
    from search.campaign import Campaign, check_resources
    from search.mirror.mirroring import describe_backlog
    from search.upkeep.submission import read_offered

    record = store.campaigns.get(campaign_id)
    if launch.detach:
        if prepared is None:  # else it was checked just now
            # Before it is in the background, where an error would not be seen.
            offered = read_offered(launch.address)
            check_resources(Campaign.parse(record.document).resources, offered)
        _detach(campaign_id, home, launch.options)
        return
    from search import driver
    from ventral.live import Live

    with (
        Live(record, home, store.results.counts(record.id)) as live,
        _serve_metrics(store, campaign_id, launch) as metrics,
    ):
        if metrics is not None:
            note(f"metrics at {metrics}")
        elif launch.metrics is not None:
            note(f"nothing can listen at {launch.metrics}: the campaign runs without metrics")
        outcome = driver.run(
            campaign_id, home, store, live.listen, address=launch.address, prepared=prepared
        )
    _conclude(store.campaigns.get(campaign_id), store, launch.output)
    if outcome.unsent:
        note(describe_backlog(store, campaign_id, outcome.unsent))
    if outcome.state == "stopped":
        note(f"stopped ({outcome.reason}); everything is kept. Go on with:")
        part = (outcome.reason or "").partition(":")[0]
        more = f" --set {part}=..." if part.startswith("budget.") else ""
        note(" ".join([f"  ventral resume {campaign_id}{more}", *launch.options]))
        raise typer.Exit(1)
    if outcome.state == "failed":
        note(f"failed: {outcome.reason}")
        note(f"  ventral logs {campaign_id}")
        raise typer.Exit(1)


def _serve_metrics(
    store: "Store", campaign_id: str, launch: Launch
) -> AbstractContextManager[str | None]:
    """What answers Prometheus while the campaign runs, if that was asked for."""
    if launch.metrics is None:
        return nullcontext()
    from search.review.metrics import parse_metrics_address, serve_metrics

    return serve_metrics(store, campaign_id, parse_metrics_address(launch.metrics))


def _detach(campaign_id: str, home: "Home", options: list[str]) -> None:
    """Start `ventral resume` in a session of its own, its output in the campaign's log.

    It runs on this machine; with an address among its `options` its trials run on that cluster.
    """
    log = home.ensure(home.campaign(campaign_id)) / "detached.log"
    from search.host.programs import python_command

    begin = python_command("from ventral.cli import main; main()")
    command = [*begin, "resume", campaign_id, *options]
    environment = os.environ | {"VENTRAL_HOME": str(home.path)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environment,
        )
    note(f"runs in the background (process {process.pid}). Next:")
    note(f"  ventral status {campaign_id}")
    note(f"  ventral logs {campaign_id} --follow")
    note(f"  ventral stop {campaign_id}")


def _conclude(record: "Campaign", store: "Store", output: Format) -> None:
    """The best cells beside the controls, and what to type next."""
    from search.review import ranking

    searched = ranking.best(store, record.id)
    ranked = searched[:10]
    references = ranking.references(store, record)
    failed = store.results.find(record.id, statuses=["failed"])
    if not ranked and references:
        show_references(record, references, store, output)
        for line in failed_lines(failed):
            note(line)
        note("Next:")
        note(f"  ventral export {record.id} --trial {references[0].trial.number} --to cells")
        return
    if not ranked:
        note("no cell has a score yet")
        for line in failed_lines(failed):
            note(line)
        return
    show_cells(record, ranked, references, store, output)
    for line in closing_lines(searched, references, failed):
        note(line)
    note("Next:")
    for line in next_commands(record, searched):
        note(f"  {line}")


def next_commands(record: "Campaign", searched: "Sequence[Trial]") -> list[str]:
    """What to type after a search; `searched` are all its trials that have a score."""
    from search.review import ranking

    asks = [f"ventral certify {record.id} --top 3 --seeds 5    # how much of it is luck"]
    if ranking.best_of_kinds(searched)[0] is not None:
        asks.append(f"ventral certify {record.id} --matched    # whether it is the recurrence")
    return [
        f"ventral ui                                   # the trials in MLflow, {record.name}",
        f"ventral top {record.id} -n 20",
        *asks,
        f"ventral export {record.id} --top 3 --to cells",
    ]
