"""`ventral status`: how far a campaign is, how fast it goes, what it has cost; once or live."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.output import Format, Output, duration, note, percent, show, value

if TYPE_CHECKING:
    from search.progress import Progress
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
    output: Output = Format.table,
) -> None:
    """How far a campaign is: trials, best score, pace, time left, failures, budget."""
    from search.progress import progress
    from ventral.opening import find

    _, store, record = find(campaign)
    if watch and output is Format.table:
        found = _watch(store, record.id)
    else:
        found = progress(store, record.id)
        while watch and found.record.state == "running":
            time.sleep(REFRESH_SECONDS)
            found = progress(store, record.id)
        value(_document(found), output, told(found))
    if output is Format.table:
        state = found.record.state
        going = state in ("stopped", "interrupted", "waiting", "failed")
        if state != "running":
            note(f"Next: ventral {'resume' if going else 'top'} {record.id}")
        elif not watch:
            note(f"Next: ventral status {record.id} --watch")


def _watch(store: "Store", campaign_id: str) -> "Progress":
    """Draw the state over and over; where there is no terminal, print each new one."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from search.progress import progress

    found = progress(store, campaign_id)
    if sys.stdout.isatty():
        console = Console(markup=False, highlight=False)
        with Live(Text(told(found)), console=console, auto_refresh=False) as screen:
            while found.record.state == "running":
                time.sleep(REFRESH_SECONDS)
                found = progress(store, campaign_id)
                screen.update(Text(told(found)), refresh=True)
        return found
    show(told(found), flush=True)
    seen = (found.record.state, found.ledger.epochs, found.done)
    while found.record.state == "running":
        time.sleep(REFRESH_SECONDS)
        found = progress(store, campaign_id)
        if (now := (found.record.state, found.ledger.epochs, found.done)) != seen:
            show(f"\n{told(found)}", flush=True)
            seen = now
    return found


def _document(found: "Progress") -> dict[str, Any]:
    from search import progress, ranking

    best = ranking.row(found.best) if found.best else None
    return progress.document(found) | {"best_trial": best}


def told(found: "Progress") -> str:
    """A campaign's state in a few lines."""
    record = found.record
    by_status = ", ".join(f"{count} {name}" for name, count in found.counts.items() if count)
    lines = [
        printable(f"{record.name} ({record.id}): {record.state}")
        + (f", {printable(record.reason)}" if record.reason else ""),
        f"{found.done} of {found.budget.trials} trials done in {duration(record.seconds)}"
        + (f": {by_status}" if by_status else ""),
    ]
    if found.best is not None:
        best = found.best
        lines.append(f"best {percent(best.top1 or 0.0)}: trial {best.number}, {best.cell}")
    if found.failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found.failures.items())
        lines.append(f"failures: {kinds}")
    if found.pace is not None:
        left = ""
        if found.remaining is not None:
            basis = "" if found.remaining.ends_by == "trials" else f" {found.remaining.basis}"
            left = f"; about {duration(found.remaining.seconds)} to the end of "
            left += f"budget.{found.remaining.ends_by}{basis}"
        lines.append(
            f"pace: {found.pace.trials_per_hour:,.0f} trials an hour, by {found.pace.basis}{left}"
        )
    lines.append(f"budget: {_budget(found)}")
    lines.append(f"ledger: {_ledger(found)}")
    for worker in found.workers[:SHOWN]:
        score = "" if worker.top1 is None else f", {percent(worker.top1)}"
        lines.append(
            f"  trial {worker.trial}: epoch {worker.epoch}{score}, for "
            f"{duration(worker.seconds)}, {worker.cell}"
        )
    if len(found.workers) > SHOWN:
        lines.append(f"  and {len(found.workers) - SHOWN} more")
    if record.state == "running" and not found.workers:
        lines.append("  no trial is being trained at this moment")
    if found.beside:
        lines.append(f"shares the machine with {', '.join(found.beside)}")
    if found.unmirrored:
        why = "" if found.mirror_error is None else f": {found.mirror_error}"
        lines.append(f"{found.unmirrored} trials are not in MLflow yet{why}")
    return "\n".join(lines)


def _budget(found: "Progress") -> str:
    parts = []
    for part, (used, cap) in found.used.items():
        write = duration if part == "seconds" else _number
        of = "" if cap is None else f" of {write(cap)}"
        parts.append(f"{PARTS[part]} {write(used)}{of}")
    device = "GPU" if found.record.document.get("resources", {}).get("gpus") else "core"
    return ", ".join(parts).replace("hours", f"{device} hours")


def _ledger(found: "Progress") -> str:
    """What became of the attempts; what came to nothing is said in devices' time."""
    costs = found.ledger
    parts = [f"{costs.attempts} attempts"]
    for end, (attempts, seconds) in sorted(costs.by_end.items()):
        spent = "" if end in ("finished", "pruned", "running") else f" ({duration(seconds)})"
        parts.append(f"{attempts} {end}{spent}")
    if costs.repeated:
        parts.append(f"{costs.repeated} epochs repeated")
    if costs.reused:
        parts.append(f"{costs.reused} trials answered by other campaigns")
    return ", ".join(parts)


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.3g}"
