"""Importance: Optuna's numbers, of what can be compared, with intervals that hold the truth."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import optuna
import pytest

from dashboards.importance import (
    mark_motifs,
    order_trials,
    rank_choices,
    rank_motifs,
    rank_pairs,
)
from dashboards.searched import Searched
from tests.support.searches import Choices, draw_search


def score(choices: Choices, rng: random.Random) -> dict[str, Any]:
    """The kernel decides most, then the activation; the rest is noise."""
    worth = 0.2 * (choices["kernel"] == 5) + 0.05 * (choices["activation"] == "elu")
    return {"top1": 0.3 + worth + rng.gauss(0.0, 0.05)}


@pytest.fixture(scope="module")
def searched() -> Searched:
    return draw_search(400, score)


def test_what_decides_is_important_and_what_does_not_is_not(searched: Searched) -> None:
    ranked = rank_choices(searched)
    assert [one.choice for one in ranked[:2]] == ["kernel", "activation"]
    by_name = {one.choice: one for one in ranked}
    assert set(by_name) == {
        "kernel",
        "activation",
        "width",
        "pool",
        "pool.kernel",
        "learning_rate",
    }
    assert sum(one.value for one in ranked) == pytest.approx(1.0)
    assert all(one.low <= one.value <= one.high for one in ranked)
    assert by_name["kernel"].low > max(one.high for one in ranked[2:])
    assert by_name["width"].low < 0.03


def test_the_values_are_optunas(searched: Searched) -> None:
    """An Optuna study of the same trials, with its own distributions, says the same."""
    study = optuna.create_study(direction="maximize")
    distributions: dict[str, Any] = {
        "width": optuna.distributions.CategoricalDistribution([2, 4, 8, 16]),
        "kernel": optuna.distributions.CategoricalDistribution([1, 3, 5]),
        "activation": optuna.distributions.CategoricalDistribution(["relu", "elu", "tanh"]),
        "pool": optuna.distributions.CategoricalDistribution([False, True]),
        "pool.kernel": optuna.distributions.CategoricalDistribution([2, 3]),
        "learning_rate": optuna.distributions.FloatDistribution(0.001, 0.1, log=True),
    }
    for row in searched.trials.to_dict("records"):
        params = {name: row[f"choice.{name}"] for name in distributions}
        params = {name: value for name, value in params.items() if value == value}
        made = {name: distributions[name] for name in params}
        trial = optuna.trial.create_trial(value=row["top1"], params=params, distributions=made)
        study.add_trial(trial)
    theirs = optuna.importance.get_param_importances(study)
    ours = {one.choice: one.value for one in rank_choices(searched, rounds=0)}
    assert ours == pytest.approx(theirs, rel=1e-6)


def test_trials_are_compared_as_far_as_they_came() -> None:
    """A pruned trial is behind all that went further, a failed one behind all."""
    ends: list[dict[str, Any]] = [
        {"top1": 0.9, "epochs": 1, "status": "pruned"},
        {"top1": 0.2, "epochs": 3},
        {"top1": 0.8, "epochs": 3, "origin": "control"},
        {"top1": 0.4, "epochs": 3},
        {"top1": 0.9, "epochs": 2, "status": "failed"},
        {"top1": None, "epochs": 0, "status": "infeasible"},
        {"top1": 0.5, "epochs": 2, "status": "running"},
        {"top1": 0.9, "epochs": 1, "status": "pruned"},
    ]
    given = iter(ends)
    ordered = order_trials(draw_search(len(ends), lambda *_: next(given)))
    assert list(ordered["trial"]) == [3, 1, 0, 7, 4]
    assert list(ordered["place"]) == [0, 1, 2, 2, 3]


def test_an_interaction_is_found_and_independent_choices_have_none() -> None:
    """Among the best are wide networks with small kernels and narrow ones with large kernels."""

    def crossed(choices: Choices, rng: random.Random) -> dict[str, Any]:
        fits = (choices["width"] >= 8) == (choices["kernel"] == 1)
        return {"top1": 0.3 + 0.2 * fits + rng.gauss(0.0, 0.03)}

    pairs = rank_pairs(draw_search(400, crossed))
    assert {pairs[0].first, pairs[0].second} == {"width", "kernel"}
    assert pairs[0].low > max(0.0, *(pair.value for pair in pairs[1:]))
    assert sum(pair.low > 0 for pair in pairs[1:]) <= 1


def test_motifs_have_shares_and_importance() -> None:
    def with_motifs(choices: Choices, rng: random.Random) -> dict[str, Any]:
        motifs = ["out elu"]
        motifs += ["feedback 3->2", "feedback->out plus"] if choices["kernel"] == 5 else []
        motifs += ["out norm"] if choices["width"] == 2 else []
        return score(choices, rng) | {"motifs": tuple(motifs)}

    ranked = rank_motifs(draw_search(400, with_motifs))
    # What all have decides nothing, and two words of the same trials are one.
    assert [one.motif for one in ranked] == ["feedback 3->2", "out norm"]
    first, second = ranked
    assert first.share_best > 0.9
    assert first.share_all == pytest.approx(1 / 3, abs=0.1)
    assert first.low > second.high
    assert first.importance + second.importance == pytest.approx(1.0)


def test_marks_are_of_what_differs() -> None:
    marks = mark_motifs([("a", "b", "bb"), ("a",), ("b", "bb", "a")])
    assert {word: row.tolist() for word, row in marks.items()} == {"b": [True, False, True]}


def test_of_few_trials_nothing_is_said() -> None:
    few = draw_search(10, score)
    assert (rank_choices(few), rank_motifs(few), rank_pairs(few)) == ((), (), ())
    waiting = draw_search(30, lambda *_: {"top1": None, "epochs": 0, "status": "waiting"})
    assert rank_choices(waiting) == ()


def test_intervals_narrow_with_trials_and_a_seed_gives_one_answer() -> None:
    few, many = (draw_search(trials, score) for trials in (150, 3200))
    assert rank_choices(few, seed=3) == rank_choices(few, seed=3)
    widths = []
    for searched in (few, many):
        kernel = next(one for one in rank_choices(searched) if one.choice == "kernel")
        widths.append(kernel.high - kernel.low)
    assert widths[1] < widths[0]
    assert np.isfinite(widths).all()
