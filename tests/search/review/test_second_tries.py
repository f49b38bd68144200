"""The trials that were tried again in less memory, as they are read back."""

from __future__ import annotations

from search.assign.losses import RETRIED
from search.assign.shortages import SHORTAGE
from search.review.second_tries import find_second_tries
from search.store import Store
from tests.support.campaigns import fill


def test_the_last_try_of_a_trial_counts(store: Store) -> None:
    campaign = fill(store)

    def note(kind: str, **detail: object) -> None:
        store.campaigns.add_event(campaign.id, kind, detail)

    assert find_second_tries(store, campaign.id) == {}
    changes = {"recompute": True, "accumulate": 4}
    note(SHORTAGE, trial=1, changes=changes, error="no room")
    note(SHORTAGE, trial=2, changes={"recompute": True}, error="no room")
    note(RETRIED, trial=2)
    [(number, second)] = find_second_tries(store, campaign.id).items()
    assert (number, second.changes, second.error) == (1, changes, "no room")
    assert str(second) == "recipe.recompute: true, recipe.accumulate: 4"
