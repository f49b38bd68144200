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

    That is the pack of its checksum in the folder `packs`, or is packed there.
    On the machine of the recorded scores these the numbers are the same. Raises InputError for a
    damaged export, DataError if the data is missing or not the recorded one.
    """
    card, network = read_card(folder), load(folder)
    data = find_pack(Path(packs), card.data_checksum)
    if data is None:
        data = pack(data_spec(card.data, f"{folder}: data"), packs)
    if data.checksum != card.data_checksum:
        raise DataError(
            str(data.path),
            f"has the checksum {data.checksum[:16]}, the export was scored on "
            f"{card.data_checksum[:16]}",
            "use the version of Ventral and the images that the campaign used",
        )
    return evaluate(
        network,
        data,
        batch_size=card.evaluation_batch_size,
        threads=card.threads,
        reduced=True,
    )
