"""Values of the store that say more than their fields."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from search.store import Donor, Store, Trial
from tests.support.campaigns import add, new_campaign, train


@pytest.mark.parametrize("status", ["running", "finished", "pruned", "failed"])
def test_a_new_trial_has_not_begun(store: Store, status: str) -> None:
    campaign = new_campaign(store)
    with pytest.raises(ValueError, match=f"is waiting or infeasible, not '{status}'"):
        add(store, campaign.id, 0, status=status)
    assert store.results.find(campaign.id) == []


@pytest.fixture
def trial(store: Store) -> Trial:
    campaign = new_campaign(store)
    add(store, campaign.id, 7)
    train(store, campaign.id, 7, 0.5, 0.6)
    return store.results.get(campaign.id, 7)


@pytest.mark.parametrize(
    ("source", "source_epochs", "first"),
    [
        (None, 0, False),
        ("abcd/3", 2, True),  # all of its epochs were trained there
        ("abcd/3", 1, False),  # the last one was trained here
    ],
)
def test_a_donor_is_named_where_the_work_was_done_first(
    trial: Trial, source: str | None, source_epochs: int, first: bool
) -> None:
    taken = replace(trial, source=source, source_epochs=source_epochs)
    name = Donor(trial=taken, document={}).name
    assert name == ("abcd/3" if first else f"{trial.campaign}/7")


def test_a_row_has_the_keys_that_tables_and_programs_read(trial: Trial) -> None:
    """Those of `ventral top` and `trial list`: keys may be added, none may go."""
    row = trial.row()
    top = {"trial", "digest", "cell", "recurrent", "top1", "parameters", "macs", "epochs"}
    top |= {"status", "seed", "origin", "seconds"}
    assert set(row) > top | {"reason", "attempts", "source", "choices", "split", "control"}
    assert (row["trial"], row["recurrent"], row["split"]) == (7, "local", "validation")
    assert json.loads(json.dumps(row, allow_nan=False)) == row
