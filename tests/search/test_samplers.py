"""The built-in samplers: the contract of all, and what each of them does beyond it."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from benchmarks import suggestions
from benchmarks.search_quality.tasks import TASKS
from search import samplers
from search.samplers import Choices, Outcome, replay
from search.samplers.graph_features import size
from search.samplers.protocol import derive_seed, draw_point
from search.store import CONTROL, ENQUEUED, RETRY
from space.errors import CampaignError
from space.space import Space
from space.unroll.cost import cost
from ventral.testing import SamplerSuite
from ventral.testing.samplers import Make, point_score
from ventral.testing.spaces import make_space

STARTUP = 8


@pytest.fixture(scope="module")
def space() -> Space:
    return make_space()


class TestBuiltIn(SamplerSuite):
    """Every built-in sampler keeps the contract, and is clearly better than drawn points."""

    avoided = 0.13

    @pytest.fixture(params=samplers.NAMES)
    def name(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def make(self, name: str, space: Space) -> Make:
        own = {"random": {}, "nsga2": {"population": STARTUP}}
        options = own.get(name, {"startup": STARTUP})
        return lambda seed=0: samplers.make(name, space, seed, options)

    @pytest.fixture
    def learner(self, name: str) -> bool:
        return name != "random"

    def test_an_unknown_option_is_refused(self, name: str, space: Space) -> None:
        with pytest.raises(CampaignError, match="startupp"):
            samplers.make(name, space, 0, {"startupp": 3})


def test_only_nsga2_weighs_several_objectives() -> None:
    assert [name for name in samplers.NAMES if samplers.weighs_several(name)] == ["nsga2"]


def test_no_sampler_is_called_what_other_origins_are() -> None:
    """A trial's origin on record is its sampler's name, or one of these."""
    assert samplers.REGISTRY.reserved == (CONTROL, RETRY, ENQUEUED)


@pytest.mark.parametrize("cost", [False, True])
def test_nsga2_breeds_from_the_front(space: Space, cost: bool) -> None:
    """With the steps for a cost few steps are sought as well, and the best score is not lost."""
    part = []
    for seed in range(3):
        sampler = samplers.make("nsga2", space, seed, {"population": 12})
        for number in range(120):
            choices = sampler.ask()
            steps = float(choices["steps"])  # type: ignore[arg-type]
            costs = (steps,) if cost else ()
            sampler.tell(choices, Outcome(score=point_score(choices), fidelity=1.0, costs=costs))
            if number >= 60:
                part.append((steps, choices.get("c") == "sigmoid"))
    cheap = sum(steps <= 3 for steps, _ in part) / len(part)
    assert cheap > 0.4 if cost else cheap < 0.2
    assert sum(gate for _, gate in part) / len(part) > 0.3


def test_the_guided_sampler_reads_early_scores_by_the_curves() -> None:
    """What stood at half when full trainings stood lower is worth more than they are."""
    from search.samplers.guided import full_scores

    full = [
        Outcome(score=score, fidelity=1.0, curve=((0.5, score / 2), (1.0, score)))
        for score in (0.5, 0.6, 0.7, 0.8)
    ]
    early = [Outcome(score=s, fidelity=0.5, curve=((0.5, s),)) for s in (0.25, 0.35, 0.45)]
    scores, extra = full_scores([*full, *early, Outcome(reason="diverged")])
    assert scores[:4].tolist() == [0.5, 0.6, 0.7, 0.8]
    assert 0.45 < scores[4] < 0.6 < scores[5] < 0.75 < scores[6]
    assert (extra[:4] == 0).all()
    assert (extra[4:7] > 0).all()
    assert scores[7] < scores[:7].min()


def stopped_and_whole() -> tuple[list[Outcome], list[Outcome]]:
    """Full trainings that end the lower the better they begin, and some stopped at chance."""
    whole = [
        Outcome(score=1 - x, fidelity=1.0, curve=((0.1, x), (1.0, 1 - x)))
        for x in (0.28, 0.29, 0.32, 0.35, 0.36)
    ]
    return whole, [Outcome(score=x, fidelity=0.1, curve=((0.1, x),)) for x in (0.1, 0.1, 0.15)]


def test_the_guided_sampler_expects_less_of_what_stayed_at_chance() -> None:
    """Stopped below all that went on: the first version expected them to end as the best."""
    from search.samplers.guided import full_scores, line_scores

    whole, stopped = stopped_and_whole()
    scores, extra = full_scores([*whole, *stopped])
    assert scores[:5].tolist() == [outcome.score for outcome in whole]
    assert scores[5] == scores[6] < scores[7] < min(scores[:5])
    assert extra[5] > extra[7] > 0
    first, _ = line_scores([*whole, *stopped])
    assert first[5] > np.mean(first[:5])


def test_the_guided_sampler_leaves_where_nothing_is_learned(space: Space) -> None:
    """With learning rates above 0.03, drawn one time in four, trainings are stopped at chance.

    Of the others a few ran to the end; those that began better ended no better. The first version
    sought the rates at which nothing is learned.
    """

    def outcome(choices: Choices, rng: random.Random) -> Outcome:
        if float(choices[rate]) > 0.03:  # type: ignore[arg-type]
            return Outcome(score=0.1, fidelity=0.1, curve=((0.1, 0.1),))
        early = rng.uniform(0.2, 0.36)
        if early < 0.28:
            return Outcome(score=early, fidelity=0.1, curve=((0.1, early),))
        final = 1 - early
        return Outcome(score=final, fidelity=1.0, curve=((0.1, early), (1.0, final)))

    rate = next(p.path for p in space.parameters if p.path.endswith("learning_rate"))
    part = {}
    for version in (1, 2):
        rng = random.Random(0)
        sampler = samplers.make("guided", space, 0, {"candidates": 24}, version)
        for _ in range(40):
            drawn = draw_point(space.parameters, rng)
            sampler.tell(drawn, outcome(drawn, rng))
        asked = []
        for _ in range(20):
            choices = sampler.ask()
            asked.append(float(choices[rate]))  # type: ignore[arg-type]
            sampler.tell(choices, outcome(choices, rng))
        part[version] = sum(one > 0.03 for one in asked) / len(asked)
    assert part[1] > 0.5
    assert part[2] < 0.25


def test_a_sampler_is_of_its_latest_version_unless_it_is_said(space: Space) -> None:
    assert samplers.latest_version("guided") == 2
    assert samplers.latest_version("random") == 1
    samplers.make("random", space, 0, {}, 1)
    for name, version in (("random", 2), ("guided", 3)):
        with pytest.raises(CampaignError, match=rf"sampler.version: {version} is more than"):
            samplers.make(name, space, 0, {}, version)


@pytest.mark.parametrize(
    ("opened", "least"), [(Space.load("motifs-2018"), 0.75), (TASKS["8px"].space(), 0.98)]
)
def test_the_size_of_a_cell_is_that_of_its_network(opened: Space, least: float) -> None:
    """Networks have the order that they have by their parameters, nearly."""
    rng = random.Random(0)
    points = [draw_point(opened.parameters, rng) for _ in range(60)]
    sizes = [size(opened.opened.close(choices)["genome"]) for choices in points]
    counts = [cost(opened.close(choices).genome).parameters for choices in points]
    assert spearmanr(sizes, counts).statistic > least


def test_a_size_is_counted_in_squares_of_sixteen_channels() -> None:
    """Every term once, whatever is written out, by reference, or without weights."""
    gate = {"terms": {"of": ["input", "out"], "op": "separable", "kernel": 5}}
    cell = {
        "output": "out",
        "gates": {"reset": gate},
        "states": {
            "hidden": {"carry": {"gate": "reset"}},
            "out": {
                "carry": {"gate": {"complement": "reset"}},
                "drive": {
                    "edges": [
                        {"add": {"of": "input"}},
                        {"add": {"of": "residual", "op": "match"}},
                        {"add": {"of": "hidden * reset", "kernel": 3}},
                        {"multiply": {"terms": [{"of": "feedback", "kernel": 1}]}},
                    ]
                },
            },
        },
    }
    stages: list[dict[str, Any]] = [{}, {"cell": "motif"}, {"cell": "motif"}]
    weights = 2 * (25 / 16 + 1) + 0 + 1 + 9 + 1
    found = size({"stages": stages, "cells": {"motif": cell}})
    assert math.exp(found) == pytest.approx(9 + 2 * (9 + weights))
    assert math.exp(size({"stages": stages[:1]})) == pytest.approx(9)


@pytest.mark.parametrize("larger", [True, False])
def test_the_guided_sampler_learns_whether_size_is_good(larger: bool) -> None:
    """It is told of one kernel; what it asks for follows from all that make cells large."""
    opened = TASKS["8px"].space()
    rng = random.Random(1)
    sampler = samplers.make("guided", opened, 0, {"startup": 1, "excursions": 0})
    sampler.ask()

    def measured(choices: samplers.Choices) -> float:
        return size(opened.opened.close(choices)["genome"])

    drawn_sizes = []
    for _ in range(12):
        choices = draw_point(opened.parameters, rng)
        drawn_sizes.append(measured(choices))
        score = 0.5 + (0.2 if larger else -0.2) * (drawn_sizes[-1] - 3.0)
        sampler.tell(choices, Outcome(score=score, fidelity=1.0))
    asked = [measured(sampler.ask()) for _ in range(3)]
    assert min(asked) > max(drawn_sizes) if larger else max(asked) < min(drawn_sizes) + 0.1


def test_an_outcome_is_a_score_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either"):
        Outcome()
    with pytest.raises(ValueError, match="either"):
        Outcome(score=0.5, fidelity=1.0, reason="failed")
    with pytest.raises(ValueError, match="fidelity"):
        Outcome(score=0.5, fidelity=1.5)
    assert not Outcome(score=0.5, fidelity=0.5).final


def test_draws_are_the_space_s_own(space: Space) -> None:
    for seed in range(20):
        mine = draw_point(space.parameters, random.Random(seed))
        assert mine == space.sample(random.Random(seed)).choices


def test_optuna_models_every_parameter_in_every_point(space: Space) -> None:
    """No parameter falls out of the joint model, whatever branch was taken."""
    from search.samplers.via_optuna import Encoding

    encoding = Encoding(space)
    assert "only" not in encoding.distributions, "it can take one value alone"
    for seed in range(40):
        choices = draw_point(space.parameters, random.Random(seed))
        slots = encoding.slots(choices)
        assert slots.keys() == encoding.distributions.keys()
        assert encoding.open(slots) == choices
        assert encoding.slots(encoding.open(slots)) == slots, "one point, one encoding"


Calls = list[tuple[samplers.Choices, Outcome | None]]


@pytest.mark.parametrize("points", [12, 60, 300])
def test_optuna_answers_as_a_study_of_its_own(space: Space, points: int) -> None:
    """Without Optuna's study, which encodes all its trials anew for every question."""
    calls, seed = suggestions.history(space, points, points), 3
    ours = samplers.make("optuna", space, seed, {"startup": STARTUP})
    replay(ours, calls)
    theirs = suggestions.OptunaItself(space, calls)
    assert ours.ask() == theirs.ask(derive_seed(seed, "optuna", points))


