"""The named spaces are those of the full grammar that they were written in before."""

import random
from pathlib import Path
from typing import Any

import pytest

from space.space import Space

OLD = Path(__file__).parent
NAMES = ["motifs-small", "motifs-2018"]


def load_old(name: str) -> Space:
    """The space as it was written in full, which records of older campaigns hold."""
    return Space.load(OLD / f"{name}.full.yaml")


def compare_draws(name: str, draws: int) -> None:
    """One seed draws the same networks and recipes from both."""
    old, new = load_old(name), Space.load(name)
    ours, theirs = random.Random(7), random.Random(7)
    for _ in range(draws):
        a, b = old.sample(theirs), new.sample(ours)
        assert (a.digest, a.recipe) == (b.digest, b.recipe)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_networks_are_those_of_the_old_document(name: str) -> None:
    compare_draws(name, 30)


@pytest.mark.parametrize("name", NAMES)
def test_choices_made_in_the_order_of_parameters_are_a_sample(name: str) -> None:
    """As samplers make them: a choice of both cells stands where both have it."""
    space = Space.load(name)
    for seed in range(30):
        taken: dict[str, Any] = {}
        rng = random.Random(seed)
        for parameter in space.parameters:
            if parameter.is_open(taken):
                taken[parameter.path] = parameter.domain.draw(rng)
        assert taken == space.opened.sample(random.Random(seed))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_ten_thousand_networks_are_those_of_the_old_document(name: str) -> None:
    compare_draws(name, 10_000)


@pytest.mark.parametrize("name", NAMES)
def test_choices_are_the_old_ones_up_to_names(name: str) -> None:
    old, new = load_old(name), Space.load(name)
    assert new.count().distinct == old.count().distinct
    assert new.complete({}).digest == old.complete({}).digest
    assert new.control("feedforward").digest == old.control("feedforward").digest
    assert list(new.control("feedforward").choices) == ["learning_rate"]
    rng = random.Random(3)
    for _ in range(20):
        state = rng.getstate()
        a = old.sample(rng)
        rng.setstate(state)
        b = new.sample(rng)
        # `times` was called `multiply`, and the cells without and with a hidden state had names.
        words = {"multiply": "times", "without_hidden": "absent", "with_hidden": "present"}
        assert [words.get(str(v), v) for v in a.choices.values()] == list(b.choices.values())


@pytest.mark.parametrize(
    ("name", "before", "now"), [("motifs-small", 90, 56), ("motifs-2018", 167, 123)]
)
def test_a_choice_of_both_cells_is_one_choice(name: str, before: int, now: int) -> None:
    assert len(load_old(name).parameters) == before
    parameters = Space.load(name).parameters
    assert len(parameters) == now == len({one.path for one in parameters})
    kernels = [one.path for one in parameters if one.path.endswith(".kernel")]
    assert kernels.count("hidden->out.kernel") == 1
    assert all("->" in path for path in kernels)
    assert not any(one.others for one in parameters)  # every branch together is no condition


def test_an_old_record_keeps_its_names() -> None:
    old = load_old("motifs-small")
    again = Space.parse(old.document(), "campaign: space")
    assert again == old
    assert again.opened.parameter("two.hidden_to_out.add.kernel").default == 3
