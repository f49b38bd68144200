"""Tables of cells and the closing lines of a campaign: nothing is compared that cannot be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search.review import ranking
from search.store import SEARCHED, Store
from space.genome import Genome
from space.network.grammar import Cell
from space.zoo import cells as published
from tests.support.campaigns import add, new_campaign, train
from tests.support.drawing import small_document
from ventral.cells import closing_lines, failed_lines, show_cells
from ventral.output import Format

RECURRENT, PLAIN = "out = input3 + out5", "feedforward, out = input5"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


def searched(store: Store) -> str:
    """A control and five trials: of 3 epochs, or pruned after 2, or of 2 in all."""
    campaign = new_campaign(store).id
    add(store, campaign, 0, origin="control", cell="feedforward", parameters=900, macs=1000)
    train(store, campaign, 0, 0.3, 0.4, 0.5)
    add(store, campaign, 1, cell=RECURRENT, parameters=75_000, macs=19_700_000)
    train(store, campaign, 1, 0.3, 0.5, 0.7)
    add(store, campaign, 2, cell=PLAIN, parameters=64_800)
    train(store, campaign, 2, 0.3, 0.5, 0.72)
    add(store, campaign, 3, cell=RECURRENT)
    train(store, campaign, 3, 0.5, 0.8, status="pruned")
    add(store, campaign, 4, cell=RECURRENT)
    train(store, campaign, 4, 0.5, 0.6)
    add(store, campaign, 5, cell=RECURRENT)
    train(store, campaign, 5, 0.1, status="failed")
    return campaign


def rows(store: Store, campaign: str, capsys: pytest.CaptureFixture[str]) -> dict[int, Any]:
    record = store.campaigns.get(campaign)
    found = ranking.best(store, campaign)
    show_cells(record, found, ranking.references(store, record), store, Format.json)
    return {row["trial"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_difference_is_printed_for_equal_epochs_alone(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rows(store, searched(store), capsys)
    assert found[1]["gain"] == pytest.approx(0.2)
    assert found[2]["gain"] == pytest.approx(0.22)
    assert "gain" not in found[3]  # pruned, and above all others
    assert "gain" not in found[4]  # it had fewer epochs than the control


def test_a_row_says_whether_its_network_is_recurrent(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rows(store, searched(store), capsys)
    assert {number: row["recurrent"] for number, row in found.items()} == {
        1: "local",
        2: "none",
        3: "local",
        4: "local",
    }


def lines(store: Store, campaign: str) -> list[str]:
    record = store.campaigns.get(campaign)
    failed = store.results.find(campaign, statuses=["failed"])
    return closing_lines(ranking.best(store, campaign), ranking.references(store, record), failed)


def test_the_best_of_each_kind_stand_beside_what_they_cost(store: Store) -> None:
    assert lines(store, searched(store)) == [
        "best recurrent network of the search: 70.0 %, 75.0 k parameters, "
        "19.7 M multiply-adds (trial 1)",
        "best feedforward network of the search: 72.0 %, 64.8 k parameters, "
        "50.0 k multiply-adds (trial 2)",
        "control feedforward: 50.0 %, 900 parameters, 1.0 k multiply-adds",
        "scores are of the validation split, by which the search chose: the best of many is "
        "partly luck",
        "not shown: that recurrence helps, or that it does not. The recurrent one has 1.2 times "
        "the parameters and 394.0 times the multiply-adds, and is the best of 3 beside the best "
        "of 1, by one training each",
        "1 trial failed: 5; because unknown",
    ]


def test_a_control_whose_choices_make_no_network_is_of_no_kind(store: Store) -> None:
    campaign = new_campaign(store).id
    add(store, campaign, 0, origin="control", control="lost", cell="")
    train(store, campaign, 0, 0.5)
    assert lines(store, campaign)[2].startswith("control lost (recurrence not known): 50.0 %")


def test_a_score_of_a_stopped_training_says_so(store: Store) -> None:
    campaign = new_campaign(store).id
    add(store, campaign, 0, origin="control", cell="feedforward")
    train(store, campaign, 0, 0.3, 0.4, 0.5)
    add(store, campaign, 1, cell=RECURRENT)
    train(store, campaign, 1, 0.3, 0.5, status="pruned")
    first, second, *_, last = lines(store, campaign)
    assert "50.0 % after 2 of 3 epochs" in first
    assert second == "best feedforward network of the search: none has a score"
    assert last.startswith("not shown: that recurrence helps. The search has no feedforward")
    assert "controls: {search: 0.25}" in last


def test_a_searched_control_is_called_one(store: Store) -> None:
    campaign = new_campaign(store).id
    add(store, campaign, 0, cell=PLAIN, family=SEARCHED)
    train(store, campaign, 0, 0.5)
    assert lines(store, campaign) == [
        "best recurrent network of the search: none has a score",
        "best feedforward network of the search: 50.0 %, 1.0 k parameters, 50.0 k multiply-adds "
        "(trial 0, a searched control)",
        "scores are of the validation split, by which the search chose: the best of many is "
        "partly luck",
    ]


def test_failed_trials_are_counted_and_named_with_the_most_frequent_reason(store: Store) -> None:
    campaign = new_campaign(store).id
    for number in range(14):
        add(store, campaign, number)
        store.trials.start(campaign, number)
        reason = f"diverged: at step {number}" if number % 7 else "out-of-memory: 80 GB"
        store.trials.finish(campaign, number, "failed", reason)
    (line,) = failed_lines(store.results.find(campaign, statuses=["failed"]))
    assert line == (
        "14 trials failed: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...; most often because "
        "diverged: at step 1 (12 of 14)"
    )
    assert failed_lines([]) == []


def test_networks_that_differ_in_what_no_name_says_are_told_apart(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = new_campaign(store).id
    for number, activation in enumerate(("elu", "relu", "elu")):
        cell = published.simple_rnn().model_dump()
        document = small_document(Cell.model_validate(cell))
        document["stages"][0]["convolution"]["activation"] = activation
        add(
            store,
            campaign,
            number,
            cell="SimpleRNN",
            genome=Genome.parse(document),
            digest=activation,
        )
        train(store, campaign, number, 0.5)
    record = store.campaigns.get(campaign)
    show_cells(record, ranking.best(store, campaign), [], store, Format.table)
    printed = capsys.readouterr().out
    assert printed.count("SimpleRNN [conv1.convolution.activation elu]") == 2
    assert printed.count("SimpleRNN [conv1.convolution.activation relu]") == 1


def test_searched_controls_are_marked_where_there_are_any(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = searched(store)
    record = store.campaigns.get(campaign)

    def table() -> str:
        found = ranking.best(store, campaign)
        show_cells(record, found, ranking.references(store, record), store, Format.table)
        return capsys.readouterr().out

    assert "role" not in table()
    add(store, campaign, 6, cell=PLAIN, family=SEARCHED)
    train(store, campaign, 6, 0.1, 0.2, 0.3)
    shown = table()
    assert "role" in shown
    assert "searched control" in shown
    assert rows(store, campaign, capsys)[6]["motifs"] == []
