"""Who looked at the test split after a search, and how often: each opening is on record."""

import getpass
import os
import platform
from collections.abc import Sequence

from search.campaign import Campaign as CampaignFile
from search.campaign import controls
from search.campaign.lineage import name_trial
from search.campaign.splits import decides
from search.store import Campaign, Store, Trial
from space.space import Space


def record_opening(store: Store, record: Campaign, command: str, networks: Sequence[str]) -> None:
    """Put on record that this process's user scores networks of a campaign on the test split.

    Raises VentralError where the store cannot be written.
    """
    who = name_user()
    store.campaigns.add_opening(record.id, who=who, command=command, networks=networks)


def record_trainings(store: Store, record: Campaign, campaign: CampaignFile, space: Space) -> None:
    """Put on record, once, that the trainings of a campaign will be scored on the test split: with
    it, and with the campaign whose networks it certifies.

    Nothing is if they are scored on validation, or if it is a search of before there was a
    validation split: that selects on test, and opens it to nobody.
    """
    if record.data.get("split", "test") != "test" or decides(campaign, space):
        return
    certified = record.data.get("certifies")
    store.campaigns.add_opening(
        record.id,
        who=name_user(),
        command="ventral submit" if certified is None else f"ventral certify {certified}",
        networks=controls(campaign, space),
        also=certified,
        once=True,
    )


def count_openings(store: Store, record: Campaign, trial: Trial) -> int:
    """How often the network of a campaign's trial was scored on the test split, by any command.

    A control is known by its name as well: `ventral certify` trains it again beside the winners.
    """
    names = {name_trial(trial.number), trial.control}
    return sum(
        one.split == "test" and not names.isdisjoint(one.networks)
        for one in store.campaigns.openings(record.id)
    )


def name_user() -> str:
    """USER@MACHINE of this process; the number of a user who has no name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{platform.node()}"
