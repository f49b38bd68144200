"""Campaigns by what a person calls them: an id, or a name that several may have."""

import time
from collections.abc import Collection
from dataclasses import dataclass

from search.store import Campaign, State, Store
from space.errors import InputError, StoreError

SHOWN = 6
"""Of the campaigns of one name."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The campaign that is meant, and the other ones of its name, newest first."""

    record: Campaign
    others: tuple[Campaign, ...]


def choose_campaign(store: Store, called: str, only: Collection[State] = ()) -> Choice:
    """The campaign of an id or a name. Raises StoreError for an unknown one.

    Of several campaigns of a name, who only looks gets the newest. Who changes something names
    the states in which that is possible (`only`), and gets the one campaign that is in one of
    them; a damaged one only if that is among them. Raises InputError if there are several, or
    none.
    """
    try:
        record = store.campaigns.get(called)
        named = store.campaigns.named(called) if record.id != called else [record]
    except StoreError:
        listed = store.campaigns.all() if "damaged" in only else []
        named = [one for one in listed if one.id == called] or [
            one for one in listed if one.name == called
        ]
        if not named:
            raise
        record = named[0]
    if only and len(named) > 1:
        fitting = [one for one in named if one.state in only]
        if len(fitting) != 1:
            raise _ambiguity(called, fitting or named)
        record = fitting[0]
    others = tuple(one for one in named if one.id != record.id)
    return Choice(record=record, others=others)


def _ambiguity(called: str, among: list[Campaign]) -> InputError:
    candidates = ", ".join(
        f"{one.id} ({one.state}, {_moment(one.created)})" for one in among[:SHOWN]
    )
    return InputError(called, f"names {len(among)} campaigns: {candidates}", "give an id")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
