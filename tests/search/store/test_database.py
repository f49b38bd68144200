"""Campaigns by their ids and names, and whether their drivers live."""

from __future__ import annotations

import pytest

from search.store import Store
from space.errors import StoreError
from tests.support.campaigns import add, report


def test_a_name_means_its_newest_campaign_and_an_id_always_itself(store: Store) -> None:
    first = store.campaigns.create("night", {"a": [1, {"b": None}]}, {"s": 1}, {"d": 2})
    second = store.campaigns.create("night", {}, {}, {})
    shadow = store.campaigns.create(first.id, {}, {}, {})
    assert store.campaigns.get("night").id == second.id
    assert store.campaigns.get(first.id) == first
    assert (first.document, first.space, first.data) == (
        {"a": [1, {"b": None}]},
        {"s": 1},
        {"d": 2},
    )
    assert [one.id for one in store.campaigns.all()] == [shadow.id, second.id, first.id]


def test_an_unknown_campaign_is_named_with_what_is_close(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no campaign 'night' in .*it holds none yet"):
        store.campaigns.get("night")
    campaign = store.campaigns.create("occluded-night", {}, {}, {})
    with pytest.raises(StoreError, match="did you mean occluded-night; `ventral list`"):
        store.campaigns.get("ocluded-night")
    with pytest.raises(StoreError, match=rf"there are {campaign.id} \(occluded-night\)"):
        store.results.get("zzzz", 1)
    with pytest.raises(StoreError, match="no campaign 'zzzz'"):
        add(store, "zzzz", 0)
    with pytest.raises(StoreError, match="no campaign 'zzzz'"):
        store.trials.add_report("zzzz", 0, report(1, 0.5))
