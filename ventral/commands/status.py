"""`ventral status`: a campaign's progress, pace and cost; once or live."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.review.durations import format_duration
from space.documents.outside import printable
from ventral.output import Format, Output, moment, note, percent, show, value
from ventral.remote import Cluster, name_again

if TYPE_CHECKING:
    from search.review.progress import Progress
    from search.store import Store

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]
REFRESH_SECONDS = 1.0
SHOWN = 8  # workers
PARTS = {"trials": "trials", "seconds": "time", "device_hours": "hours", "epochs": "epochs"}


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(status)


def status(
    campaign: Id,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="show it live, until the campaign has ended")
    ] = False,
    cluster: Cluster = None,
    output: Output = Format.table,
) -> None:
    """How far a campaign is: trials, best score, pace, time left, failures, budget."""
    from search.review.progress import progress
    from ventral.opening import find_campaign

    _, store, record = find_campaign(campaign, cluster=cluster)
    if watch and output is Format.table:
        current = _watch(store, record.id)
    else:
        current = progress(store, record.id)
        while watch and current.record.state == "running":
            time.sleep(REFRESH_SECONDS)
            current = progress(store, record.id)
        value(_document(current), output, format_progress(current))
    if output is Format.table:
        state = current.record.state
        going = state in ("stopped", "interrupted", "waiting", "failed")
        if state != "running":
            command = f"{'resume' if going else 'top'} {record.id}"
            note(f"Next: {name_again(command, cluster)}")
        elif not watch:
            note(f"Next: {name_again(f'status {record.id} --watch', cluster)}")


def _watch(store: "Store", campaign_id: str) -> "Progress":
    """Draw the state again and again; without a terminal, print each new one."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from search.review.progress import progress

    current = progress(store, campaign_id)
    if sys.stdout.isatty():
        console = Console(markup=False, highlight=False)
        with Live(Text(format_progress(current)), console=console, auto_refresh=False) as screen:
            while current.record.state == "running":
                time.sleep(REFRESH_SECONDS)
                current = progress(store, campaign_id)
                screen.update(Text(format_progress(current)), refresh=True)
        return current
    show(format_progress(current), flush=True)
    printed = (current.record.state, current.ledger.epochs, current.done)
    while current.record.state == "running":
        time.sleep(REFRESH_SECONDS)
        current = progress(store, campaign_id)
        if (now := (current.record.state, current.ledger.epochs, current.done)) != printed:
            show(f"\n{format_progress(current)}", flush=True)
            printed = now
    return current


def _document(current: "Progress") -> dict[str, Any]:
    from search.review import progress

    best = current.best.row() if current.best else None
    return progress.document(current) | {"best_trial": best}


def format_progress(current: "Progress") -> str:
    """A campaign's state in a few lines."""
    record = current.record
    by_status = ", ".join(f"{count} {name}" for name, count in current.counts.items() if count)
    lines = [
        printable(f"{record.name} ({record.id}): {record.state}")
        + (f", {printable(record.reason)}" if record.reason else ""),
        f"{current.done} of {current.budget.trials} trials done in "
        + format_duration(record.seconds)
        + (f": {by_status}" if by_status else ""),
    ]
    if current.best is not None:
        best = current.best
        lines.append(f"best {percent(best.top1 or 0.0)}: trial {best.number}, {best.cell}")
    if current.searched_controls:
        lines.append(_searched_controls(current))
    if current.failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in current.failures.items())
        lines.append(f"failures: {kinds}")
    if current.pace is not None:
        left = ""
        if current.remaining is not None:
            basis = "" if current.remaining.ends_by == "trials" else f" {current.remaining.basis}"
            left = f"; about {format_duration(current.remaining.seconds)} to the end of "
            left += f"budget.{current.remaining.ends_by}{basis}"
        lines.append(
            f"pace: {current.pace.trials_per_hour:,.0f} trials an hour, "
            f"by {current.pace.basis}{left}"
        )
    lines.append(f"budget: {_budget(current)}")
    lines.append(f"ledger: {_ledger(current)}")
    for worker in current.workers[:SHOWN]:
        score = "" if worker.top1 is None else f", {percent(worker.top1)}"
        lines.append(
            f"  trial {worker.trial}: epoch {worker.epoch}{score}, for "
            f"{format_duration(worker.seconds)}, {worker.cell}"
        )
    if len(current.workers) > SHOWN:
        lines.append(f"  and {len(current.workers) - SHOWN} more")
    if record.state == "running" and not current.workers:
        lines.append("  no trial is being trained at the moment")
    if current.openings:
        last = current.openings[-1]
        often = "once" if len(current.openings) == 1 else f"{len(current.openings)} times"
        lines.append(
            f"the test split was opened {often}, at last on {moment(last.at)} by "
            + printable(f"{last.who}: {last.command}")
        )
    if current.beside:
        lines.append(f"shares the machine with {', '.join(current.beside)}")
    if current.unmirrored:
        why = "" if current.mirror_error is None else f": {current.mirror_error}"
        lines.append(f"{current.unmirrored} trials are not in MLflow yet{why}")
    return "\n".join(lines)


def _searched_controls(current: "Progress") -> str:
    number, best = current.searched_controls, current.best_control
    line = "1 trial is a searched control" if number == 1 else f"{number} are searched controls"
    if best is None:
        return line
    return f"{line}, the best {percent(best.top1 or 0.0)}: trial {best.number}, {best.cell}"


def _budget(current: "Progress") -> str:
    parts = []
    for part, (used, cap) in current.used.items():
        write = format_duration if part == "seconds" else _number
        of = "" if cap is None else f" of {write(cap)}"
        parts.append(f"{PARTS[part]} {write(used)}{of}")
    device = "GPU" if current.record.document.get("resources", {}).get("gpus") else "core"
    return ", ".join(parts).replace("hours", f"{device} hours")


def _ledger(current: "Progress") -> str:
    """The attempts by how they ended, with the device time of those that gave no score."""
    costs = current.ledger
    parts = [f"{costs.attempts} attempts"]
    for end, (attempts, seconds) in sorted(costs.by_end.items()):
        spent = (
            "" if end in ("finished", "pruned", "running") else f" ({format_duration(seconds)})"
        )
        parts.append(f"{attempts} {end}{spent}")
    if costs.repeated:
        parts.append(f"{costs.repeated} epochs repeated")
    if costs.reused:
        parts.append(f"{costs.reused} trials answered by other campaigns")
    return ", ".join(parts)


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.3g}"
