"""The compute-matched control: what is counted is the plan's work, not the literal unroll's."""

import pytest

from space.controls.macs import match_macs, planned_macs
from space.unroll.cost import cost
from space.zoo import cells as published
from tests.support.drawing import small_genome


def test_the_target_is_what_the_plan_leaves() -> None:
    network = small_genome(published.conv_gru())
    control = match_macs(network)
    assert planned_macs(network) < cost(network).macs
    assert planned_macs(control) == pytest.approx(planned_macs(network), rel=0.02)


def test_more_steps_are_more_arithmetic() -> None:
    few, many = (
        match_macs(small_genome(published.conv_gru(), clock={"steps": steps})) for steps in (5, 9)
    )
    assert cost(few).parameters < cost(many).parameters
    assert len(few.stages) == len(many.stages)
