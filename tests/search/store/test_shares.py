"""The claims of a store: one a campaign, of the living alone."""

from __future__ import annotations

from search.store import ShareClaim, Store
from tests.support.campaigns import new_campaign


def claim(campaign: str, held: int = 0) -> ShareClaim:
    return ShareClaim(
        campaign=campaign, priority=1, cpus=0.5, gpus=0.25, wanted=4, held=held, joined=3.5
    )


def test_a_claim_is_read_as_it_was_put(store: Store) -> None:
    campaign = new_campaign(store)
    store.shares.put_claim(claim(campaign.id), "here")
    assert store.shares.claims("here") == [claim(campaign.id)]
    assert store.shares.claims("elsewhere") == []


def test_a_campaign_has_one_claim(store: Store) -> None:
    campaign = new_campaign(store)
    store.shares.put_claim(claim(campaign.id, held=3), "here")
    store.shares.put_claim(claim(campaign.id), "there")
    assert store.shares.claims("here") == []
    store.shares.set_held(campaign.id, 2)
    assert store.shares.claims("there") == [claim(campaign.id, held=2)]


def test_claims_beside_are_those_of_the_running_campaigns_at_a_place(store: Store) -> None:
    first, second, other = (new_campaign(store, name) for name in ("first", "second", "other"))
    for campaign, place in ((first, "here"), (second, "here"), (other, "there")):
        store.shares.put_claim(claim(campaign.id), place)
    beside = {one.campaign for one in store.shares.claims_beside(first.id)}
    assert beside == {first.id, second.id}
    store.campaigns.set_state(second.id, "stopped")
    assert store.shares.claims_beside(first.id) == [claim(first.id)]
    assert store.shares.claims_beside(second.id) == [], "its claim ended with its run"
