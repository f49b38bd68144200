"""Campaigns by their names: to look, the newest; to change, the one that can be."""

from __future__ import annotations

import pytest

from search.store import State, Store
from search.upkeep.naming import choose_campaign
from space.errors import InputError, StoreError


def test_of_several_campaigns_of_a_name(store: Store) -> None:
    old, new = (store.campaigns.create("night", {}, {}, {}) for _ in range(2))
    looked = choose_campaign(store, "night")
    assert (looked.record.id, [one.id for one in looked.others]) == (new.id, [old.id])
    states: list[list[State]] = [[], ["waiting"]]
    for only in states:
        by_id = choose_campaign(store, old.id, only)
        assert (by_id.record.id, by_id.others) == (old.id, ())
    with pytest.raises(InputError, match=rf"names 2 campaigns: {new.id} \(waiting, .*give an id"):
        choose_campaign(store, "night", ["waiting"])
    store.campaigns.set_state(old.id, "running")
    meant = choose_campaign(store, "night", ["running"])
    assert (meant.record.id, [one.id for one in meant.others]) == (old.id, [new.id])
    with pytest.raises(InputError, match="names 2 campaigns"):
        choose_campaign(store, "night", ["finished"])
    with pytest.raises(StoreError, match="no campaign 'day'"):
        choose_campaign(store, "day")
