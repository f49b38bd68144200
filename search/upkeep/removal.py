"""A campaign is removed with all that is its own: rows, files, and runs in MLflow.

It is announced in the store first and its rows go last: whatever interrupts a removal, no driver
takes the campaign up, and the same call goes on where it was. Packed data is shared by campaigns
and stays; `search.upkeep.retention` removes what none of them needs.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from search.host.home import Home
from search.host.places import places_of
from search.mirror.labels import delete_runs, has_runs
from search.store import Campaign, State, Store
from search.upkeep.retention import Links, measure_freed
from space.errors import InputError, MissingStorageError, VentralError
from workers.storage.opening import open_storage
from workers.storage.protocol import Entry

REMOVABLE: tuple[State, ...] = tuple(state for state in get_args(State) if state != "running")


@dataclass(frozen=True, kw_only=True)
class Doomed:
    """What the removal of a campaign deletes, and what speaks against it.

    `rows` counts its rows by table. `folders`, and the URL at which it has `stored` anything (else
    None), hold `files` files, and `bytes` are given back.
    `runs` is how many runs of it the home's MLflow shows, `elsewhere` the address of another
    MLflow that has runs of it, which stay. `certified_by` are the ids of the campaigns that
    trained its networks again.
    """

    campaign: Campaign
    rows: dict[str, int]
    folders: tuple[Path, ...]
    stored: str | None
    files: int
    bytes: int
    runs: int
    elsewhere: str | None
    certified_by: tuple[str, ...]

    @property
    def damage(self) -> str | None:
        """Why the campaign's record cannot be read, if it cannot: the rest goes all the same."""
        return self.campaign.reason if self.campaign.state == "damaged" else None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.campaign.id,
            "name": self.campaign.name,
            "damage": self.damage,
            "rows": self.rows,
            "folders": [str(folder) for folder in self.folders],
            "stored": self.stored,
            "files": self.files,
            "bytes": self.bytes,
            "runs": self.runs,
            "elsewhere": self.elsewhere,
            "certified_by": list(self.certified_by),
        }


def plan_removal(store: Store, home: Home, campaign: Campaign) -> Doomed:
    """What `remove_campaign` would delete; nothing is changed.

    Raises StorageError where the campaign's storage cannot be used.
    """
    own = (
        home.campaign(campaign.id),
        home.artifacts / home.campaign(campaign.id).name,
        home.report(campaign.id),
    )
    folders = tuple(path for path in own if path.exists())
    links: Links = Counter()
    sizes = [measure_freed(path, links) for path in folders]
    stored = None if campaign.storage is None else places_of(home, campaign).campaign
    entries: list[Entry] = []
    if stored is not None:
        with suppress(MissingStorageError):
            entries = open_storage(stored).list()
    shown = has_runs(home, campaign)
    certifications = [
        one.id for one in store.campaigns.all() if one.data.get("certifies") == campaign.id
    ]
    return Doomed(
        campaign=campaign,
        rows=store.removal.count_rows(campaign.id),
        folders=folders,
        stored=stored if entries else None,
        files=sum(files for files, _ in sizes) + len(entries),
        bytes=sum(freed for _, freed in sizes) + sum(entry.bytes for entry in entries),
        runs=len(store.outbox.runs(campaign.id)) if shown else 0,
        elsewhere=campaign.tracking if campaign.experiment and not shown else None,
        certified_by=tuple(certifications),
    )


def remove_campaign(
    store: Store, home: Home, doomed: Doomed, *, certified: bool = False, runs: bool = True
) -> None:
    """Delete a campaign. May be called again after any interruption.

    With `certified` also one whose networks other campaigns trained again, without `runs` what
    MLflow has of it stays. Raises StoreError while a driver is at work on it, InputError for one
    that was certified, VentralError if MLflow does not answer, OSError or StorageError if files
    cannot be removed.
    """
    campaign = doomed.campaign
    if doomed.certified_by and not certified:
        others = ", ".join(doomed.certified_by)
        raise InputError(
            f"campaign {campaign.id}",
            f"was certified by {others}, whose report and verdicts refer to its trials",
            "remove those first, or say --certified",
        )
    store.removal.begin(campaign.id)
    if runs:
        _delete_runs(home, campaign)
    for place in (*doomed.folders, doomed.stored):
        if place is not None:
            open_storage(place).remove("")
    store.removal.finish(campaign.id)


def _delete_runs(home: Home, campaign: Campaign) -> None:
    try:
        delete_runs(home, campaign)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise VentralError(
            f"campaign {campaign.id}: its runs cannot be deleted from MLflow at "
            f"{home.tracking_label} ({type(error).__name__}: {reason}); the campaign is "
            f"`removing`, and `ventral rm {campaign.id}` goes on, with --keep-runs without MLflow"
        ) from error
