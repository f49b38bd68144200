"""Before a campaign is put on record: one like it may be there to go on with."""

from __future__ import annotations

from typing import Any

import pytest

from search import driver
from search.assign.setting import Setting
from search.campaign import load_with_space
from search.host.home import Home
from search.host.machine import Machine
from search.store import Store
from search.upkeep.submission import launch, refuse_if_interrupted, resume_campaign
from space.errors import CampaignError
from space.space import Space
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


def test_a_space_is_parsed_once_by_a_submission_and_once_by_a_resumption(
    home: Home, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fitting it to the images checks its genomes again, which parses no document of a space."""
    parsed: list[object] = []
    settings: list[Setting] = []
    parse = Space.parse

    def count(document: object, *args: Any, **options: Any) -> Space:
        parsed.append(document)
        return parse(document, *args, **options)

    def run(setting: Setting, *_: object) -> driver.RunResult:
        settings.append(setting)
        counts = store.results.counts(setting.campaign_id)
        return driver.RunResult(
            campaign_id=setting.campaign_id, state="stopped", reason=None, trials=counts
        )

    monkeypatch.setattr(Space, "parse", count)
    monkeypatch.setattr(driver, "_run_mirrored", run)
    document = toys.campaign().document() | {"recipe": {"epochs": 3}}
    loaded = load_with_space(document, offered=Machine(cpus=4, gpus=0))
    result = launch(loaded.campaign, home, store, space=loaded.space)
    assert len(parsed) == 1
    resume_campaign(result.campaign_id, home, store)
    assert len(parsed) == 2
    submitted, resumed = settings
    assert submitted.space == resumed.space
    assert submitted.data == resumed.data
    assert submitted.space.images.size == 8, "it is the one fitted to the images"