@pytest.mark.parametrize("points", [12, 60, 300])
def test_hyperopt_answers_as_its_own_suggest(space: Space, points: int) -> None:
    """Without HyperOpt's trials, which it collects and sorts anew for every question."""
    calls, seed = suggestions.history(space, points, points), 3
    ours = samplers.make("hyperopt", space, seed, {"startup": STARTUP})
    replay(ours, calls)
    theirs = suggestions.HyperoptItself(space, calls)
    assert ours.ask() == theirs.ask(derive_seed(seed, "hyperopt", points))


def test_the_benchmark_of_suggestions_asks_both_sides() -> None:
    rows = suggestions.measured(make_space(), points=30, questions=2)
    assert {row.sampler for row in rows} == set(samplers.NAMES)
    assert {row.sampler for row in rows if row.library is not None} == {"hyperopt", "optuna"}
    assert all(len(row.seconds) == 2 and min(row.seconds) > 0 for row in rows)


def test_hyperopt_ranks_by_fidelity_then_score() -> None:
    from search.samplers.via_hyperopt import loss

    best_first = [(0.9, 1.0), (0.1, 1.0), (0.9, 0.5), (0.1, 0.5), (0.99, 0.499), (0.0, 0.0)]
    losses = [loss(score, fidelity) for score, fidelity in best_first]
    assert losses == sorted(losses)
    assert len(set(losses)) == len(losses)


def test_the_guided_sampler_keeps_numpy_to_one_thread(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads would fight for the cores with the trainings; after it they are free again."""
    from threadpoolctl import threadpool_info

    from search.samplers import regression

    def threads() -> set[int]:
        pools = [pool for pool in threadpool_info() if "numpy" in pool["filepath"]]
        return {pool["num_threads"] for pool in pools}

    seen: list[set[int]] = []
    fit = regression.fit

    def watched(*arguments: Any) -> Any:
        seen.append(threads())
        return fit(*arguments)

    monkeypatch.setattr(regression, "fit", watched)
    before = threads()
    sampler = samplers.make("guided", space, 0, {"startup": 3})
    for _ in range(5):
        choices = sampler.ask()
        sampler.tell(choices, Outcome(score=point_score(choices), fidelity=1.0))
    assert seen
    assert all(found == {1} for found in seen)
    assert threads() == before
