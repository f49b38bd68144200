"""Batch norms of values that stand for several images or steps: the statistics of them all."""

import copy

import torch
import torch.nn.functional as functional

from models.build import build
from models.operations import NormTensors
from models.parameters import Part
from models.statistics import BatchNorms, batch_norm
from space.genome import Genome
from space.step.operations import Normalise
from space.unroll.plan import Effect
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from tests.support.networks import images_for, randomised

WHAT = Normalise(
    weights="norm", kind="batch", groups=1, interleaved=False, epsilon=1e-5, momentum=0.1
)
X = torch.randn((1, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
READY = NormTensors(
    torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([0.0, 1.0, -1.0]).double()
)


def test_a_value_that_stands_for_all_images_is_normalised_as_all_of_them() -> None:
    out, taken = batch_norm(X, WHAT, READY, images=4)
    every = functional.batch_norm(X.expand(4, 3, 4, 4), None, None, READY.gain, READY.shift, True)
    assert torch.allclose(out.expand(4, 3, 4, 4), every)
    assert torch.allclose(taken.mean, X.mean((0, 2, 3)))
    assert (taken.numbers, tuple(taken.variance.shape)) == (16, (3,))


def test_one_number_for_all_images_has_no_variance() -> None:
    out, taken = batch_norm(X[:, :, :1, :1], WHAT, READY, images=4)
    assert torch.equal(out[0, :, 0, 0], READY.shift)
    assert torch.equal(taken.variance, torch.zeros(3).double())


def test_the_running_ones_move_as_over_all_images() -> None:
    genome = small_genome(PUBLISHED_CELLS["feedforward"], feedback=False)
    document = genome.document()
    document["stages"][0]["convolution"]["norm"] = "batch"
    part = build(Genome.parse(document), dtype=torch.float64).get_submodule(
        "stages.conv1.convolution.norm"
    )
    assert isinstance(part, Part)
    moved = part.train()
    x = torch.cat((X, X[:, :1]), 1)
    norms = BatchNorms(4, lambda _: moved)
    effect = Effect(weights="norm", values=(0,))
    norms.move([effect], {"norm": WHAT}, lambda _: x, lambda _: False)
    every = x.expand(4, 4, 4, 4)
    expected = 0.9 + 0.1 * every.var((0, 2, 3))
    assert torch.allclose(moved.statistic("running_mean"), 0.1 * every.mean((0, 2, 3)))
    assert torch.allclose(moved.statistic("running_variance"), expected)


def test_statistics_move_once_a_step_also_where_values_are_shared_or_dead() -> None:
    document = small_genome(PUBLISHED_CELLS["feedforward"], feedback=False).document()
    document["stages"][0]["convolution"]["norm"] = "batch"
    document["stages"][2]["convolution"]["norm"] = {"kind": "batch", "momentum": 0.3}
    genome = Genome.parse(document)
    planned = randomised(genome).train()
    literal = copy.deepcopy(planned)
    literal.unroll = "literal"
    images = images_for(genome, batch=4)
    with torch.no_grad():
        literal(images)
        planned(images)
    buffers = dict(literal.named_buffers())
    assert len(buffers) == 4
    for name, moved in planned.named_buffers():
        assert torch.allclose(moved, buffers[name], rtol=1e-12, atol=1e-12)
        assert not torch.equal(moved, torch.zeros_like(moved))
