"""The home, the store and the campaigns of this invocation."""

from collections.abc import Collection
from pathlib import Path

from search.host.home import Home
from search.store import Campaign, Store
from space.errors import InputError
from ventral.output import moment, note

SHOWN = 6  # of the campaigns of one name


def open_store(*, create: bool = False) -> tuple[Home, Store]:
    """The home and its store. Raises StoreError if it does not exist and `create` is false."""
    home = Home.at()
    if create:
        home.ensure()
    return home, Store.open(home.store_url, create=create)


def find_campaign(campaign: str, only: Collection[str] = ()) -> tuple[Home, Store, Campaign]:
    """The campaign of an id or a name. Raises StoreError for an unknown one.

    Of several campaigns of a name, commands that only look get the newest. A command that changes
    something names the states in which it can (`only`), and gets the one campaign that is in one
    of them. Raises InputError if there are several, or none.
    """
    home, store = open_store()
    record = store.campaigns.get(campaign)
    named = store.campaigns.named(campaign) if record.id != campaign else [record]
    if len(named) == 1:
        return home, store, record
    if not only:
        others = ", ".join(one.id for one in named[1 : SHOWN + 1])
        note(f"{len(named)} campaigns are named {campaign}; this is the newest, {record.id}")
        note(f"(the others, newest first: {others}{', ...' if len(named) > SHOWN + 1 else ''})")
        return home, store, record
    fitting = [one for one in named if one.state in only]
    if len(fitting) == 1:
        note(f"{len(named)} campaigns are named {campaign}; {fitting[0].id} is meant")
        return home, store, fitting[0]
    candidates = ", ".join(
        f"{one.id} ({one.state}, {moment(one.created)})" for one in (fitting or named)[:SHOWN]
    )
    raise InputError(
        campaign, f"names {len(fitting or named)} campaigns: {candidates}", "give an id"
    )


def home_data() -> Path:
    """The folder of the packed data sets, made if it is not there."""
    home = Home.at()
    return home.ensure(home.data)
