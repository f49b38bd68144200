"""`ventral export` and `ventral evaluate`: cells out of a campaign, and scored again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ventral.kinds import Feedforward, Recurrent, pick_kind
from ventral.output import Column, Format, Output, note, percent, table, value

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]


def register(app: typer.Typer) -> None:
    """Put the commands on the command line."""
    app.command()(export)
    app.command()(evaluate)


def export(
    campaign: Id,
    to: Annotated[Path, typer.Option("--to", help="the folder that gets one folder a cell")],
    top: Annotated[int | None, typer.Option(min=1, help="so many of the best cells")] = None,
    trial: Annotated[int | None, typer.Option(min=0, help="this trial, whatever its rank")] = None,
    recurrent: Recurrent = False,
    feedforward: Feedforward = False,
    output: Output = Format.table,
) -> None:
    """Write the best cells as folders that load anywhere: genome, weights, card."""
    from search.review import ranking
    from search.upkeep.exports import choose_trials, export_trials
    from ventral.opening import find_campaign

    home, store, record = find_campaign(campaign)
    kind = pick_kind(recurrent=recurrent, feedforward=feedforward)
    chosen = choose_trials(store, record, top=top, trial=trial, kind=kind)
    rows: list[dict[str, Any]] = [
        {
            "trial": one.trial.number,
            "digest": one.trial.digest,
            "recurrent": ranking.recurrent(one.trial),
            "top1": one.trial.top1,
            "cell": one.trial.cell,
            "folder": str(one.folder),
        }
        for one in export_trials(store, home, record, chosen, to)
    ]
    columns = [
        Column(key="trial", right=True),
        Column(key="top1", title="top-1", write=percent, right=True),
        Column(key="folder"),
        Column(key="cell"),
    ]
    table(rows, columns, output)
    note("Next: in Python, ventral.load(FOLDER); or")
    note(f"  ventral evaluate {rows[0]['folder']}")


def evaluate(
    folder: Annotated[Path, typer.Argument(help="a folder that `ventral export` wrote")],
    output: Output = Format.table,
) -> None:
    """Score an export again on its data, beside the recorded score."""
    from ventral.opening import home_data
    from workers.export import read_card

    card = read_card(folder)
    note("scoring it again; packing its data comes first if the home does not hold the pack")
    from workers.scoring import evaluate_export

    scores = evaluate_export(folder, home_data())
    row = {
        "folder": str(folder),
        "top1": scores.top1,
        "recorded_top1": card.top1,
        "top5": scores.top5,
        "loss": scores.loss,
        "accuracy_by_step": list(scores.accuracy_by_step),
    }
    same = "the same" if scores.top1 == card.top1 else f"not the recorded {percent(card.top1)}"
    value(row, output, f"top-1 {percent(scores.top1)}, {same}")
