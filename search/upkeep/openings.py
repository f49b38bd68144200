"""Who looked at the test split after a search, and how often: each opening is on record."""

import getpass
import os
import platform
from collections.abc import Sequence

from search.store import Campaign, Store


def record_opening(store: Store, record: Campaign, command: str, networks: Sequence[str]) -> None:
    """Put on record that this process's user scores networks of a campaign on the test split.

    Raises VentralError where the store cannot be written.
    """
    who = name_user()
    store.campaigns.add_opening(record.id, who=who, command=command, networks=networks)


def name_user() -> str:
    """USER@MACHINE of this process; the number of a user who has no name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{platform.node()}"
