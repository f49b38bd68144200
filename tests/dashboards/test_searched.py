"""A campaign as one value says what the store says of it."""

from pathlib import Path

import pytest

from dashboards.searched import read_searched
from search.review.lesions import Lesion, record_lesions
from search.store import Store
from tests.support.campaigns import add, new_campaign, new_small_campaign, train
from tests.support.searched import make_searched


def test_a_campaign_as_one_value(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign, loaded = new_small_campaign(store)
    add(store, campaign.id, 0, origin="control", control="feedforward")
    add(store, campaign.id, 1, recurrence="both")
    add(store, campaign.id, 2, family="searched", recurrence="none")
    train(store, campaign.id, 0, 0.2, 0.4, 0.6)
    lesion = Lesion(
        trial=0, part="a->b", kind="edge", difference=-0.1, low=-0.2, high=0.0, retrained=False
    )
    record_lesions(store, campaign.id, [lesion])
    store.campaigns.add_event(campaign.id, "resumed", {"by": "a test"})
    searched = read_searched(store, campaign.name)
    assert (searched.id, searched.name) == (campaign.id, campaign.name)
    assert searched.controls["trial"].tolist() == [0]
    assert searched.suggested["trial"].tolist() == [1, 2]
    assert searched.sampled["trial"].tolist() == [1]
    assert searched.full_epochs == loaded.campaign.recipe.epochs
    assert searched.events["kind"].tolist()[-1] == "resumed"
    assert searched.events["detail"].tolist()[-1] == {"by": "a test"}
    assert searched.lesions.to_dict("records") == [vars(lesion)]
    of_trial = searched.steps[searched.steps["trial"] == 0]
    assert set(of_trial["epoch"]) == {3}
    assert list(of_trial["step"]) == list(range(len(of_trial)))


def test_a_made_campaign_is_as_one_that_was_read(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    made = make_searched(trials=60)
    campaign = new_campaign(store, "small", made.settings.document(), made.space.document())
    add(store, campaign.id, 0, choices={"hidden": "present"})
    add(store, campaign.id, 2, family="searched", recurrence="none")
    train(store, campaign.id, 0, 0.2, 0.4)
    read = read_searched(store, campaign.id)
    for name in ("reports", "steps", "events"):
        assert list(getattr(made, name)) == list(getattr(read, name))
    plain = [str(name) for name in read.trials if not str(name).startswith("choice.")]
    assert set(plain) - set(made.trials) <= {"motifs", "tags", "note"}
    numbers = [name for name in plain if read.trials[name].dtype.kind in "ifM"]
    assert {"top1", "epochs", "started"} <= set(numbers)
    for name in set(numbers) & set(made.trials):
        assert made.trials[name].dtype == read.trials[name].dtype


def test_a_made_campaign_agrees_with_itself() -> None:
    made = make_searched(trials=400, controls=2, running=3)
    counts = made.trials["status"].value_counts()
    assert set(counts.index) == {"finished", "pruned", "failed", "infeasible", "running"}
    assert counts["running"] == 3
    assert len(made.controls) == 2
    scored = made.trials[made.trials["epochs"] > 0].set_index("trial")
    last = made.reports.sort_values("epoch").groupby("trial").last()
    assert last["epoch"].tolist() == scored["epochs"].tolist()
    assert last["top1"].tolist() == scored["top1"].tolist()
    final = made.steps[made.steps["step"] == made.steps["step"].max()].set_index("trial")
    assert final["accuracy"].to_dict() == pytest.approx(scored["top1"].to_dict())
    full = made.trials[made.trials["status"] == "finished"]
    assert set(full["epochs"]) == {made.full_epochs}
    over = made.trials.dropna(subset=["arrived"])
    assert over["arrived"].is_unique
    assert make_searched(trials=0, controls=0).trials.empty
