"""`ventral export` and `ventral evaluate`: cells out of a campaign, and scored again."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.kinds import Feedforward, Recurrent, pick_kind
from ventral.output import Column, Format, Output, note, percent, table, value
from ventral.remote import Cluster

if TYPE_CHECKING:
    from search.upkeep.evaluation import Evaluated


class ScoredSplit(StrEnum):
    """A split on which an export can be scored."""

    validation = "validation"
    test = "test"


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
    cluster: Cluster = None,
    output: Output = Format.table,
) -> None:
    """Write the best cells as folders that load anywhere: genome, weights, card."""
    from search.remote.whereabouts import refuse_if_elsewhere
    from search.upkeep.exports import choose_trials, export_trials
    from ventral.opening import find_campaign

    home, store, record = find_campaign(campaign, cluster=cluster)
    refuse_if_elsewhere(record, home)
    kind = pick_kind(recurrent=recurrent, feedforward=feedforward)
    chosen = choose_trials(store, record, top=top, trial=trial, kind=kind)
    rows: list[dict[str, Any]] = [
        {
            "trial": one.trial.number,
            "digest": one.trial.digest,
            "recurrent": one.trial.recurrence,
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
    split: Annotated[
        ScoredSplit, typer.Option("--split", help="what it is scored on")
    ] = ScoredSplit.test,
    output: Output = Format.table,
) -> None:
    """Score an export on its data, beside the recorded score of the same split.

    On the test split, by default: its first score there is written into the export's card.
    """
    from search.host.home import Home
    from search.upkeep.evaluation import evaluate_on_record

    note("scoring it; packing its data comes first if the home does not hold the pack")
    command = f"ventral evaluate {folder}"
    result = evaluate_on_record(folder, Home.at(), split.value, command=command)
    scores, recorded, card = result.scores, result.recorded, result.card
    row = {
        "folder": str(folder),
        "split": split.value,
        "top1": scores.top1,
        "recorded_top1": recorded,
        "top5": scores.top5,
        "loss": scores.loss,
        "accuracy_by_step": list(scores.accuracy_by_step),
    }
    if recorded is None:
        compared = f"of which none is recorded to compare with ({card.split} {percent(card.top1)})"
    elif recorded == scores.top1:
        compared = "the same as recorded"
    else:
        compared = f"not the recorded {percent(recorded)}"
    value(row, output, f"top-1 {percent(scores.top1)} on {split.value}, {compared}")
    if split is ScoredSplit.test:
        _note_opening(folder, result)


def _note_opening(folder: Path, result: "Evaluated") -> None:
    """Where it is on record that the test split was opened."""
    if result.not_written is not None:
        reason = result.not_written
        note(f"the card of {folder} does not say so: it cannot be written ({reason})")
    elif result.recorded is None:
        note(f"the card of {folder} says from now on that the test split was opened for it")
    if result.on_record:
        note(f"the opening is on record: ventral status {result.card.campaign}")
    else:
        note(f"the opening is not on record ({result.not_recorded})")
