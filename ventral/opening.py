"""The home, the store and the campaigns of this invocation."""

from collections.abc import Collection

from search.host.home import Home
from search.store import Campaign, State, Store
from search.upkeep.naming import SHOWN, choose_campaign
from ventral.output import note


def place_home(cluster: str | None = None) -> Home:
    """The home of this invocation: that of a cluster by its name, as this machine sees it.

    Raises InputError for an unknown cluster, or one whose store this machine does not reach.
    """
    if cluster is None:
        return Home.at()
    from search.remote.clusters import find_cluster

    return find_cluster(cluster).place_home(Home.at())


def open_store(*, create: bool = False, cluster: str | None = None) -> tuple[Home, Store]:
    """The home and its store. Raises StoreError if it does not exist and `create` is false."""
    home = place_home(cluster)
    if create:
        home.ensure()
    return home, Store.open(home.store_url, create=create)


def find_campaign(
    campaign: str, only: Collection[State] = (), *, cluster: str | None = None
) -> tuple[Home, Store, Campaign]:
    """The campaign of an id or a name, as `search.upkeep.naming.choose_campaign` takes it.

    Of several campaigns of that name a note says which one is meant.
    """
    home, store = open_store(cluster=cluster)
    choice = choose_campaign(store, campaign, only)
    record, number = choice.record, len(choice.others) + 1
    if choice.others and only:
        note(f"{number} campaigns are named {campaign}; {record.id} is meant")
    elif choice.others:
        others = ", ".join(one.id for one in choice.others[:SHOWN])
        note(f"{number} campaigns are named {campaign}; this is the newest, {record.id}")
        note(f"(the others, newest first: {others}{', ...' if number > SHOWN + 1 else ''})")
    return home, store, record
