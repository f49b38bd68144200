"""The commands that run campaigns and look at them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.cells import closing_lines, failed_lines, show_cells, show_references
from ventral.output import (
    Column,
    Format,
    Output,
    moment,
    note,
    percent,
    show,
    table,
)

if TYPE_CHECKING:
    from search.campaign import Campaign as CampaignFile
    from search.home import Home
    from search.machine import Machine
    from search.store import Campaign, Store

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]
Address = Annotated[
    str | None,
    typer.Option(help="run on a Ray cluster: auto, or HOST:PORT of its head; needs a shared home"),
]
New = Annotated[
    bool, typer.Option("--new", help="start anew although one like it was interrupted")
]
Detach = Annotated[
    bool, typer.Option("--detach", help="run in the background, and return at once")
]
Estimate = Annotated[
    bool, typer.Option(help="say first what it will take, from a look at this machine")
]
RESUMABLE = ("stopped", "interrupted", "waiting", "failed")


def register(app: typer.Typer) -> None:
    """Put the commands on the command line, in the order in which they are used."""
    app.command()(submit)
    app.command("list")(list_campaigns)
    app.command()(logs)
    app.command()(stop)
    app.command()(resume)
    app.command()(top)
    app.command()(certify)


def submit(
    file: Annotated[Path | None, typer.Argument(help="the campaign file (YAML)")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="a campaign like this one, instead of a file")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change a field: budget.trials=8")
    ] = None,
    new: New = False,
    detach: Detach = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check everything, say what it will take, and end")
    ] = False,
    estimate: Estimate = True,
    id_file: Annotated[
        Path | None, typer.Option(help="write the campaign's id here as soon as it exists")
    ] = None,
    address: Address = None,
    output: Output = Format.table,
) -> None:
    """Run a campaign: search, train, record, and show the best cells."""
    from search.home import Home
    from ventral import forecast

    campaign = _asked_for(file, source, overrides or [], address)
    from search import driver, place  # loads Ray: errors of the file are shown before

    if dry_run:
        home = Home.at()
        note(f"packing {campaign.data.name}")
        prepared = driver.prepare(campaign, home)
        forecast.show(campaign, prepared, home, output, place.total_offer(address))
        return
    _run(
        campaign,
        output,
        new=new,
        detach=detach,
        estimate=estimate,
        address=address,
        id_file=id_file,
    )


def _run(
    campaign: "CampaignFile",
    output: Format,
    *,
    new: bool,
    detach: bool,
    estimate: bool,
    address: str | None,
    id_file: Path | None = None,
) -> None:
    """Put a campaign on record and drive it, unless one like it is to be resumed."""
    from ventral import forecast
    from ventral.opening import open_store

    home, store = open_store(create=True)
    if not new:
        _refuse_if_interrupted(campaign, store)
    from search import driver, place

    place.check_home(home, address)
    note(f"packing {campaign.data.name}")
    prepared = driver.prepare(campaign, home)
    if estimate and address is None:
        forecast.mention(campaign, prepared, home)
    campaign_id = driver.submit(campaign, home, store, prepared=prepared)
    if id_file is not None:
        id_file.write_text(f"{campaign_id}\n")
    note(f"campaign {campaign_id} ({campaign.name}) in {home.path}")
    _go(campaign_id, home, store, output, detach=detach, address=address)


def _asked_for(
    file: Path | None, source: str | None, overrides: list[str], address: str | None
) -> "CampaignFile":
    """The campaign of a file, or one like another campaign, with overrides. Checked."""
    from search import campaign as campaigns
    from space.errors import InputError
    from ventral.opening import find

    if (file is None) == (source is None):
        raise InputError("submit", "says not what to run", "give a FILE, or --from ID")
    if file is not None:
        return campaigns.load(file, overrides, offered=_offered(address))
    _, _, record = find(str(source))
    where, offered = f"campaign {record.id}", _offered(address)
    return campaigns.clone(record.document, where, overrides, offered=offered)


def _offered(address: str | None) -> "Machine":
    """The most that one trial can have: only to ask a cluster, Ray has to be loaded."""
    from search.machine import machine

    if address is None:
        return machine()
    from search import place

    return place.largest_offer(address)


def resume(
    campaign: Id,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change the budget, say: budget.trials=80")
    ] = None,
    detach: Detach = False,
    address: Address = None,
    output: Output = Format.table,
) -> None:
    """Go on with a campaign that was stopped or interrupted; nothing is trained twice."""
    from space.errors import StoreError
    from ventral.opening import find

    home, store, record = find(campaign, (*RESUMABLE, "finished") if overrides else RESUMABLE)
    if record.state == "running":
        cure = (
            f"`ventral status {record.id} --watch` shows it; `ventral stop {record.id}` stops it"
        )
        raise StoreError(f"campaign {record.id}", "is running already", cure)
    if overrides:
        _amend(record, store, overrides, address)
    elif record.state == "finished" and not store.backlog(record.id):
        note(f"campaign {record.id} is finished; `ventral top {record.id}` shows the best cells")
        note(f"More of it: ventral resume {record.id} --set budget.trials=...")
        return
    _go(record.id, home, store, output, detach=detach, address=address)


def _amend(record: "Campaign", store: "Store", overrides: list[str], address: str | None) -> None:
    """Change a campaign before it goes on. Raises CampaignError for what may not change."""
    from search import campaign as campaigns
    from space.errors import CampaignError

    amended = campaigns.amend(record.document, f"campaign {record.id}", overrides)
    campaigns.check_resources(amended.resources, _offered(address))
    trials = store.ledger(record.id).trials
    if amended.budget.trials < trials:
        cure = f"write at least {trials}"
        problem = f"is {amended.budget.trials}, but {trials} trials are on record already"
        raise CampaignError("budget.trials", problem, cure)
    store.set_document(record.id, amended.document(), "its budget was changed")
    store.event(record.id, "changed", {"set": overrides})


def _refuse_if_interrupted(campaign: "CampaignFile", store: "Store") -> None:
    """Raises CampaignError if the newest campaign of that name and content can be resumed."""
    from space.errors import CampaignError

    same = (record for record in store.campaigns() if record.name == campaign.name)
    record = next(same, None)
    if record is None or record.state not in RESUMABLE or not _same(record, campaign):
        return
    counts = store.counts(record.id)
    done = counts["finished"] + counts["pruned"]
    raise CampaignError(
        f"campaign {record.name}",
        f"was {'stopped' if record.state == 'stopped' else 'interrupted'} with {done} of "
        f"{campaign.budget.trials} trials done ({record.id})",
        f"go on with `ventral resume {record.id}`, or start another one with --new",
    )


def _same(record: "Campaign", campaign: "CampaignFile") -> bool:
    """Whether a campaign on record is of that file; what it does not say, it leaves open."""
    from search.campaign import Campaign
    from space.errors import InputError

    document, data = record.document, record.document.get("data")
    path = getattr(campaign.data, "path", None)
    if path and isinstance(data, dict) and not os.path.isabs(str(data.get("path", path))):
        # Earlier versions kept it as it was written; from which folder, nobody knows any more.
        document = {**document, "data": data | {"path": path}}
    try:
        return Campaign.parse(document) == campaign
    except InputError:
        return False


def _go(
    campaign_id: str,
    home: "Home",
    store: "Store",
    output: Format,
    *,
    detach: bool,
    address: str | None,
) -> None:
    """Drive a campaign to its end, here or in the background, and show what came out."""
    there = [] if address is None else ["--address", address]
    from search.campaign import Campaign, check_resources
    from search.mirror.mirroring import describe_backlog

    record = store.campaign(campaign_id)
    if detach:
        # What is wrong with them is told here.
        check_resources(Campaign.parse(record.document).resources, _offered(address))
        _detach(campaign_id, home, there)
        return
    from search import driver
    from ventral.live import Live

    with Live(record, home, store.counts(record.id)) as live:
        outcome = driver.run(campaign_id, home, store, live.listen, address=address)
    _conclude(store.campaign(campaign_id), store, output)
    if outcome.unsent:
        note(describe_backlog(store, campaign_id, outcome.unsent))
    if outcome.state == "stopped":
        note(f"stopped ({outcome.reason}); everything is kept. Go on with:")
        part = (outcome.reason or "").partition(":")[0]
        more = f" --set {part}=..." if part.startswith("budget.") else ""
        note(" ".join([f"  ventral resume {campaign_id}{more}", *there]))
        raise typer.Exit(1)
    if outcome.state == "failed":
        note(f"failed: {outcome.reason}")
        note(f"  ventral logs {campaign_id}")
        raise typer.Exit(1)


def _detach(campaign_id: str, home: "Home", options: list[str]) -> None:
    """Start `ventral resume` in a session of its own, its output in the campaign's log.

    It runs on this machine; with an address among its `options` its trials run on that cluster.
    """
    log = home.ensure(home.campaign(campaign_id)) / "detached.log"
    from search.programs import python_command

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
    from search import ranking

    found = ranking.best(store, record.id, 10)
    references = ranking.references(store, record)
    failed = store.trials(record.id, statuses=["failed"])
    if not found and references:
        show_references(record, references, store, output)
        for line in failed_lines(failed):
            note(line)
        note("Next:")
        note(f"  ventral export {record.id} --trial {references[0].trial.number} --to cells")
        return
    if not found:
        note("no cell has a score yet")
        for line in failed_lines(failed):
            note(line)
        return
    show_cells(record, found, references, store, output)
    for line in closing_lines(ranking.best(store, record.id), references, failed):
        note(line)
    note("Next:")
    note(f"  ventral ui                                   # the trials in MLflow, {record.name}")
    note(f"  ventral top {record.id} -n 20")
    note(f"  ventral certify {record.id} --top 3 --seeds 5    # how much of it is luck")
    note(f"  ventral export {record.id} --top 3 --to cells")


def list_campaigns(output: Output = Format.table) -> None:
    """All campaigns, newest first."""
    from search import ranking
    from space.documents.outside import printable
    from ventral.opening import open_store

    _, store = open_store()
    rows: list[dict[str, Any]] = []
    for record in store.campaigns():
        found = ranking.standing(store, record)
        if found.state == "damaged":
            note(f"campaign {printable(record.id)} cannot be read: {found.reason}")
        rows.append(
            {
                "id": record.id,
                "name": record.name,
                "state": found.state,
                "trials": found.trials,
                "done": found.done,
                "best": found.top1,
                "created": record.created,
            }
        )
    columns = [
        Column(key="id"),
        Column(key="name"),
        Column(key="state"),
        Column(key="done", right=True),
        Column(key="best", title="best top-1", write=percent, right=True),
        Column(key="created", write=moment),
    ]
    table(rows, columns, output)


def logs(
    campaign: Id,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="wait for more")] = False,
) -> None:
    """What a campaign's driver wrote."""
    from ventral.opening import find

    home, store, record = find(campaign)
    log = home.log(record.id)
    if not log.exists():
        note(f"campaign {record.id} has written no log yet")
        return
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            for line in lines:
                show(line, end="")
            if not follow or store.campaign(record.id).state != "running":
                return
            sys.stdout.flush()
            time.sleep(0.5)


