"""`ventral export` and `ventral evaluate`: cells out of a campaign, and scored again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import Column, Format, Output, note, percent, table, value

if TYPE_CHECKING:
    from search.home import Home
    from search.store import Campaign, Store, Trial

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]


def register(app: typer.Typer) -> None:
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
    from search import ranking
    from space.errors import InputError, VentralError
    from ventral.opening import find

    if (top is None) == (trial is None):
        raise InputError("export", "says not which cells", "give --top N or --trial NUMBER")
    home, store, record = find(campaign)
    if trial is not None:
        chosen = [store.trial(record.id, trial)]
    else:
        chosen = ranking.best(store, record.id, top)
    if not chosen:
        raise VentralError(f"no cell of campaign {record.id} has a score yet")
    width = len(str(len(chosen)))
    rows: list[dict[str, Any]] = []
    for place, found in enumerate(chosen, start=1):
        name = f"{place:0{width}d}-trial-{found.number}-{found.digest[:8]}"
        folder = _export(found, record, store, home, to / name)
        rows.append(
            {
                "trial": found.number,
                "digest": found.digest,
                "top1": found.top1,
                "cell": found.cell,
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


def _export(
    trial: "Trial", record: "Campaign", store: "Store", home: "Home", folder: Path
) -> Path:
    """Write one trial's export. Raises VentralError if its weights are gone or do not fit."""
    import platform
    from importlib.metadata import version

    from space.errors import VentralError
    from space.genome import Genome
    from space.reduction import reduced
    from workers import checkpoint, export
    from workers.data.pack import Pack
    from workers.job import CHECKPOINT, Recipe
    from workers.training_state import read_state

    found = store.trial(record.id, trial.number)
    if found.genome is None or found.top1 is None:
        raise VentralError(f"trial {trial.number} has no score: it is {trial.status}")
    saved = home.trial(record.id, trial.number) / CHECKPOINT
    if not checkpoint.versions(saved):
        keep = record.document.get("keep")
        raise VentralError(
            f"the weights of trial {trial.number} were not kept; the campaign keeps those of its "
            f"{keep} best trials (`keep:` in its file)"
        )
    tensors, meta = checkpoint.load(saved)
    epoch = read_state(meta, saved).epoch
    if epoch != found.epochs:
        raise VentralError(
            f"trial {trial.number} was scored after epoch {found.epochs}, but its weights are of "
            f"epoch {epoch}; `ventral resume {record.id}` trains it on"
        )
    report = store.reports(record.id, trial.number)[-1]
    packed = Pack.load(home.pack(record.data["path"]), record.data["checksum"])
    recipe = Recipe.model_validate(record.document["recipe"]).overlaid(found.recipe)
    weights = {
        name.removeprefix("network."): tensor
        for name, tensor in tensors.items()
        if name.startswith("network.")
    }
    # A training that ended early is exported as it was scored: at its last epoch's fidelity.
    part = recipe.fidelity_of(found.epochs)
    genome = reduced(Genome.parse(found.genome), size=part.size, steps=part.steps)
    card = export.Card(
        name=f"{record.name} trial {trial.number}",
        digest=found.digest,
        campaign=record.id,
        campaign_name=record.name,
        trial=found.number,
        origin=found.origin,
        data=record.document["data"],
        data_checksum=packed.checksum,
        classes=tuple(packed.classes),
        mean=tuple(packed.mean),
        std=tuple(packed.std),
        image_size=genome.image.size,
        seed=found.seed,
        recipe=recipe.model_dump(mode="json"),
        epochs=found.epochs,
        top1=found.top1,
        top5=found.top5,
        loss=found.loss,
        accuracy_by_step=tuple(report["accuracy_by_step"]),
        evaluation_batch_size=recipe.evaluation_batch_size,
        threads=recipe.threads,
        versions={
            "ventral-search": version("ventral-search"),
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    )
    return export.write(folder, genome, weights, card)


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

    found = evaluate_export(folder, home_data())
    row = {
        "folder": str(folder),
        "top1": found.top1,
        "recorded_top1": card.top1,
        "top5": found.top5,
        "loss": found.loss,
        "accuracy_by_step": list(found.accuracy_by_step),
    }
    same = "the same" if found.top1 == card.top1 else f"not the recorded {percent(card.top1)}"
    value(row, output, f"top-1 {percent(found.top1)}, {same}")


__all__ = ["register"]
