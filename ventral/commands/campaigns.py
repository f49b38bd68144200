"""The commands that run campaigns and look at them."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import (
    Column,
    Format,
    Output,
    count,
    duration,
    moment,
    note,
    percent,
    signed_percent,
    table,
    value,
)

if TYPE_CHECKING:
    from search.campaign import Campaign as CampaignFile
    from search.home import Home
    from search.store import Campaign, Store, Trial

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]
RESUMABLE = ("stopped", "interrupted", "waiting", "failed")

CELLS = (
    Column(key="trial", right=True),
    Column(key="top1", title="top-1", write=percent, right=True),
    Column(key="gain", title="vs control", write=signed_percent, right=True),
    Column(key="parameters", write=count, right=True),
    Column(key="macs", title="multiply-adds", write=count, right=True),
    Column(key="epochs", right=True),
    Column(key="status"),
    Column(key="cell"),
)


def register(app: typer.Typer) -> None:
    """Put the commands on the command line, in the order in which they are used."""
    app.command()(submit)
    app.command("list")(list_campaigns)
    app.command()(status)
    app.command()(logs)
    app.command()(stop)
    app.command()(resume)
    app.command()(top)


def submit(
    file: Annotated[Path, typer.Argument(help="the campaign file (YAML)")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change a field: budget.trials=8")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="start anew although one like it was interrupted")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="run in the background, and return at once")
    ] = False,
    id_file: Annotated[
        Path | None, typer.Option(help="write the campaign's id here as soon as it exists")
    ] = None,
    output: Output = Format.table,
) -> None:
    """Run a campaign: search, train, record, and show the best cells."""
    from search import campaign as campaigns
    from search import driver
    from ventral.opening import open_store

    campaign = campaigns.load(file, overrides or [])
    home, store = open_store(create=True)
    if not new:
        _refuse_if_interrupted(campaign, store)
    note(f"packing {campaign.data.name}")
    campaign_id = driver.submit(campaign, home, store)
    if id_file is not None:
        id_file.write_text(f"{campaign_id}\n")
    note(f"campaign {campaign_id} ({campaign.name}) in {home.path}")
    _go(campaign_id, home, store, output, detach=detach)


def resume(
    campaign: Id,
    detach: Annotated[
        bool, typer.Option("--detach", help="run in the background, and return at once")
    ] = False,
    output: Output = Format.table,
) -> None:
    """Go on with a campaign that was stopped or interrupted; nothing is trained twice."""
    from ventral.opening import find

    home, store, record = find(campaign)
    if record.state == "finished":
        note(f"campaign {record.id} is finished; `ventral top {record.id}` shows the best cells")
        return
    _go(record.id, home, store, output, detach=detach)


def _refuse_if_interrupted(campaign: "CampaignFile", store: "Store") -> None:
    """Raises CampaignError if the newest campaign of that name and content can be resumed."""
    from space.errors import CampaignError

    same = (record for record in store.campaigns() if record.name == campaign.name)
    record = next(same, None)
    if record is None or record.state not in RESUMABLE or record.document != campaign.document():
        return
    counts = store.counts(record.id)
    done = counts["finished"] + counts["pruned"]
    raise CampaignError(
        f"campaign {record.name}",
        f"was {'stopped' if record.state == 'stopped' else 'interrupted'} with {done} of "
        f"{campaign.budget.trials} trials done ({record.id})",
        f"go on with `ventral resume {record.id}`, or start another one with --new",
    )


def _go(campaign_id: str, home: "Home", store: "Store", output: Format, *, detach: bool) -> None:
    """Drive a campaign to its end, here or in the background, and show what came out."""
    if detach:
        _detach(campaign_id, home)
        return
    from search import driver
    from ventral.live import Live

    record = store.campaign(campaign_id)
    with Live(record, home) as live:
        outcome = driver.run(campaign_id, home, store, live.listen)
    _conclude(store.campaign(campaign_id), store, output)
    if outcome.left:
        note(f"{outcome.left} runs are not in MLflow yet; the next start sends them")
    if outcome.state == "stopped":
        note(f"stopped ({outcome.reason}); everything is kept. Go on with:")
        note(f"  ventral resume {campaign_id}")
        raise typer.Exit(1)
    if outcome.state == "failed":
        note(f"failed: {outcome.reason}")
        note(f"  ventral logs {campaign_id}")
        raise typer.Exit(1)


def _detach(campaign_id: str, home: "Home") -> None:
    """Start `ventral resume` in a session of its own, its output in the campaign's log."""
    log = home.ensure(home.campaign(campaign_id)) / "detached.log"
    command = [sys.executable, "-c", "from ventral.cli import main; main()", "resume", campaign_id]
    environment = os.environ | {"VENTRAL_HOME": str(home.path), "PYTHONSAFEPATH": "1"}
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
    if not found:
        note("no cell has a score yet")
        return
    references = ranking.controls(store, record.id)
    _print_cells(record, found, references, output)
    best, reference = found[0], references[0] if references else None
    if reference is not None and best.top1 is not None and reference.top1 is not None:
        gain = best.top1 - reference.top1
        note(
            f"best cell {percent(best.top1)}, {reference.cell} control "
            f"{percent(reference.top1)}: {signed_percent(gain)} points"
        )
    note("Next:")
    note(f"  ventral ui                                   # the trials in MLflow, {record.name}")
    note(f"  ventral top {record.id} -n 20")
    note(f"  ventral export {record.id} --top 3 --to cells")


