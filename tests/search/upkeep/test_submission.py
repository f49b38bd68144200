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


@pytest.mark.parametrize("version", [None, 1])
def test_an_interrupted_campaign_is_known_again_whatever_its_samplers_version(
    store: Store, version: int | None
) -> None:
    submitted = toys.campaign(sampler={"name": "guided", "version": 2})
    document = submitted.document()
    document["sampler"]["version"] = version
    begun = store.campaigns.create("toy", document, {}, {})
    store.campaigns.set_state(begun.id, "stopped")
    with pytest.raises(CampaignError, match="was stopped"):
        refuse_if_interrupted(submitted, store)
    refuse_if_interrupted(toys.campaign(sampler={"name": "optuna", "version": 1}), store)


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