def stop(campaign: Id) -> None:
    """Stop a running campaign; everything is kept, `ventral resume` goes on."""
    from space.errors import VentralError
    from ventral.opening import find

    _, store, record = find(campaign, ("running",))
    if record.state != "running":
        note(f"campaign {record.id} is not running: it is {record.state}")
        return
    from search import driver

    if not driver.stop(record.id, store):
        raise VentralError(
            f"campaign {record.id} was asked to stop, but still runs; "
            f"`ventral status {record.id}` shows when it has"
        )
    note(f"campaign {record.id} is stopped. Go on with:")
    note(f"  ventral resume {record.id}")


def top(
    campaign: Id,
    number: Annotated[int, typer.Option("-n", min=1, help="how many")] = 10,
    by: Annotated[str, typer.Option(help="top1, or pareto: top-1 against parameters")] = "top1",
    output: Output = Format.table,
) -> None:
    """The best cells, best first."""
    from search import ranking
    from space.errors import InputError
    from ventral.opening import find

    if by not in ("top1", "pareto"):
        raise InputError("--by", f"{by} is not an order", "write top1 or pareto")
    _, store, record = find(campaign)
    ranked = ranking.best(store, record.id)
    found = (ranking.pareto(ranked) if by == "pareto" else ranked)[:number]
    references = ranking.references(store, record)
    if not found and references:
        show_references(record, references, store, output)
        if output is Format.table:
            best = references[0].trial.number
            note(f"Next: ventral export {record.id} --trial {best} --to cells")
        return
    show_cells(record, found, references, store, output)
    if output is Format.table:
        note(f"Next: ventral export {record.id} --top {min(3, len(found) or 1)} --to cells")


def certify(
    campaign: Id,
    top: Annotated[int, typer.Option(min=1, help="so many of the best cells")] = 3,
    trial: Annotated[
        list[int] | None, typer.Option(min=0, help="this trial, whatever its rank")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings of each, from other seeds")] = 5,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change a field: recipe.epochs=20")
    ] = None,
    new: New = False,
    detach: Detach = False,
    estimate: Estimate = True,
    address: Address = None,
    output: Output = Format.table,
) -> None:
    """Train the best cells again from other seeds, beside the controls: how much was luck?"""
    from search import ranking
    from search.certification import certification
    from space.errors import VentralError
    from ventral.opening import find

    _, store, record = find(campaign)
    if trial:
        chosen = [store.trial(record.id, number) for number in dict.fromkeys(trial)]
    else:
        chosen = ranking.best(store, record.id, top)
    if not chosen:
        raise VentralError(f"no cell of campaign {record.id} has a score yet")
    offered = _offered(address)
    asked = certification(record, chosen, seeds, overrides or [], offered=offered)
    _run(asked, output, new=new, detach=detach, estimate=estimate, address=address)
