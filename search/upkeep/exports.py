"""The networks of a campaign as exports: which, from what on record, with which card.

The store and the home say what an export holds; workers/ reads and writes the weights.
"""

import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from search.campaign import Campaign
from search.campaign.limits import fit_recipe
from search.host.home import Home
from search.host.places import pack_of, places_of
from search.review import ranking
from search.review.ranking import Kind
from search.review.second_tries import find_second_tries
from search.store import Campaign as Record
from search.store import Store, Trial
from search.upkeep.openings import count_openings
from space.errors import InputError, VentralError
from space.genome import Genome
from space.recurrence import recurrence
from space.reduction import reduce_genome
from workers import checkpoint
from workers.card import Card
from workers.data.manifest import Manifest
from workers.data.publishing import find_manifest
from workers.job import Fidelity, PackRef, Recipe
from workers.published_export import publish_export
from workers.storage.places import local_folder, read_place
from workers.storage.probing import probe_storage
from workers.training_state import read_weights


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A trial whose network was written, and where: the path of a folder, or a URL."""

    trial: Trial
    place: str


def choose_trials(
    store: Store,
    record: Record,
    *,
    top: int | None = None,
    trial: int | None = None,
    kind: Kind | None = None,
) -> list[Trial]:
    """The `top` best cells (of a kind, if one is given), or the one trial of that number.

    Raises InputError unless one of the two is given, and for a number below 1; StoreError for an
    unknown trial, VentralError if no cell (of that kind) has a score yet.
    """
    if (top is None) == (trial is None):
        raise InputError("export", "does not say which cells", "give --top N or --trial NUMBER")
    if top is not None and top < 1:
        raise InputError("top", f"{top} is not a number of cells", "write a number from 1")
    if trial is not None and kind is not None:
        raise InputError("export", f"names a trial and a kind ({kind})", "give one of the two")
    if trial is not None:
        return [store.results.get(record.id, trial)]
    chosen = ranking.best(store, record.id, top, kind)
    if not chosen:
        what = "cell" if kind is None else f"{kind} cell"
        raise VentralError(f"no {what} of campaign {record.id} has a score yet")
    return chosen


def export_trials(
    store: Store, home: Home, record: Record, trials: list[Trial], to: str | Path
) -> list[Exported]:
    """Write one export a trial into `to`, in their order: PLACE-trial-NUMBER-DIGEST.

    `to` is a folder, or the URL of a storage. Raises VentralError for a trial without a score or
    whose weights were not kept, InputError if something else than an export has its folder's
    name, or anything at the URL; OSError on a full disk, StorageError.
    """
    to = read_place(to, "--to")
    folder = local_folder(to)
    if folder is None:
        probe_storage(str(to), "--to")
    exported = []
    for place, one in enumerate(trials, start=1):
        name = f"{place:0{len(str(len(trials)))}d}-trial-{one.number}-{one.digest[:8]}"
        if folder is not None:
            made = str(_export(store, home, record, one.number, folder / name))
        else:
            with tempfile.TemporaryDirectory() as scratch:
                written = _export(store, home, record, one.number, Path(scratch) / name)
                made = publish_export(written, str(to), name)
        exported.append(Exported(trial=one, place=made))
    return exported


def _export(store: Store, home: Home, record: Record, number: int, folder: Path) -> Path:
    """Write one trial's export. Raises VentralError if its weights are gone or do not fit."""
    from workers import export  # reads and writes weights: PyTorch is loaded

    kept = read_kept(store, home, record, number)
    trial = kept.trial
    by_step = store.results.reports(record.id, number)[-1].report.accuracy_by_step
    genome = reduce_genome(kept.genome, size=kept.part.size, steps=kept.part.steps)
    card = _make_card(trial, record, kept.recipe, kept.manifest, genome)
    opened = count_openings(store, record, trial) if card.split == "validation" else 0
    card = card.model_copy(update={"accuracy_by_step": by_step, "test_openings": opened})
    return export.write(folder, genome, kept.weights, card)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A trial whose weights were kept: its network, the state dict (tensors by name), and how it
    was trained. `data` are its images, which may be at a storage, `manifest` what they are.

    A training that ended early was scored at its last epoch's fidelity, `part`.
    """

    trial: Trial
    genome: Genome
    weights: Mapping[str, Any]
    recipe: Recipe
    part: Fidelity
    data: PackRef
    manifest: Manifest


def read_kept(store: Store, home: Home, record: Record, number: int) -> Kept:
    """The weights of a trial, with all that they belong to; loads PyTorch.

    Raises StoreError for an unknown trial, VentralError for one that has no score, whose weights
    were not kept, or whose weights are not those of its score; DataError if its images are gone.
    """
    trial = store.results.get(record.id, number)
    if trial.top1 is None:
        raise VentralError(f"trial {number} has no score: it is {trial.status}")
    saved = _find_weights(trial, record, home)
    recipe = Recipe.model_validate(record.document["recipe"]).overlaid(trial.recipe)
    genome = trial.read_genome()
    data = pack_of(home, record.data)
    manifest = find_manifest(data)
    campaign = Campaign.parse(record.document, f"campaign {record.id}")
    second = find_second_tries(store, record.id).get(number)
    changes = {} if second is None else second.changes
    weights, epoch = read_weights(saved)
    if epoch != trial.epochs:
        raise VentralError(
            f"trial {trial.number} was scored after epoch {trial.epochs}, but its weights are of "
            f"epoch {epoch}; `ventral resume {record.id}` trains it on"
        )
    return Kept(
        trial=trial,
        genome=genome,
        weights=weights,
        recipe=fit_recipe(campaign, recipe, genome).overlaid(changes),
        part=recipe.fidelity_of(trial.epochs),
        data=data,
        manifest=manifest,
    )


def are_weights_kept(home: Home, record: Record, number: int) -> bool:
    """Whether there is a checkpoint of a trial."""
    return bool(checkpoint.versions(places_of(home, record).checkpoint(number)))


def _find_weights(trial: Trial, record: Record, home: Home) -> str:
    """The checkpoint of a trial. Raises VentralError if it was not kept."""
    if not are_weights_kept(home, record, trial.number):
        keep = record.document.get("keep")
        raise VentralError(
            f"the weights of trial {trial.number} were not kept; the campaign keeps those of its "
            f"{keep} best trials (`keep:` in its file)"
        )
    return places_of(home, record).checkpoint(trial.number)


def _make_card(
    trial: Trial, record: Record, recipe: Recipe, manifest: Manifest, genome: Genome
) -> Card:
    """The facts of a trial that has a score."""
    assert trial.top1 is not None
    return Card(
        name=f"{record.name} trial {trial.number}",
        digest=trial.digest,
        campaign=record.id,
        campaign_name=record.name,
        trial=trial.number,
        origin=trial.origin,
        data=record.document["data"],
        data_checksum=manifest.checksum,
        classes=tuple(manifest.classes),
        mean=tuple(manifest.mean),
        std=tuple(manifest.std),
        image_size=genome.image.size,
        seed=trial.seed,
        recipe=recipe.model_dump(mode="json"),
        epochs=trial.epochs,
        recurrence=recurrence(genome),
        split=manifest.scored(recipe.score_on),
        top1=trial.top1,
        top5=trial.top5,
        loss=trial.loss,
        evaluation_batch_size=recipe.evaluated_at_once,
        threads=recipe.threads,
        versions={
            "ventral-search": version("ventral-search"),
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    )