def _print_cells(
    record: "Campaign", found: "list[Trial]", references: "list[Trial]", output: Format
) -> None:
    from search import ranking

    best = max((trial.top1 for trial in references if trial.top1 is not None), default=None)
    rows: list[dict[str, Any]] = []
    for trial in found:
        row = ranking.row(trial)
        if best is not None and trial.top1 is not None:
            row["gain"] = trial.top1 - best
        rows.append(row)
    if output is Format.table:
        rows += [ranking.row(trial) | {"status": "control"} for trial in references]
    table(rows, CELLS, output, f"{record.name} ({record.id}), best cells")


def list_campaigns(output: Output = Format.table) -> None:
    """All campaigns, newest first."""
    from search import ranking
    from ventral.opening import open_store

    _, store = open_store()
    rows: list[dict[str, Any]] = []
    for record in store.campaigns():
        counts = store.counts(record.id)
        best = ranking.best(store, record.id, 1)
        rows.append(
            {
                "id": record.id,
                "name": record.name,
                "state": record.state,
                "trials": sum(counts.values()),
                "done": counts["finished"] + counts["pruned"],
                "best": best[0].top1 if best else None,
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


def status(campaign: Id, output: Output = Format.table) -> None:
    """How far a campaign is: trials by status, best score, time."""
    from search import ranking
    from ventral.opening import find

    _, store, record = find(campaign)
    counts = store.counts(record.id)
    best = ranking.best(store, record.id, 1)
    budget = record.document.get("budget", {})
    found: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "reason": record.reason,
        "trials": dict(counts),
        "budget": budget,
        "best": best[0].top1 if best else None,
        "best_trial": ranking.row(best[0]) if best else None,
        "seconds": record.seconds,
        "created": record.created,
        "unmirrored": store.backlog(record.id),
    }
    done = counts["finished"] + counts["pruned"] + counts["failed"]
    by_status = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    lines = [
        f"{record.name} ({record.id}): {record.state}"
        + (f", {record.reason}" if record.reason else ""),
        f"{done} of {budget.get('trials')} trials done in {duration(record.seconds)}: {by_status}",
    ]
    if best:
        lines.append(
            f"best {percent(best[0].top1 or 0.0)}: trial {best[0].number}, {best[0].cell}"
        )
    value(found, output, "\n".join(lines))
    if output is Format.table:
        going = record.state in RESUMABLE
        note(f"Next: ventral {'resume' if going else 'top'} {record.id}")


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
                print(line, end="")
            if not follow or store.campaign(record.id).state != "running":
                return
            sys.stdout.flush()
            time.sleep(0.5)


def stop(campaign: Id) -> None:
    """Stop a running campaign; everything is kept, `ventral resume` goes on."""
    from search import driver
    from space.errors import VentralError
    from ventral.opening import find

    _, store, record = find(campaign)
    if record.state != "running":
        note(f"campaign {record.id} is not running: it is {record.state}")
        return
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
    _print_cells(record, found, ranking.controls(store, record.id), output)
    if output is Format.table:
        note(f"Next: ventral export {record.id} --top {min(3, len(found) or 1)} --to cells")
