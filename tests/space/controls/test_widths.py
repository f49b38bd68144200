"""Widths that reach a number: within 2 %, in whole groups, or one error with the nearest."""

import pytest

from space.controls.parameters import count_parameters
from space.controls.trunk import take_recurrence_away
from space.controls.widths import TOLERANCE, match_widths
from space.errors import GenomeError
from space.genome import Genome
from space.zoo import cells as published
from tests.support.drawing import small_document, small_genome


@pytest.mark.parametrize("times", [0.3, 1.0, 1.07, 40.0])
def test_any_number_of_parameters_is_reached_from_a_thousand_on(times: float) -> None:
    trunk = take_recurrence_away(small_genome(published.conv_gru()))
    target = count_parameters(trunk) * times
    reached = count_parameters(match_widths(trunk, count_parameters, target, "parameters"))
    assert reached == pytest.approx(target, rel=TOLERANCE)


def test_groups_divide_the_widths() -> None:
    document = small_document(published.feedforward())
    document["stages"][2]["convolution"] |= {"norm": {"kind": "group", "groups": 3}}
    trunk = take_recurrence_away(Genome.parse(document))
    matched = match_widths(trunk, count_parameters, 20_000, "parameters")
    assert matched.stages[2].convolution.width % 3 == 0
    assert count_parameters(matched) == pytest.approx(20_000, rel=TOLERANCE)


def test_a_number_that_no_width_reaches_is_one_error_with_the_nearest() -> None:
    trunk = take_recurrence_away(small_genome(published.feedforward()))
    with pytest.raises(GenomeError) as caught:
        match_widths(trunk, count_parameters, 12, "parameters")
    # All stages of one channel.
    assert "reach 12: the nearest have 49 (+308.3%; 2% are allowed)" in str(caught.value)


def test_a_second_convolution_keeps_its_ratio() -> None:
    document = small_document(published.feedforward())
    document["stages"][2]["second"] = {"width": 12}
    trunk = take_recurrence_away(Genome.parse(document))
    matched = match_widths(trunk, count_parameters, 50_000, "parameters")
    second = matched.stages[2].second
    assert second is not None
    assert second.width == 2 * matched.stages[2].convolution.width
