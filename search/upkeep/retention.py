"""What may be thrown away: checkpoints of trials that will not be exported, packs without a use.

`plan` lists what there is to remove, in the order in which it can best be done without:
checkpoints of pruned trials, of failed ones, of finished ones beyond the best, packs of no
campaign. Kept are those of the best trials and of the controls, whatever an unfinished trial will
go on from, and everything of a campaign that is running. `remove` removes it. Records are never
touched: neither the store nor MLflow loses anything.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from search.host.home import Home
from search.store import CONTROL, SEARCHED, Campaign, Status, Store, Trial
from workers.job import CHECKPOINT

What = Literal["pruned", "failed", "finished", "pack"]
Links = Counter[tuple[int, int]]
"""How many links of each file, by its device and inode, have been removed."""
ORDER: tuple[What, ...] = ("pruned", "failed", "finished", "pack")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing to remove: its folder or file, and the bytes that this gives back."""

    what: What
    path: Path
    bytes: int
    campaign: str | None = None
    trial: int | None = None


def plan(
    store: Store, home: Home, *, keep: int | None = None, older_than: float = 0.0
) -> list[Item]:
    """All that can be removed, the least valuable first.

    `keep` is how many of its best trials a campaign keeps (default: as its file says);
    `older_than` leaves alone what was used within that many seconds.
    """
    records = store.campaigns.all()
    items = [
        item
        for record in records
        if record.state not in ("running", "damaged") and _idle(record) >= older_than
        for item in _checkpoints(store, home, record, keep)
    ]
    items += _packs(home, records, older_than)
    items.sort(key=lambda item: ORDER.index(item.what))
    return _measure(items)


def remove(store: Store, items: Sequence[Item]) -> Iterator[Item]:
    """Remove the items one after another, and yield each that is gone.

    A campaign that was started meanwhile is left alone.
    """
    for item in items:
        if item.campaign is not None and store.campaigns.get(item.campaign).state == "running":
            continue
        if item.path.is_dir():
            shutil.rmtree(item.path, ignore_errors=True)
        else:
            item.path.unlink(missing_ok=True)
        if not item.path.exists():
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


def _checkpoints(store: Store, home: Home, record: Campaign, keep: int | None) -> Iterator[Item]:
    if not home.campaign(record.id).is_dir():
        return
    number = int(record.document.get("keep", 0)) if keep is None else keep
    best = list_best(store, record.id, number)
    best_numbers = {trial.number for trial in best}
    ends: dict[Status, What] = {"pruned": "pruned", "failed": "failed", "finished": "finished"}
    for trial in store.results.find(record.id):
        what = ends.get(trial.status)
        path = home.trial(record.id, trial.number) / CHECKPOINT
        if (
            what is None
            or trial.number in best_numbers
            or trial.origin == CONTROL
            or not path.exists()
        ):
            continue
        yield Item(what=what, path=path, bytes=0, campaign=record.id, trial=trial.number)


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
    for folder in sorted(home.data.iterdir()) if home.data.is_dir() else []:
        if folder.name.startswith(".") or not folder.is_dir() or folder.name in used:
            continue
        if time.time() - folder.stat().st_mtime >= older_than:
            yield Item(what="pack", path=folder, bytes=0)


def _measure(items: Sequence[Item]) -> list[Item]:
    """The items with the bytes that their removal frees, one after another.

    Checkpoints may be shared by several trials in hard links: the last link frees the bytes.
    """
    removed: Links = Counter()
    return [replace(item, bytes=measure_freed(item.path, removed)[1]) for item in items]


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
