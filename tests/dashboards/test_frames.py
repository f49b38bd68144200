"""Frames say what the store says, and have their columns however little there is."""

from pathlib import Path

import pandas as pd
import pytest

from dashboards import frames
from search.review.lesions import Lesion, record_lesions
from search.store import Store
from space.errors import StoreError
from space.genome import Genome
from space.motifs import name_motifs
from space.zoo import cells as published
from tests.support.campaigns import STEPS, add, fill, new_campaign
from tests.support.drawing import small_document


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path}/store.db")


def test_one_row_a_trial(store: Store) -> None:
    campaign = fill(store)
    frame = frames.trials(store, campaign.name)
    assert list(frame.trial) == [0, 1, 2, 3, 4]
    assert list(frame.status) == ["finished", "finished", "pruned", "infeasible", "failed"]
    assert list(frame.top1[:3]) == [0.6, 0.8, 0.2]
    assert frame.top1[3:].isna().all()
    assert list(frame.epochs) == [3, 2, 1, 0, 0]
    assert list(frame["choice.stages[0].kernel"]) == [3] * 5
    assert list(frame.recurrent) == ["local"] * 5
    assert list(frame.split) == ["validation"] * 5
    assert frame.control.fillna("").tolist() == ["wide", "", "", "", ""]
    assert (frame.ended >= frame.created).all()
    assert str(frame.created.dt.tz) == "UTC"
    assert frame.created[0].timestamp() == pytest.approx(
        store.results.get(campaign.id, 0).created, abs=1e-3
    )
    assert not [
        name for name in frames.trials(store, campaign.id, choices=False) if "." in str(name)
    ]


def test_a_branch_that_was_not_taken_is_empty(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0, choices={"gate": "on", "gate.kernel": 5})
    add(store, campaign.id, 1, choices={"gate": "off"})
    frame = frames.trials(store, campaign.id)
    assert list(frame["choice.gate"]) == ["on", "off"]
    assert frame["choice.gate.kernel"].isna().tolist() == [False, True]


def test_motifs_are_read_from_the_genomes_where_none_are_on_record(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0, motifs=("out elu",))
    network = Genome.parse(small_document(published.ugrnn()))
    add(store, campaign.id, 1, motifs=None, genome=network, digest=network.digest)
    add(store, campaign.id, 2, motifs=None, genome=None, cell="")
    assert list(frames.trials(store, campaign.id).motifs) == [
        ("out elu",),
        name_motifs(network),
        (),
    ]


def test_reports_and_steps_are_long(store: Store) -> None:
    campaign = fill(store)
    reports = frames.reports(store, campaign.id)
    assert list(zip(reports.trial, reports.epoch, strict=True)) == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 1),
        (1, 2),
        (2, 1),
    ]
    steps = frames.steps(store, campaign.id)
    assert len(steps) == 6 * STEPS
    last = steps[(steps.trial == 1) & (steps.epoch == 2)]
    assert list(last.step) == list(range(STEPS))
    assert last.accuracy.iloc[-1] == 0.8


def test_nothing_yet_has_the_same_columns_and_types(store: Store) -> None:
    empty = store.campaigns.create("empty", {}, {}, {})
    full = fill(store)
    for make in (frames.reports, frames.steps):
        pd.testing.assert_series_equal(make(store, empty.id).dtypes, make(store, full.id).dtypes)
    nothing = frames.trials(store, empty.id)
    assert len(nothing) == 0
    something = frames.trials(store, full.id, choices=False)
    assert list(nothing) == list(something)
    numbers = ["trial", "top1", "parameters", "created", "arrived"]
    pd.testing.assert_series_equal(nothing[numbers].dtypes, something[numbers].dtypes)


def test_an_unknown_campaign_is_the_stores_error(store: Store) -> None:
    with pytest.raises(StoreError, match="no campaign 'x'"):
        frames.trials(store, "x")


def test_one_row_a_lesion(store: Store) -> None:
    campaign = fill(store)
    nothing = frames.lesions(store, campaign.id)
    made = [
        Lesion(
            trial=1,
            part=part,
            kind="edge",
            difference=-0.1,
            low=low,
            high=None if low is None else 0.0,
            retrained=low is None,
        )
        for part, low in (("a->b", -0.2), ("a->b", None))
    ]
    for one in made:
        record_lesions(store, campaign.id, [one])
    frame = frames.lesions(store, campaign.name)
    assert list(frame) == ["trial", "part", "kind", "difference", "low", "high", "retrained"]
    numbers = ["trial", "difference", "low", "high", "retrained"]
    pd.testing.assert_series_equal(nothing[numbers].dtypes, frame[numbers].dtypes)
    assert frame.retrained.tolist() == [False, True]
    assert frame.low.isna().tolist() == [False, True]
