"""`ventral export` and `ventral evaluate`: cells out of a campaign, and scored again."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import Column, Format, Output, note, percent, table, value

if TYPE_CHECKING:
    from torch import Tensor

    from search.host.home import Home
    from search.store import Campaign, Store, Trial
    from space.genome import Genome
    from workers.card import Card
    from workers.data.pack import Pack
    from workers.evaluation import Evaluation
    from workers.job import Recipe


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
    output: Output = Format.table,
) -> None:
    """Write the best cells as folders that load anywhere: genome, weights, card."""
    from search.review import ranking
    from space.errors import InputError, VentralError
    from ventral.opening import find_campaign

    if (top is None) == (trial is None):
        raise InputError("export", "does not say which cells", "give --top N or --trial NUMBER")
    home, store, record = find_campaign(campaign)
    if trial is not None:
        chosen = [store.results.get(record.id, trial)]
    else:
        chosen = ranking.best(store, record.id, top)
    if not chosen:
        raise VentralError(f"no cell of campaign {record.id} has a score yet")
    width = len(str(len(chosen)))
    rows: list[dict[str, Any]] = []
    for place, one in enumerate(chosen, start=1):
        name = f"{place:0{width}d}-trial-{one.number}-{one.digest[:8]}"
        folder = _export(one.number, record, store, home, to / name)
        rows.append(
            {
                "trial": one.number,
                "digest": one.digest,
                "top1": one.top1,
                "cell": one.cell,
                "folder": str(folder),
            }
        )
    columns = [
        Column(key="trial", right=True),
        Column(key="top1", title="top-1", write=percent, right=True),
        Column(key="folder"),
        Column(key="cell"),
    ]
    table(rows, columns, output)
    note("Next: in Python, ventral.load(FOLDER); or")
    note(f"  ventral evaluate {rows[0]['folder']}")


def _export(number: int, record: "Campaign", store: "Store", home: "Home", folder: Path) -> Path:
    """Write one trial's export. Raises VentralError if its weights are gone or do not fit."""
    from search.campaign import Campaign
    from search.campaign.limits import fit_recipe
    from space.errors import VentralError
    from space.genome import Genome
    from space.reduction import reduce_genome
    from workers import export
    from workers.data.pack import Pack
    from workers.job import Recipe

    trial = store.results.get(record.id, number)
    if trial.genome is None or trial.top1 is None:
        raise VentralError(f"trial {number} has no score: it is {trial.status}")
    weights = _read_weights(trial, record, home)
    recipe = Recipe.model_validate(record.document["recipe"]).overlaid(trial.recipe)
    # A training that ended early is exported as it was scored: at its last epoch's fidelity.
    part = recipe.fidelity_of(trial.epochs)
    genome = reduce_genome(Genome.parse(trial.genome), size=part.size, steps=part.steps)
    pack = Pack.load(home.pack(record.data["path"]), record.data["checksum"])
    by_step = store.results.reports(record.id, number)[-1].report.accuracy_by_step
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    trained = fit_recipe(campaign, recipe, trial.genome)
    card = _make_card(trial, record, trained, pack, genome)
    card = card.model_copy(update={"accuracy_by_step": by_step})
    return export.write(folder, genome, weights, card)


def _read_weights(trial: "Trial", record: "Campaign", home: "Home") -> "dict[str, Tensor]":
    """The weights of a trial. Raises VentralError if they are gone or of another epoch."""
    from space.errors import VentralError
    from workers import checkpoint
    from workers.job import CHECKPOINT
    from workers.training_state import read_state

    saved = home.trial(record.id, trial.number) / CHECKPOINT
    if not checkpoint.versions(saved):
        keep = record.document.get("keep")
        raise VentralError(
            f"the weights of trial {trial.number} were not kept; the campaign keeps those of its "
            f"{keep} best trials (`keep:` in its file)"
        )
    tensors, meta = checkpoint.load(saved)
    epoch = read_state(meta, saved).epoch
    if epoch != trial.epochs:
        raise VentralError(
            f"trial {trial.number} was scored after epoch {trial.epochs}, but its weights are of "
            f"epoch {epoch}; `ventral resume {record.id}` trains it on"
        )
    return {
        name.removeprefix("network."): tensor
        for name, tensor in tensors.items()
        if name.startswith("network.")
    }


def _make_card(
    trial: "Trial", record: "Campaign", recipe: "Recipe", pack: "Pack", genome: "Genome"
) -> "Card":
    """The facts of a trial that has a score."""
    import platform
    from importlib.metadata import version

    from workers.card import Card

    assert trial.top1 is not None
    return Card(
        name=f"{record.name} trial {trial.number}",
        digest=trial.digest,
        campaign=record.id,
        campaign_name=record.name,
        trial=trial.number,
        origin=trial.origin,
        data=record.document["data"],
        data_checksum=pack.checksum,
        classes=tuple(pack.classes),
        mean=tuple(pack.mean),
        std=tuple(pack.std),
        image_size=genome.image.size,
        seed=trial.seed,
        recipe=recipe.model_dump(mode="json"),
        epochs=trial.epochs,
        split=pack.scored(recipe.score_on),
        top1=trial.top1,
        top5=trial.top5,
        loss=trial.loss,
        evaluation_batch_size=recipe.evaluation_batch_size,
        threads=recipe.threads,
        versions={
            "ventral-search": version("ventral-search"),
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    )


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
    from ventral.opening import home_data
    from workers.export import read_card

    card = read_card(folder)
    note("scoring it; packing its data comes first if the home does not hold the pack")
    from workers.scoring import evaluate_export

    scores = evaluate_export(folder, home_data(), split.value)
    recorded = card.scores.get(split.value)
    row = {
        "folder": str(folder),
        "split": split.value,
        "top1": scores.top1,
        "recorded_top1": None if recorded is None else recorded[0],
        "top5": scores.top5,
        "loss": scores.loss,
        "accuracy_by_step": list(scores.accuracy_by_step),
    }
    if recorded is None:
        compared = f"of which none is recorded to compare with ({card.split} {percent(card.top1)})"
    elif recorded[0] == scores.top1:
        compared = "the same as recorded"
    else:
        compared = f"not the recorded {percent(recorded[0])}"
    value(row, output, f"top-1 {percent(scores.top1)} on {split.value}, {compared}")
    if recorded is None and split is ScoredSplit.test:
        _record_test(folder, card, scores)


def _record_test(folder: Path, card: "Card", scores: "Evaluation") -> None:
    """Write an export's first score on the test split into its card."""
    from workers.export import rewrite_card

    try:
        rewrite_card(folder, card.with_test(scores.top1, scores.top5, scores.loss))
    except OSError as error:
        note(f"the card of {folder} does not say so: it cannot be written ({error.strerror})")
        return
    note(f"the card of {folder} says from now on that the test split was opened for it")
