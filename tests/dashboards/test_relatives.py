"""A campaign's certification and its random twin are found in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dashboards.relatives import read_baseline, read_certification
from dashboards.searched import read_searched
from search.campaign import load_with_space
from search.store import Campaign, Store
from tests.support.campaigns import add, train

DATA = {"name": "digits", "checksum": "abc", "split": "validation"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path}/store.db")


def put(store: Store, name: str, data: dict[str, Any] | None = None, **changes: Any) -> Campaign:
    loaded = load_with_space(
        {"name": name, "space": "motifs-small", "data": {"name": "digits"}, **changes}
    )
    made = store.campaigns.create(
        name, loaded.campaign.document(), loaded.space.document(), data or DATA
    )
    store.campaigns.set_state(made.id, "running")
    return store.campaigns.get(made.id)


def certify(store: Store, record: Campaign, *names: str) -> Campaign:
    """A finished certification of a campaign that trains so named networks."""
    space = dict(record.space)
    space["controls"] = {name: {"choices": {}} for name in names}
    made = store.campaigns.create(
        "certified",
        {**record.document, "control_seeds": 2},
        space,
        {**DATA, "split": "test", "certifies": record.id},
    )
    store.campaigns.set_state(made.id, "running")
    for number, name in enumerate(names):
        add(store, made.id, number, origin="control", control=name, seed=0)
        train(store, made.id, number, *[0.1] * 10)
    store.campaigns.set_state(made.id, "finished")
    return made


def test_the_certification_beside_matched_controls_goes_before_others(store: Store) -> None:
    record = put(store, "searched")
    for number in (0, 7):
        add(store, record.id, number)
    assert read_certification(store, record) is None
    plain = certify(store, record, "trial-7")
    certify(store, record, "trial-7-rate+1")  # only tuned
    evidence = read_certification(store, record)
    assert evidence is not None
    assert evidence.campaign == plain.id
    matched = certify(store, record, "trial-7", "trial-7-depth")
    certify(store, record, "trial-0")
    evidence = read_searched(store, record.id).evidence
    assert evidence is not None
    assert evidence.campaign == matched.id
    assert [one.against for one in evidence.verdicts] == ["depth"]


def test_the_random_twin_is_of_the_same_space_data_and_recipe(store: Store) -> None:
    record = put(store, "searched", sampler={"name": "guided"})
    put(store, "longer", sampler={"name": "random"}, recipe={"epochs": 7})
    put(store, "other", {**DATA, "checksum": "else"}, sampler={"name": "random"})
    assert read_baseline(store, record) is None
    twin = put(store, "twin", sampler={"name": "random"}, budget={"trials": 9}, seed=3)
    add(store, twin.id, 0, origin="control", control="feedforward")
    add(store, twin.id, 1)
    train(store, twin.id, 1, 0.2, 0.4)
    baseline = read_searched(store, record.id).baseline
    assert baseline is not None
    assert baseline.name == "twin"
    assert baseline.trials["trial"].tolist() == [1]
    assert baseline.reports["top1"].tolist() == [0.2, 0.4]
    assert read_baseline(store, twin) is None
