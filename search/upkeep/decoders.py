"""Decoders compared on an export: what opens the test split goes on record."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from search.host.home import Home
from search.upkeep.looks import Look, open_exports, record_looks
from workers.job import ScoredSplit

if TYPE_CHECKING:
    from workers.readouts import Readout, Training

SEEN = (
    "the network was trained on the validation images, which decoders are chosen by: "
    "give --data a pack of others"
)


def compare_decoders_on_record(
    folder: str,
    home: Home,
    training: "Training",
    split: ScoredSplit,
    *,
    command: str,
    data: Path | None = None,
    device: str = "cpu",
    listen: Callable[[str], None],
) -> "tuple[list[Readout], list[Look]]":
    """Compare all decoders as read-outs of an export; an opening of test goes on record.

    Logits lie in a temporary folder meanwhile. `listen` also hears if the network knows the images
    that decoders are chosen by. Raises what `workers.readouts.compare_decoders`
    and `workers.scoring.open_export` do.
    """
    from workers.readouts import compare_decoders
    from workers.robustness.answers import find_device, place_network

    place = find_device(device)
    (opened,) = open_exports([folder], home, split, data).values()
    if opened.card.saw_validation and opened.data.checksum == opened.card.data_checksum:
        listen(SEEN)
    size = opened.card.evaluation_batch_size
    reader = place_network(opened.network, opened.card, size, place)
    with tempfile.TemporaryDirectory(prefix="ventral-logits-") as files:
        rows = compare_decoders(reader, opened.data, split, Path(files), training, listen)
    return rows, record_looks([folder], [opened], home, split, command)
