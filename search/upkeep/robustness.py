"""Exports scored on spoilt and attacked images: what opens the test split goes on record."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from search.host.home import Home
from search.upkeep.looks import Look, open_exports, record_looks
from workers.job import ScoredSplit

if TYPE_CHECKING:
    from workers.robustness.answers import Condition
    from workers.robustness.scoring import Scores, Settings


def score_robustness_on_record(
    folders: Sequence[str],
    home: Home,
    settings: "Settings",
    split: ScoredSplit,
    *,
    command: str,
    data: Path | None = None,
    device: str = "cpu",
    listen: "Callable[[str, Condition], None]",
) -> "tuple[Scores, list[Look]]":
    """Score exports side by side on the same images of a split; openings of test go on record.

    `data` is the folder of a pack instead of that which the exports were scored on. Raises
    InputError for exports of different data, and what `workers.scoring.open_export` does.
    """
    from workers.robustness.answers import find_device, place_network
    from workers.robustness.scoring import score_models

    place = find_device(device)  # refused before anything is opened
    opened = open_exports(folders, home, split, data)
    first = next(iter(opened.values()))
    readers = {
        name: place_network(one.network, one.card, one.card.evaluation_batch_size, place)
        for name, one in opened.items()
    }
    scores = score_models(readers, first.data, split, settings, listen)
    return scores, record_looks(folders, list(opened.values()), home, split, command)
