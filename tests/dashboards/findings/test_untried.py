"""Options and their combinations are counted, and one that was never tried is named."""

from dataclasses import replace

import pytest

from dashboards.findings.untried import count_combinations
from tests.support.findings import ask, small_search
from tests.support.simulated import World, search


def test_options_and_their_combinations_are_counted() -> None:
    searched = small_search()
    counted = count_combinations(searched.space.parameters, searched.trials)
    listed = {one.name: one for one in counted}
    edge = listed["input->hidden: op separable, kernel 5"]
    assert edge.chance == pytest.approx(0.5 / 6)
    within = searched.trials["choice.input->hidden.op"] == "separable"
    within &= searched.trials["choice.input->hidden.kernel"] == 5
    assert edge.tried == within.sum()
    assert listed["hidden = present"].chance == 0.5
    assert listed["out->hidden by = add"].chance == 0.125
    assert sum(listed[f"hidden = {option}"].tried for option in ("present", "absent")) == 80


def test_an_option_that_was_never_made_is_named() -> None:
    world = World(sampler="random", missed={"out->hidden": False})
    finding = ask("untried-options", search(world, 0))
    assert finding.status == "warning"
    assert "out->hidden = true (never suggested)" in finding.text


def test_too_few_samples_are_told_from_a_gap() -> None:
    few = replace(small_search(), trials=small_search().trials[:8])
    finding = ask("untried-options", few)
    assert finding.status == "warning"
    assert "Too few samples" in finding.text
    assert ask("untried-options", search(World(sampler="random"), 0)).status == "pass"
