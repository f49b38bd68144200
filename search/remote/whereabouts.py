"""Which machine has a campaign's files: this one, or the one that its driver ran on."""

from __future__ import annotations

from search.host.home import Home
from search.store import Campaign
from space.errors import VentralError


def find_machine(record: Campaign, home: Home) -> str | None:
    """The name of the other machine whose disk has a campaign's folder; None if the folder is in
    `home`, or was made on this machine.
    """
    driver = record.driver
    if driver is None or driver.alive() is not None or home.campaign(record.id).is_dir():
        return None
    return driver.machine


def refuse_if_elsewhere(record: Campaign, home: Home) -> None:
    """Raises VentralError if the weights of a campaign are on another machine's disk.

    A campaign whose files are kept at a URL has them everywhere.
    """
    machine = None if record.data.get("storage") else find_machine(record, home)
    if machine is not None:
        raise VentralError(
            f"campaign {record.id}: its weights are on the disk of {machine}, in a home that this "
            "machine does not have; run this there, or mount that folder here (home: of the "
            "cluster in clusters.yaml)"
        )
