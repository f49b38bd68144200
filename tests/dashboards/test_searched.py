"""A campaign as one value says what the store says of it."""

from pathlib import Path

from dashboards.searched import read_searched
from search.campaign import load_with_space
from search.review.lesions import Lesion, record_lesions
from search.store import Store
from tests.support.campaigns import add, new_campaign, train


def test_a_campaign_as_one_value(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    loaded = load_with_space(
        {"name": "small", "space": "motifs-small", "data": {"name": "digits"}}
    )
    document, space = loaded.campaign.document(), loaded.space.document()
    campaign = new_campaign(store, "small", document, space)
    add(store, campaign.id, 0, origin="control", control="feedforward")
    add(store, campaign.id, 1, recurrence="both")
    train(store, campaign.id, 0, 0.2, 0.4, 0.6)
    lesion = Lesion(
        trial=0, part="a->b", kind="edge", difference=-0.1, low=-0.2, high=0.0, retrained=False
    )
    record_lesions(store, campaign.id, [lesion])
    store.campaigns.add_event(campaign.id, "resumed", {"by": "a test"})
    searched = read_searched(store, campaign.name)
    assert (searched.id, searched.name) == (campaign.id, campaign.name)
    assert searched.controls["trial"].tolist() == [0]
    assert searched.suggested["trial"].tolist() == [1]
    assert searched.full_epochs == loaded.campaign.recipe.epochs
    assert searched.events["kind"].tolist()[-1] == "resumed"
    assert searched.events["detail"].tolist()[-1] == {"by": "a test"}
    assert searched.lesions.to_dict("records") == [vars(lesion)]
    of_trial = searched.steps[searched.steps["trial"] == 0]
    assert set(of_trial["epoch"]) == {3}
    assert list(of_trial["step"]) == list(range(len(of_trial)))
