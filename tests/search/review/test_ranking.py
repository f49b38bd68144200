"""Rankings: controls apart, nothing compared that was trained for fewer epochs."""

from __future__ import annotations

from typing import Any

import pytest

from search.review import ranking
from search.store import Store, Trial
from tests.support import toys
from tests.support.campaigns import add, fill, new_campaign, train
from tests.support.tables import change_rows


def test_controls_are_no_cells(store: Store) -> None:
    campaign = fill(store)
    assert [trial.number for trial in ranking.best(store, campaign.id)] == [1, 2]
    assert [trial.number for trial in ranking.best(store, campaign.id, 1)] == [1]


def test_how_far_a_campaign_has_come(store: Store) -> None:
    campaign = fill(store)
    standing = ranking.standing(store, campaign)
    assert (standing.state, standing.trials, standing.done) == ("running", 5, 3)
    assert standing.top1 == 0.8, "the best searched cell's, and no control's"
    empty = ranking.standing(store, new_campaign(store))
    assert (empty.trials, empty.done, empty.top1) == (0, 0, None)


def test_damaged_records_have_a_standing_of_their_own(store: Store) -> None:
    campaign = fill(store)
    with change_rows(store) as connection:
        connection.exec_driver_sql("UPDATE trials SET choices = '[' WHERE number = 1")
    standing = ranking.standing(store, campaign)
    assert (standing.state, standing.trials, standing.top1) == ("damaged", 0, None)
    assert "is damaged" in str(standing.reason)


def test_a_control_s_score_is_the_mean_of_its_full_trainings(store: Store) -> None:
    """And its name that of the campaign's space."""
    space = toys.space()
    record = store.campaigns.create("toy", toys.campaign().document(), space.document(), {})
    control = space.control("wide")
    alike: dict[str, Any] = {
        "digest": control.digest,
        "recipe": control.recipe,
        "origin": "control",
    }
    for number in range(4):
        # An earlier version put the first one on record without its name.
        add(store, record.id, number, **alike, control=None if number == 0 else "wide")
    train(store, record.id, 0, 0.5, 0.6)
    train(store, record.id, 1, 0.5, 0.8)
    train(store, record.id, 2, 0.9, status="pruned")
    train(store, record.id, 3, 0.1, status="failed")
    add(store, record.id, 4, origin="control", digest="other", cell="of another version")
    train(store, record.id, 4, 0.3, status="pruned")
    wide, other = ranking.references(store, record)
    assert (wide.name, wide.trial.number, wide.seeds, wide.failed) == ("wide", 1, 2, 1)
    assert wide.top1 == pytest.approx(0.7)
    assert wide.deviation == pytest.approx(0.2 / 2**0.5)
    assert (other.name, other.top1, other.deviation) == ("of another version", 0.3, None)


@pytest.fixture
def searched(store: Store) -> tuple[list[Trial], list[ranking.Reference]]:
    """A control of 3 epochs, and trials, best first: scores, parameters, cell and end of each."""
    campaign = new_campaign(store)
    add(store, campaign.id, 0, origin="control")
    train(store, campaign.id, 0, 0.3, 0.4, 0.5)
    trials = [
        ((0.4, 0.9), 900, "out = input3 + out5", "pruned"),
        ((0.4, 0.6, 0.8), 500, "feedforward, out = input5", "finished"),
        ((0.4, 0.6, 0.7), 600, "out = input3 + out5", "finished"),
        ((0.4, 0.6, 0.6), 100, "out = input3", "finished"),
        ((0.4, 0.5), 300, "", "finished"),
    ]
    for number, (scores, parameters, cell, status) in enumerate(trials, 1):
        add(store, campaign.id, number, parameters=parameters, cell=cell)
        train(store, campaign.id, number, *scores, status=status)
    return ranking.best(store, campaign.id), ranking.references(store, campaign)


Searched = tuple[list[Trial], list[ranking.Reference]]


def test_the_front_is_of_those_that_none_beats_at_their_size(searched: Searched) -> None:
    trials, _ = searched
    assert [trial.number for trial in trials] == [1, 2, 3, 4, 5]
    assert [trial.number for trial in ranking.pareto(trials)] == [1, 2, 4]
    assert ranking.pareto([]) == []


def test_the_best_of_each_kind_was_trained_to_the_end(searched: Searched) -> None:
    recurrent, feedforward = ranking.best_of_kinds(searched[0])
    assert recurrent is not None
    assert feedforward is not None
    assert (recurrent.number, feedforward.number) == (3, 2)
    assert ranking.kind_of(searched[0][-1]) is None, "without a network there is no kind"
    assert ranking.best_of_kinds([]) == (None, None)


def test_a_gain_is_over_controls_of_as_many_epochs(searched: Searched) -> None:
    trials, references = searched
    gains = [ranking.gain(trial, references) for trial in trials]
    assert gains == [None, pytest.approx(0.3), pytest.approx(0.2), pytest.approx(0.1), None]
    assert ranking.gain(trials[1], references, top1=0.4) == pytest.approx(-0.1)
    assert ranking.gain(trials[1], []) is None
