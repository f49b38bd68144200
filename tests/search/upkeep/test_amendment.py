"""A campaign changed before it goes on: all of it or nothing, and on record."""

from __future__ import annotations

import pytest

from search.host.machine import Machine
from search.store import Store
from search.upkeep.amendment import amend_campaign
from space.errors import CampaignError
from tests.support import toys
from tests.support.campaigns import add

HERE = Machine(cpus=2, gpus=0)


def test_a_changed_budget_is_on_record_and_so_is_the_change(store: Store) -> None:
    record = store.campaigns.create("toy", toys.campaign().document(), {}, {})
    amend_campaign(store, record, ["budget.trials=9"], HERE)
    assert store.campaigns.get(record.id).document["budget"]["trials"] == 9
    [event] = store.campaigns.events(record.id)
    assert (event.kind, event.detail) == ("changed", {"set": ["budget.trials=9"]})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=2", "cannot change in a campaign that has begun"),
        ("resources.cpus=64", "asks for 64 cores"),
        ("budget.trials=1", "is 1, but 2 trials are on record already; write at least 2"),
    ],
)
def test_what_may_not_change_changes_nothing(store: Store, override: str, message: str) -> None:
    record = store.campaigns.create("toy", toys.campaign().document(), {}, {})
    for number in range(2):
        add(store, record.id, number)
    with pytest.raises(CampaignError, match=message):
        amend_campaign(store, record, [override], HERE)
    assert store.campaigns.get(record.id).document == record.document
    assert store.campaigns.events(record.id) == []
