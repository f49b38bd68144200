"""Before a campaign is put on record: one like it may be there to go on with."""

from __future__ import annotations

import pytest

from search.store import Store
from search.upkeep.submission import refuse_if_interrupted
from space.errors import CampaignError
from tests.support import toys


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
