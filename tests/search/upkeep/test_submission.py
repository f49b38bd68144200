"""Before a campaign is put on record: one like it may be there to go on with."""

from __future__ import annotations

import pytest

from search import driver
from search.host.home import Home
from search.store import Store
from search.upkeep.submission import launch, refuse_if_interrupted
from space.errors import CampaignError
from tests.support import toys
from tests.support.campaigns import new_campaign


@pytest.mark.parametrize(
    ("recorded", "same"), [("/data/images", True), ("images", True), ("/data/others", False)]
)
def test_an_interrupted_campaign_is_known_again_by_its_images(
    store: Store, recorded: str, same: bool
) -> None:
    """A path on record that is relative is of an earlier version."""
    data = {"name": "imagefolder", "path": "/data/images", "size": 8}
    submitted = toys.campaign(data=data)
    document = submitted.document()
    document["data"]["path"] = recorded
    begun = store.campaigns.create("toy", document, {}, {})
    store.campaigns.set_state(begun.id, "stopped")
    if same:
        with pytest.raises(CampaignError, match="was stopped"):
            refuse_if_interrupted(submitted, store)
    else:
        refuse_if_interrupted(submitted, store)


def test_a_certification_opens_the_test_split_before_anything_of_it_is_trained(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is put on record, and once, however often its driver is killed."""
    searched = new_campaign(store)
    campaign = toys.campaign(recipe={"epochs": 3, "score_on": "test"}, budget={"trials": 1})
    home.ensure()
    waiting = launch(campaign, home, store, run=False, certifies=searched)
    records = (waiting.campaign_id, searched.id)
    assert [store.campaigns.test_openings(one) for one in records] == [0, 0]

    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "build_run", kill)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            driver.run(waiting.campaign_id, home, store, mirror=False)
        assert [store.campaigns.test_openings(one) for one in records] == [1, 1]
    [opening] = store.campaigns.openings(searched.id)
    assert opening.command == f"ventral certify {searched.id}"
    assert opening.networks == ("wide",)
