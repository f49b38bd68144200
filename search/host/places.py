"""Where the trials of a campaign keep their files: in the home, or at the URL of a storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from search.host.home import Home
from workers.job import CHECKPOINT, LOG, PackRef
from workers.storage.places import join, read_url

CAMPAIGNS = "campaigns"
"""Below a storage, as below a home: a place a campaign, by its id."""


@dataclass(frozen=True, kw_only=True)
class TrialPlaces:
    """The places of a campaign's trials: paths or URLs.

    `storage` is the URL that the campaign was submitted with; None where the home keeps its files.
    """

    home: Home
    campaign_id: str
    storage: str | None = None

    @property
    def campaign(self) -> str:
        """Where all of the campaign's trials are."""
        folder = self.home.campaign(self.campaign_id)
        return str(folder) if self.storage is None else join(self.storage, CAMPAIGNS, folder.name)

    def trial(self, number: int) -> str:
        """Where a trial's files are. Raises StoreError as `Home.trial` does."""
        return join(self.campaign, self.home.trial(self.campaign_id, number).name)

    def checkpoint(self, number: int) -> str:
        """Where a trial's checkpoint is. Raises StoreError."""
        return join(self.trial(number), CHECKPOINT)

    def log(self, number: int) -> Path:
        """The file that a trial's worker writes on a machine that shares the home's disk."""
        return self.home.trial(self.campaign_id, number) / LOG


class Submitted(Protocol):
    """What is asked of a campaign on record."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def storage(self) -> str | None:
        """The URL that it was submitted with."""
        ...


def places_of(home: Home, record: Submitted) -> TrialPlaces:
    """Where the trials of a campaign on record keep their files."""
    return TrialPlaces(home=home, campaign_id=record.id, storage=record.storage)


def pack_of(home: Home, data: Mapping[str, Any]) -> PackRef:
    """Where the packed images of a campaign are; `data` is what is on record of them.

    Raises StorageError if something else than a URL is on record.
    """
    url = data.get("url")
    return PackRef(
        path=str(home.pack(data["path"])),
        checksum=data["checksum"],
        url=None if url is None else read_url(str(url), "data.url"),
    )
