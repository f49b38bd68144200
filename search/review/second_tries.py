"""The trials of a campaign that were tried again in less memory: to show and export them."""

from search.assign.shortages import SecondTry, read_second_tries
from search.store import Store


def find_second_tries(store: Store, campaign_id: str) -> dict[int, SecondTry]:
    """The second tries of a campaign, by trial."""
    return read_second_tries(store.campaigns.events(campaign_id))
