"""Exports scored on spoilt and attacked images: what opens the test split goes on record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.host.home import Home
from search.upkeep.evaluation import record_look
from space.errors import InputError
from workers.job import ScoredSplit

if TYPE_CHECKING:
    from workers.robustness.answers import Condition
    from workers.robustness.scoring import Scores, Settings
    from workers.scoring import OpenedExport

FOLDER = 80
"""Of a folder's name at most so many letters are a network's name."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look at the test split for one export: whether it is on record, and if not, why."""

    folder: str
    campaign: str
    not_recorded: str | None


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
    InputError for exports of different data, for settings that make no sense, and what
    `workers.scoring.open_export` does.
    """
    from workers.robustness.answers import find_device, place_network
    from workers.robustness.scoring import score_models

    _, place = settings.conditions, find_device(device)  # refused before anything is opened
    opened = open_exports(folders, home, split, data)
    first = next(iter(opened.values()))
    readers = {
        name: place_network(one.network, one.card, one.card.evaluation_batch_size, place)
        for name, one in opened.items()
    }
    scores = score_models(readers, first.data, split, settings, listen)
    return scores, record_looks(folders, list(opened.values()), home, split, command)


def open_exports(
    folders: Sequence[str], home: Home, split: ScoredSplit, data: Path | None
) -> "dict[str, OpenedExport]":
    """Exports by names that differ, all with the same images, which their networks take.

    Raises InputError if they have others, and what `workers.scoring.open_export` does.
    """
    from workers.evaluation import check_fit
    from workers.published_export import bring_export
    from workers.scoring import open_export

    packs = home.ensure(home.data)
    opened: dict[str, OpenedExport] = {}
    for name, folder in zip(name_apart(folders), folders, strict=True):
        one = open_export(bring_export(folder), packs, split, home.storage, data)
        check_fit(one.network, one.data, reduced=True)
        opened[name] = one
    first, *others = opened.items()
    for name, one in others:
        if one.data.checksum != first[1].data.checksum:
            problem = f"it was scored on other images than {first[0]}"
            raise InputError(name, problem, "name one pack for all: --data FOLDER")
    return opened


def name_apart(folders: Sequence[str]) -> list[str]:
    """A name for each folder: its last part, or all of it where several share that.

    Raises InputError for one that is there twice.
    """
    for place, folder in enumerate(folders):
        if folder in folders[:place]:
            raise InputError(folder, "is named twice", "name each export once")
    short = [Path(folder).name or folder for folder in folders]
    return [
        (one if short.count(one) == 1 else folder)[-FOLDER:]
        for one, folder in zip(short, folders, strict=True)
    ]


def record_looks(
    folders: Sequence[str],
    opened: "Sequence[OpenedExport]",
    home: Home,
    split: ScoredSplit,
    command: str,
) -> list[Look]:
    """Put on record that `command` looked at the test split for these exports, if it did."""
    if split != "test":
        return []
    return [
        Look(
            folder=folder,
            campaign=one.card.campaign,
            not_recorded=record_look(one.card, home, command),
        )
        for folder, one in zip(folders, opened, strict=True)
    ]
