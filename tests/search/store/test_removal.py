"""A campaign is announced to be removed, and then is gone with everything that only it had."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from search.store import Store
from search.store.tables import METADATA
from space.errors import StoreError
from tests.support.campaigns import add, fill, new_campaign, train
from tests.support.tables import engine_of


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with engine_of(store).connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=str)
            for table in METADATA.sorted_tables
        }


def test_what_is_left_is_what_was_there_without_it(store: Store) -> None:
    other = new_campaign(store, "other")
    add(store, other.id, 3)
    train(store, other.id, 3, 0.5)
    before = rows(store)
    campaign = fill(store)
    store.labels.change_tags(campaign.id, ["a"], number=1)
    store.campaigns.add_event(campaign.id, "something")
    store.campaigns.set_state(campaign.id, "finished")
    counted = store.removal.count_rows(campaign.id)
    assert counted["trials"] == len(store.results.find(campaign.id))
    assert counted["labels"] == counted["events"] == 1
    store.removal.begin(campaign.id)
    store.removal.finish(campaign.id)
    assert rows(store) == before, "also the genome that both had"
    assert store.removal.count_rows(campaign.id) == {}
    store.removal.finish(campaign.id)
    assert rows(store) == before, "a second time changes nothing"


def test_nothing_but_its_end_can_happen_to_one_that_is_announced(store: Store) -> None:
    campaign = new_campaign(store)
    with pytest.raises(StoreError, match="is running"):
        store.removal.begin(campaign.id)
    store.campaigns.set_state(campaign.id, "stopped")
    with pytest.raises(ValueError, match="not announced"):
        store.removal.finish(campaign.id)
    for _ in ("first", "again, after an interruption"):
        store.removal.begin(campaign.id)
        assert store.campaigns.get(campaign.id).state == "removing"
    with pytest.raises(StoreError, match=r"is being removed; `ventral rm \w+` goes on"):
        store.campaigns.set_state(campaign.id, "running")
    with pytest.raises(StoreError, match="is being removed"):
        store.campaigns.set_document(campaign.id, {})
    with pytest.raises(StoreError, match="is being removed"):
        store.labels.rename(campaign.id, "other")
