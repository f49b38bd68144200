"""Equal digests mean equal outputs, and other outputs mean another digest.

Weights of one network are put in their places in another one of the same digest, as
`space.identity.live_parts` says; then the logits of every step, what the decoder makes of them
and the outputs of all live stages must agree.
"""

import random
from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.build import Network, build
from space.errors import GenomeError
from space.genome import Genome
from space.space import Space
from tests.support.drawing import PUBLISHED_CELLS, any_genomes, genomes, small_genome
from tests.support.live_parts import LivePart, live_parts, live_stages
from tests.support.spelling import ALTERNATIVES, changed, fields, respelled

TENSORS = (
    "kernel",
    "bias",
    "depthwise",
    "depthwise_first",
    "pointwise",
    "position",
    "scalar",
    "gain",
    "shift",
    "running_mean",
    "running_variance",
)
State = dict[str, Tensor]


def randomised(genome: Genome, seed: int) -> Network:
    """A network whose weights are all drawn, in evaluation (batch norms are fixed maps then)."""
    network = build(genome, dtype=torch.float64, unroll="literal")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            drawn = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            fan = max(1, tensor[0].numel()) if tensor.dim() > 1 else 4
            tensor.copy_(drawn.abs() + 0.5 if "variance" in name else drawn / fan**0.5)
    return network.eval()


def outputs(network: Network, seed: int = 0) -> list[Tensor]:
    """The logits of all steps, the decoded ones, and every live stage's output at every step."""
    genome = network.genome
    shape = (2, genome.image.channels, genome.image.size, genome.image.size)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    with torch.no_grad():
        logits = network.step_logits(images)
        stages = network.trace(images)
        traces = [torch.stack(list(stages[name].values())) for name in live_stages(genome)]
        return [logits, network.decode(logits), *traces]


def mapped(state: State, source: Genome, target: Network) -> State:
    """The weights of `source` in their places in `target`, which has its digest."""
    result = dict(target.state_dict())
    pairs = list(zip(live_parts(source), live_parts(target.genome), strict=True))
    for ours, theirs in pairs:
        for name in TENSORS:
            if (value := state.get(f"{ours.path}.{name}")) is not None:
                result[f"{theirs.path}.{name}"] = permuted(value, name, ours, theirs)
    for name in result:
        if name.startswith("decoder") and name in state:  # of one step, it has nothing to do
            result[name] = state[name]
    kernel = state["head.kernel"]
    if kernel.dim() == 4:  # a convolution over the whole map, or of one position
        kernel = kernel.permute(0, 2, 3, 1).flatten(1)
    result["head.kernel"] = kernel.reshape(result["head.kernel"].shape)
    result["head.bias"] = state["head.bias"]
    return result


def permuted(value: Tensor, name: str, ours: LivePart, theirs: LivePart) -> Tensor:
    """A tensor with its input channels in the other spelling's order."""
    if len(ours.reads) < 2 or name not in ("kernel", "depthwise", "depthwise_first", "pointwise"):
        return value
    axis = 0 if name.startswith("depthwise") else 1
    blocks = list(zip(ours.reads, value.split([c for _, c in ours.reads], axis), strict=True))
    found = []
    for read in theirs.reads:
        place = next(i for i, (other, _) in enumerate(blocks) if other == read)
        found.append(blocks.pop(place)[1])
    return torch.cat(found, axis)


def assert_equal_networks(a: Genome, b: Genome, seed: int = 0) -> None:
    """Networks of equal digests put out the same, with the weights of one in the other."""
    ours, theirs = randomised(a, seed), randomised(b, seed + 1)
    theirs.load_state_dict(mapped(dict(ours.state_dict()), a, theirs))
    for x, y in zip(outputs(ours), outputs(theirs), strict=True):
        if torch.isfinite(x).all():
            scale = max(1.0, float(x.abs().max()))
            assert torch.allclose(x, y, rtol=0, atol=1e-9 * scale)


FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MANY = settings(FEW, max_examples=1000)
drawn_genomes = any_genomes() | genomes()
randoms = st.integers(0, 2**32).map(random.Random)


def spelling_is_no_difference(genome: Genome, rng: random.Random) -> None:
    document = respelled(genome, rng)
    other = Genome.parse(document)
    assert other.digest == genome.digest, document
    assert_equal_networks(genome, other)
    assert_equal_networks(other, genome)


@FEW
@given(drawn_genomes, randoms)
def test_another_spelling_is_the_same_network(genome: Genome, rng: random.Random) -> None:
    spelling_is_no_difference(genome, rng)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@MANY
@given(drawn_genomes, randoms)
def test_another_spelling_is_the_same_network_often(genome: Genome, rng: random.Random) -> None:
    spelling_is_no_difference(genome, rng)


