"""A network at a smaller image and for fewer steps is the same network, looked at less."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from models.build import build
from space.errors import GenomeError
from space.genome import Genome
from space.network.cell_sizes import CellShape, TermShape
from space.network.sizes import layout
from space.reduction import reduce_genome
from space.space import Space
from space.unroll.cost import cost
from tests.support.networks import images_for, ten_stages


@pytest.mark.parametrize("seed", range(6))
def test_fewer_steps_are_the_first_steps(seed: int) -> None:
    """What is read after S steps is what the whole network has after S steps."""
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    genome = space.sample(random.Random(seed)).genome
    fewer = reduce_genome(genome, steps=genome.clock.steps - 2)
    double = torch.float64
    whole = build(genome, seed=seed, dtype=double).eval()
    part = build(fewer, seed=seed + 1, dtype=double).eval()
    part.load_state_dict(whole.state_dict())
    images = images_for(genome)
    with torch.no_grad():
        expected = whole.step_logits(images)[:, : fewer.clock.steps]
        torch.testing.assert_close(part.step_logits(images), expected)
        torch.testing.assert_close(part(images), expected[:, -1])


@pytest.mark.parametrize("seed", range(3))
def test_a_smaller_image_takes_the_same_weights(seed: int) -> None:
    space = Space.load("motifs-small").with_images(size=32, channels=1, classes=10)
    genome = space.sample(random.Random(seed)).genome
    small = reduce_genome(genome, size=16)
    assert small.image.size == 16
    assert cost(small).parameters == cost(genome).parameters
    assert cost(small).macs < cost(genome).macs
    build(small).load_state_dict(build(genome).state_dict())
    assert reduce_genome(genome) == genome


def test_an_image_that_was_to_go_off_later_stays_on() -> None:
    genome = ten_stages(clock={"steps": 17, "image_off": 12})
    assert reduce_genome(genome, steps=12).clock.image_off is None
    assert reduce_genome(genome, steps=14).clock.image_off == 12


@pytest.mark.parametrize(
    ("genome", "wanted", "told"),
    [
        (ten_stages(), {"size": 9999}, "size: 9999 is more than the network's"),
        (ten_stages(), {"steps": 999}, "steps: 999 is more than the network's"),
        (ten_stages(), {"steps": 5}, "clock.steps: 5 steps end before the image reaches"),
        (
            ten_stages(decoder={"form": "w_avg_t"}),
            {"steps": 12},
            "has other weights at .* and 12 steps; reduce the network",
        ),
    ],
)
def test_what_would_be_another_network_is_refused(
    genome: Genome, wanted: dict[str, Any], told: str
) -> None:
    with pytest.raises(GenomeError, match=told):
        reduce_genome(genome, **wanted)


def test_kernels_that_are_cut_to_the_map_keep_their_size() -> None:
    """A published median's 7x7 kernels are 2x2 at the last stages: they stay so on one pixel."""
    genome = ten_stages()
    small = reduce_genome(genome, size=8)
    last = layout(genome).stages[-1].cell, layout(small).stages[-1].cell
    assert [cell.output.size for cell in last if cell] == [2, 1]
    assert {shape.kernel for shape in _terms(last[0])} == {
        shape.kernel for shape in _terms(last[1])
    }
    build(small).load_state_dict(build(genome).state_dict())


def test_written_out_kernels_make_the_same_network() -> None:
    """At its own size nothing changes but the spelling."""
    genome = ten_stages()
    same = reduce_genome(genome, size=genome.image.size)
    whole, other = (build(g, dtype=torch.float64).eval() for g in (genome, same))
    other.load_state_dict(whole.state_dict())
    images = images_for(genome)
    with torch.no_grad():
        torch.testing.assert_close(other.step_logits(images), whole.step_logits(images))
    assert same.digest == genome.digest


def _terms(cell: CellShape | None) -> list[TermShape]:
    assert cell is not None
    return [shape for shapes in (*cell.drives.values(), *cell.gates.values()) for shape in shapes]
