"""Which trials are exported, and what cannot be; real exports are in tests/ventral."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
from search.upkeep.exports import choose_trials, export_trials
from space.errors import InputError, VentralError
from tests.support.campaigns import add, fill, new_campaign, train


def test_the_best_of_a_kind_or_one_trial_is_chosen(store: Store) -> None:
    record = new_campaign(store)
    for number, cell in enumerate(("feedforward", "out = input3 + out5", "out = input3 + out5")):
        add(store, record.id, number, cell=cell)
        train(store, record.id, number, 0.9 - number / 10)
    numbers = [one.number for one in choose_trials(store, record, top=2)]
    assert numbers == [0, 1]
    [best] = choose_trials(store, record, top=1, kind="recurrent")
    assert best.number == 1
    [named] = choose_trials(store, record, trial=2)
    assert named.number == 2


def test_what_is_not_said_or_not_there_is_refused(store: Store) -> None:
    record = new_campaign(store)
    for top, trial in ((None, None), (1, 0), (0, None), (None, 9)):
        with pytest.raises(InputError):
            choose_trials(store, record, top=top, trial=trial)
    with pytest.raises(InputError, match="names a trial and a kind"):
        choose_trials(store, record, trial=0, kind="recurrent")
    with pytest.raises(VentralError, match=r"no feedforward cell .* has a score yet"):
        choose_trials(store, record, top=1, kind="feedforward")


@pytest.mark.parametrize(
    ("number", "message"),
    [(1, "the weights of trial 1 were not kept"), (4, "trial 4 has no score: it is failed")],
)
def test_a_trial_without_score_or_weights_is_not_exported(
    store: Store, home: Home, tmp_path: Path, number: int, message: str
) -> None:
    record = fill(store)
    with pytest.raises(VentralError, match=message):
        export_trials(store, home, record, choose_trials(store, record, trial=number), tmp_path)
