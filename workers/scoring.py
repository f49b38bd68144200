"""Scoring an export again, on the data that its card names."""

from pathlib import Path

from space.errors import DataError
from workers.data.pack import find_pack
from workers.data.packing import pack
from workers.data.specs import data_spec
from workers.evaluation import Evaluation, evaluate
from workers.export import load, read_card


def evaluate_export(folder: str | Path, packs: str | Path) -> Evaluation:
    """The scores of an export on the test split of its data.

    That is the pack of its checksum in the folder `packs`, and is packed there if it is none.
    On the machine of the recorded scores these are the same numbers. Raises InputError for a
    damaged export, DataError if the data is missing or not the recorded one.
    """
    card, network = read_card(folder), load(folder)
    there = find_pack(Path(packs), card.data_checksum)
    found = there or pack(data_spec(card.data, f"{folder}: data"), packs)
    if found.checksum != card.data_checksum:
        raise DataError(
            str(found.path),
            f"has the checksum {found.checksum[:16]}, the export was scored on "
            f"{card.data_checksum[:16]}",
            "use the version of Ventral and the images that the campaign used",
        )
    return evaluate(
        network,
        found,
        batch_size=card.evaluation_batch_size,
        threads=card.threads,
        reduced=True,
    )
