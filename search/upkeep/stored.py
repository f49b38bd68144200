"""What lies at the storages of campaigns: checkpoints and packs, with their sizes."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from search.host.home import Home
from search.host.places import CAMPAIGNS
from search.store import Campaign
from workers.data.publishing import PACKS
from workers.job import CHECKPOINT
from workers.storage.opening import open_storage
from workers.storage.places import join


@dataclass
class Stored:
    """The contents of a storage.

    `checkpoints` are bytes by place, `packs` (bytes, seconds since 1970 of the newest file) by
    checksum, `campaigns` the ids of the campaigns that have anything there.
    """

    checkpoints: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    packs: dict[str, tuple[int, float]] = field(default_factory=dict)
    campaigns: set[str] = field(default_factory=set)


def list_stored(url: str) -> Stored:
    """All that is at a storage. Raises StorageError, OSError of a folder."""
    storage, stored = open_storage(url), Stored()
    for entry in storage.list(CAMPAIGNS):
        _, campaign, trial, kind, *_ = [*entry.key.split("/"), "", "", ""]
        stored.campaigns.add(campaign)
        if kind == CHECKPOINT:
            stored.checkpoints[join(url, CAMPAIGNS, campaign, trial, kind)] += entry.bytes
    for entry in storage.list(PACKS):
        checksum = entry.key.split("/")[1]
        size, newest = stored.packs.get(checksum, (0, 0.0))
        stored.packs[checksum] = (size + entry.bytes, max(newest, entry.modified))
    return stored


def list_storages(home: Home, records: Iterable[Campaign]) -> list[str]:
    """The URLs of the storages that campaigns were submitted with, and of the home's."""
    urls = {record.storage for record in records if record.state != "damaged"}
    return sorted(url for url in {*urls, home.storage} if url is not None)
