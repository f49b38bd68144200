"""A scene of a drill without a driver: what is on record is written as its driver would."""

from pathlib import Path

import pytest

from search.drill.scene import Scene
from search.host.home import Home
from search.store import Store
from tests.support import toys
from tests.support.campaigns import add, train
from tests.support.scenes import tell


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A campaign of three trials of two epochs, all trained as they should be."""
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    store = Store.open(home.store_url)
    document = toys.campaign(budget={"trials": 3}, recipe={"epochs": 2}).document()
    campaign = store.campaigns.create("toy", document, {}, {})
    store.campaigns.set_state(campaign.id, "running")
    scene = Scene(home=home, store=store, campaign_id=campaign.id)
    scene.folder.mkdir(parents=True)
    for number in range(3):
        add(store, campaign.id, number)
        train(store, campaign.id, number, 0.1, 0.2)
        (scene.folder / f"epochs-{number}").write_text("1 17\n2 17\n")
    tell(scene, "starting", "started 0", "started 1", "finished 0", "started 2", "finished 1")
    store.campaigns.set_state(campaign.id, "finished")
    return scene
