"""The home, the store and the campaigns of this invocation."""

from pathlib import Path

from search.home import Home
from search.store import Campaign, Store


def open_store(*, create: bool = False) -> tuple[Home, Store]:
    """The home and its store. Raises StoreError if there is none and `create` is false."""
    home = Home.at()
    if create:
        home.ensure()
    return home, Store.open(home.store_url, create=create)


def find(campaign: str) -> tuple[Home, Store, Campaign]:
    """The campaign of an id or a name. Raises StoreError for an unknown one."""
    home, store = open_store()
    return home, store, store.campaign(campaign)


def home_data() -> Path:
    """The folder of the packed data sets, made if it is not there."""
    home = Home.at()
    return home.ensure(home.data)
