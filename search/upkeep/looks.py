"""Exports opened side by side on a split of their data; a look at test goes on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.host.home import Home
from space.errors import InputError, StoreError, VentralError
from workers.card import Card
from workers.job import ScoredSplit

if TYPE_CHECKING:
    from workers.scoring import OpenedExport

LONGEST = 80
"""Letters of a name: the last ones of a longer folder, unless several end alike."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look at the test split for one export: whether it is on record, and if not, why."""

    folder: str
    campaign: str
    not_recorded: str | None


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
    pairs = zip(short, folders, strict=True)
    names = [one if short.count(one) == 1 else folder for one, folder in pairs]
    ends = [name[-LONGEST:] for name in names]
    return [end if ends.count(end) == 1 else name for end, name in zip(ends, names, strict=True)]


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


def record_look(card: Card, home: Home, command: str) -> str | None:
    """Put on record with an export's campaign that `command` opened the test split for it.

    Returns why that cannot be done, None where it was.
    """
    if not card.campaign or card.trial is None:
        return "the export is of no campaign"
    try:
        # An export is also scored where nothing of what a search needs is installed.
        from search.campaign.lineage import name_trial
        from search.store import Store
        from search.upkeep.openings import record_opening
    except ImportError as error:
        return f"the store cannot be opened here ({error})"
    try:
        store = Store.open(home.store_url, create=False)
    except StoreError as error:
        return str(error)
    try:
        record = store.campaigns.get(card.campaign)
        if record.id != card.campaign:  # another one has that for a name
            return f"the store of this home does not have campaign {card.campaign}"
        record_opening(store, record, command, [name_trial(card.trial)])
    except VentralError as error:  # locked, full, or it may only be read
        return str(error)
    finally:
        store.close()
    return None
