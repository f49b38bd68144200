"""`ventral trial`: every trial of a campaign, and one of them whole."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import Column, Format, Output, count, duration, percent, table, value

if TYPE_CHECKING:
    from search.store import Trial

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]


@app.command("list")
def list_trials(campaign: Id, output: Output = Format.table) -> None:
    """Every trial of a campaign."""
    from ventral.opening import find

    _, store, record = find(campaign)
    rows = [_row(trial) for trial in store.trials(record.id)]
    columns = [
        Column(key="trial", right=True),
        Column(key="status"),
        Column(key="top1", title="top-1", write=percent, right=True),
        Column(key="epochs", right=True),
        Column(key="seconds", title="time", write=duration, right=True),
        Column(key="cell"),
        Column(key="reason"),
    ]
    table(rows, columns, output)


@app.command()
def show(
    campaign: Id,
    trial: Annotated[int, typer.Argument(help="the trial's number")],
    output: Output = Format.table,
) -> None:
    """One trial: its genome's choices, its scores by epoch, and why it failed if it did."""
    from ventral.opening import find

    _, store, record = find(campaign)
    found = store.trial(record.id, trial)
    reports = store.reports(record.id, trial)
    document = _row(found) | {
        "detail": found.detail,
        "recipe": found.recipe,
        "genome": found.genome,
        "reports": reports,
    }
    lines = [
        f"trial {found.number} of {record.name} ({record.id}): {found.status}",
        f"{found.cell}, {count(found.parameters or 0)} parameters, digest {found.digest}",
        *([f"because: {found.reason}"] if found.reason else []),
        *([found.detail] if found.detail else []),
        *(f"  {path} = {choice}" for path, choice in found.choices.items()),
        *(
            f"epoch {report['epoch']}: top-1 {percent(report['top1'])}, by step "
            + " ".join(f"{accuracy:.2f}" for accuracy in report["accuracy_by_step"])
            for report in reports
        ),
    ]
    value(document, output, "\n".join(lines))


def _row(trial: "Trial") -> dict[str, Any]:
    return {
        "trial": trial.number,
        "digest": trial.digest,
        "seed": trial.seed,
        "status": trial.status,
        "reason": trial.reason,
        "top1": trial.top1,
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "cell": trial.cell,
        "origin": trial.origin,
        "parameters": trial.parameters,
        "macs": trial.macs,
        "choices": trial.choices,
    }