def test_weights_of_parts_that_are_not_live_move_no_output() -> None:
    drawn_again = 0

    @settings(FEW, max_examples=30)
    @given(drawn_genomes, st.integers(0, 1000))
    def check(genome: Genome, seed: int) -> None:
        nonlocal drawn_again
        network, other = randomised(genome, seed), randomised(genome, seed + 1)
        live = tuple(f"{part.path}." for part in live_parts(genome))
        state, drawn = dict(network.state_dict()), other.state_dict()
        inert = [name for name in state if name.startswith("stages.") and not _belongs(name, live)]
        drawn_again += len(inert)
        other.load_state_dict(state | {name: drawn[name] for name in inert})
        for x, y in zip(outputs(network), outputs(other), strict=True):
            if torch.isfinite(x).all():
                assert torch.allclose(x, y, rtol=0, atol=1e-9 * max(1.0, float(x.abs().max())))

    check()
    assert drawn_again > 50


def _belongs(name: str, live: tuple[str, ...]) -> bool:
    """Whether a tensor is one of the live parts' own: those of a norm are a part of theirs."""
    return f"{name.rpartition('.')[0]}." in live


def test_feedback_may_be_concatenated_in_another_order() -> None:
    """Senders are joined in the order of their names; kernels are permuted with them."""

    def genome(first: str, second: str) -> Genome:
        cell = {
            "states": {
                "out": {"drive": {"edges": [{"add": {"of": ["input", "feedback"], "kernel": 3}}]}}
            },
            "output": "out",
        }
        return Genome.parse(
            {
                "image": {"size": 6, "channels": 1},
                "classes": 2,
                "clock": {"steps": 6},
                "stages": [
                    {
                        "name": "r",
                        "convolution": {"width": 5, "reads_feedback": True},
                        "cell": "c",
                    },
                    {"name": first, "convolution": {"width": 4}},
                    {"name": second, "convolution": {"width": 3}},
                ],
                "cells": {"c": cell},
                "feedback": {f"{first}->r": True, f"{second}->r": True},
            }
        )

    one, other = genome("a", "b"), genome("b", "a")
    assert one.senders("r") == other.senders("r")
    assert one.digest == other.digest
    assert_equal_networks(one, other)


# What was changed, and whether an output changed, of all changes that kept the digest.
Tally = Counter[tuple[str, bool]]


def change(genome: Genome, rng: random.Random, tally: Tally) -> None:
    """One field changed: if the digest stays, so must the outputs."""
    found = changed(genome, rng)
    if found is None:
        return
    field, document = found
    try:
        other = Genome.parse(document)
    except GenomeError:
        return
    same = other.digest == genome.digest
    tally[field, same] += 1
    if same:
        assert_equal_networks(genome, other)


def run_changes(examples: int) -> Tally:
    tally: Tally = Counter()

    @settings(FEW, max_examples=examples)
    @given(drawn_genomes, randoms)
    def draw(genome: Genome, rng: random.Random) -> None:
        for _ in range(8):
            change(genome, rng, tally)

    draw()
    return tally


def test_a_change_that_keeps_the_digest_keeps_every_output() -> None:
    tally = run_changes(40)
    assert sum(tally.values()) > 100
    assert sum(count for (_, same), count in tally.items() if same) > 30


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_field_of_the_grammar_was_changed_to_effect() -> None:
    tally = run_changes(1000)
    told = {field for field, same in tally if not same}
    # Those that hold others are changed inside; windows are drawn too rarely (see below).
    free = {
        "cells", "clock", "convolution", "drive", "gates", "head", "image", "name", "states",
        "weights", "windows",
    }  # fmt: skip
    assert fields() - free <= told


def test_other_windows_are_another_network() -> None:
    document = small_genome(PUBLISHED_CELLS["time_decay"]).document()

    def digest(windows: list[int]) -> str:
        decoder = {"form": "conv1d", "windows": windows, "start": 1}
        return Genome.parse(document | {"decoder": decoder}).digest

    assert len({digest(windows) for windows in ([1], [2], [1, 2])}) == 3


def test_every_field_can_be_changed() -> None:
    containers = {
        "cells", "clock", "convolution", "drive", "edges", "feedback", "gates", "head", "image",
        "stages", "states", "terms", "weights",
    }  # fmt: skip
    assert fields() - containers == ALTERNATIVES.keys()


def samples(number: int, seed: int) -> list[Genome]:
    space = Space.load("motifs-small").with_images(size=8, channels=1, classes=3)
    rng = random.Random(seed)
    return [space.sample(rng).genome for _ in range(number)]


def test_samples_of_a_space_collide_only_if_they_are_one_network() -> None:
    """2000 samples, and beside every tenth a change of one of its choices."""
    by_digest: dict[str, list[Genome]] = {}
    drawn = samples(2000, 7)
    for genome in drawn:
        by_digest.setdefault(genome.digest, []).append(genome)
    groups = [group for group in by_digest.values() if len(group) > 1]
    for group in groups[:25]:
        assert_equal_networks(group[0], group[-1])
    assert len(by_digest) > 1500


@pytest.mark.parametrize("name", PUBLISHED_CELLS)
def test_one_changed_number_is_another_network(name: str) -> None:
    genome = small_genome(PUBLISHED_CELLS[name])
    other = genome.document()
    other["clock"]["blank"] = 0.5 + 1e-9
    assert Genome.parse(other).digest != genome.digest
