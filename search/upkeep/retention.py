"""What may be thrown away: checkpoints of trials that will not be exported, packs without a use.

`plan` lists what there is to remove, in the home and at the storages of campaigns, in the order
in which it can best be done without: copies of packs in this machine's cache, checkpoints of
pruned trials, of failed ones, of finished ones beyond the best, packs of no campaign. Kept are
those of the best trials and of the controls, whatever an unfinished trial will go on from, and
everything of a campaign that is running. `remove` removes it. Records are never touched: neither
the store nor MLflow loses anything.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from search.host.home import Home
from search.host.places import places_of
from search.store import CONTROL, SEARCHED, Campaign, Status, Store, Trial
from search.upkeep.stored import Stored, list_storages, list_stored
from space.errors import StorageError
from workers.data.publishing import PACKS
from workers.job import CHECKPOINT
from workers.storage.cache import cache_folder
from workers.storage.opening import discard
from workers.storage.places import join, local_folder

log = logging.getLogger(__name__)

What = Literal["cached", "pruned", "failed", "finished", "pack"]
Links = Counter[tuple[int, int]]
"""How many links of each file, by its device and inode, have been removed."""
ORDER: tuple[What, ...] = ("cached", "pruned", "failed", "finished", "pack")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing to remove: its place (a path or a URL), and the bytes that this gives back."""

    what: What
    place: str
    bytes: int
    campaign: str | None = None
    trial: int | None = None


def plan(
    store: Store,
    home: Home,
    *,
    keep: int | None = None,
    older_than: float = 0.0,
    on_error: Callable[[StorageError], object] = log.warning,
) -> list[Item]:
    """All that can be removed, the least valuable first.

    `keep` is how many of its best trials a campaign keeps (default: as its file says);
    `older_than` leaves alone what was used within that many seconds. A storage that cannot be
    used now is left alone, and `on_error` gets the reason.
    """
    records = store.campaigns.all()
    stored: dict[str, Stored] = {}
    for url in list_storages(home, records):
        try:
            stored[url] = list_stored(url)
        except StorageError as error:
            on_error(error)
    items = [
        item
        for record in records
        if record.state not in ("running", "damaged") and _idle(record) >= older_than
        for item in _checkpoints(store, home, record, keep, stored)
    ]
    items += _packs(home, records, older_than)
    items += _list_unused("cached", cache_folder() / PACKS, _checksums(records), older_than)
    for url, contents in stored.items():
        items += _stored_packs(url, contents, records, older_than)
    items.sort(key=lambda item: ORDER.index(item.what))
    return _measure(items)


def remove(store: Store, items: Sequence[Item]) -> Iterator[Item]:
    """Remove the items one after another, and yield each that is gone.

    A campaign that was started meanwhile is left alone.
    """
    for item in items:
        if item.campaign is not None and store.campaigns.get(item.campaign).state == "running":
            continue
        if discard(item.place):
            yield item


def _idle(record: Campaign) -> float:
    """Seconds since a campaign was last at work, or made."""
    last = max(at for at in (record.ended, record.heartbeat, record.created) if at is not None)
    return time.time() - last


def list_best(store: Store, campaign_id: str, number: int) -> list[Trial]:
    """So many best trials of a search and so many best searched controls of it."""
    if not number:
        return []
    trials = store.results.top(campaign_id, None, without=CONTROL)
    groups = ([one for one in trials if (one.family == SEARCHED) == of] for of in (False, True))
    return [trial for group in groups for trial in group[:number]]


def _checkpoints(
    store: Store,
    home: Home,
    record: Campaign,
    keep: int | None,
    stored: Mapping[str, Stored],
) -> Iterator[Item]:
    """Those of a campaign, in the home or at its storage."""
    there = _find_checkpoints(home, record, stored)
    if not there:
        return
    places = places_of(home, record)
    number = int(record.document.get("keep", 0)) if keep is None else keep
    best = list_best(store, record.id, number)
    best_numbers = {trial.number for trial in best}
    ends: dict[Status, What] = {"pruned": "pruned", "failed": "failed", "finished": "finished"}
    for trial in store.results.find(record.id):
        what = ends.get(trial.status)
        place = places.checkpoint(trial.number)
        if (
            what is None
            or trial.number in best_numbers
            or trial.origin == CONTROL
            or place not in there
        ):
            continue
        yield Item(
            what=what,
            place=place,
            bytes=there[place],
            campaign=record.id,
            trial=trial.number,
        )


def _find_checkpoints(
    home: Home, record: Campaign, stored: Mapping[str, Stored]
) -> Mapping[str, int]:
    """The places of a campaign's checkpoints with their bytes; in the home these are not known."""
    if record.storage is None:
        return {str(path): 0 for path in home.campaign(record.id).glob(f"*/{CHECKPOINT}")}
    return stored[record.storage].checkpoints if record.storage in stored else {}


def _packs(home: Home, records: Sequence[Campaign], older_than: float) -> Iterator[Item]:
    """Packs that no campaign of the store was submitted with, by their checksum's folder.

    None while the home has campaigns that are in another store, or whose record cannot be read:
    they may need them.
    """
    if any(record.state == "damaged" for record in records):
        return
    ours = {record.id for record in records}
    if home.campaigns.is_dir() and any(f.name not in ours for f in home.campaigns.iterdir()):
        return
    used = {Path(record.data["path"]).name for record in records if "path" in record.data}
    yield from _list_unused("pack", home.data, used, older_than)


def _list_unused(what: What, root: Path, used: set[str], older_than: float) -> Iterator[Item]:
    """The packs in a folder of packs whose names are not among those in use."""
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        if folder.name.startswith(".") or not folder.is_dir() or folder.name in used:
            continue
        if time.time() - folder.stat().st_mtime >= older_than:
            yield Item(what=what, place=str(folder), bytes=0)


def _stored_packs(
    url: str, stored: Stored, records: Sequence[Campaign], older_than: float
) -> Iterator[Item]:
    """Packs at a storage that no campaign of the store has; none while there are campaigns of
    another store, or whose record cannot be read: they may need them.
    """
    damaged = any(record.state == "damaged" for record in records)
    if damaged or not stored.campaigns <= {record.id for record in records}:
        return
    used = _checksums(records)
    for checksum, (size, newest) in stored.packs.items():
        if checksum not in used and time.time() - newest >= older_than:
            yield Item(what="pack", place=join(url, PACKS, checksum), bytes=size)


def _checksums(records: Sequence[Campaign]) -> set[str]:
    """Of the packs that campaigns were submitted with."""
    return {str(record.data.get("checksum")) for record in records}


def _measure(items: Sequence[Item]) -> list[Item]:
    """The items with the bytes that their removal frees on this machine, one after another.

    Checkpoints may be shared by several trials in hard links: the last link frees the bytes.
    """
    removed: Links = Counter()
    paths = [local_folder(item.place) for item in items]
    return [
        item if path is None else replace(item, bytes=measure_freed(path, removed)[1])
        for item, path in zip(items, paths, strict=True)
    ]


def measure_freed(path: Path, removed: Links) -> tuple[int, int]:
    """How many files are at or below a path, and the bytes that their removal frees after that of
    the links that were `removed` before, which is added to.
    """
    files = freed = 0
    for file in [path, *path.rglob("*")]:
        if file.is_symlink() or not file.is_file():
            continue
        stat = file.stat()
        files += 1
        removed[stat.st_dev, stat.st_ino] += 1
        if removed[stat.st_dev, stat.st_ino] >= stat.st_nlink:
            freed += stat.st_size
    return files, freed
