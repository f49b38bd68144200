"""Scoring an export again, on the data that its card names."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from space.documents.validation import parse
from space.errors import DataError, InputError
from workers.card import Card
from workers.data.pack import Pack, find_pack
from workers.data.packing import pack
from workers.data.publishing import find_published
from workers.data.specs import data_spec
from workers.evaluation import Evaluation, evaluate
from workers.export import load, read_card
from workers.functions import Metric, load_metric
from workers.job import Chosen, ScoredSplit

if TYPE_CHECKING:
    from models.build import Network


@dataclass(frozen=True, kw_only=True)
class OpenedExport:
    """An export's facts, its network, and the images that it is scored on."""

    card: Card
    network: "Network"
    data: Pack


def open_export(
    folder: str | Path,
    packs: str | Path,
    split: ScoredSplit,
    storage: str | None = None,
    data: str | Path | None = None,
) -> OpenedExport:
    """An export with the pack of its own data, as `evaluate_export` gets it, or with the pack in
    the folder `data`.

    Raises what `evaluate_export` does, and InputError for a pack of other classes.
    """
    card = read_card(folder)
    if split == "validation" and card.saw_validation:
        problem = f"{folder} was trained on the validation images"
        raise InputError("split", problem, "score it on test")
    network = load(folder)
    if data is None:
        images = _open_data(folder, card, Path(packs), storage)
        source = f"the data of {folder}"
    else:
        images, source = Pack.load(data), str(data)
        if tuple(images.classes) != card.classes:
            problem = f"its classes are not those of {folder}"
            raise InputError(f"--data: {data}", problem, "give a pack of the same classes")
    if split not in images.splits:
        problem = f"{source} has no {split} split: it was selected on test"
        raise InputError("split", problem, "score it on test")
    return OpenedExport(card=card, network=network, data=images)


def evaluate_export(
    folder: str | Path,
    packs: str | Path,
    split: ScoredSplit = "test",
    storage: str | None = None,
) -> Evaluation:
    """The scores of an export on a split of its data.

    That is the pack of its checksum in the folder `packs`, or at the URL of a `storage`, or is
    packed into the folder. On the machine of
    the recorded scores of that split the numbers are the same. Raises InputError for a damaged
    export, or for a validation split that is not there or was trained on, DataError if the data
    is missing or not the recorded one.
    """
    opened = open_export(folder, packs, split, storage)
    card = opened.card
    return evaluate(
        opened.network,
        opened.data,
        batch_size=card.evaluation_batch_size,
        split=split,
        threads=card.threads,
        reduced=True,
        metric=_metric(card),
    )


def _metric(card: Card) -> Metric | None:
    """The metric by which the export was scored, if not top-1. Raises InputError."""
    written = card.recipe.get("metric")
    if written is None:
        return None
    try:
        return load_metric(parse(Chosen, written, "recipe.metric"))
    except ImportError as error:
        raise InputError("recipe.metric", str(error), "install the package that has it") from None


def _open_data(folder: str | Path, card: Card, packs: Path, storage: str | None) -> Pack:
    """The pack that an export was scored on. Raises DataError if there is another one instead."""
    data = find_pack(packs, card.data_checksum)
    if data is None and storage is not None:
        data = find_published(storage, card.data_checksum)
    if data is None:
        data = pack(data_spec(card.data_spec, f"{folder}: data"), packs)
    if data.checksum != card.data_checksum:
        raise DataError(
            str(data.path),
            f"has the checksum {data.checksum[:16]}, the export was scored on "
            f"{card.data_checksum[:16]}",
            "use the version of Ventral and the images that the campaign used",
        )
    return data
