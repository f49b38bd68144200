"""A trained network and its lesions on the same images: which answers each part is needed for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.build import Network, build
from space.errors import GenomeError
from space.genome import Genome
from space.inheritance import Inherited, lesion
from space.lesions import Part
from space.reduction import reduce_genome
from workers.data.manifest import SplitName
from workers.data.pack import Pack
from workers.evaluation import judge_images


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A network with its state dict, and how it is scored: at a smaller image of `size` pixels and
    for fewer `steps`, where its training ended so; in which batches, by how many threads.
    """

    genome: Genome
    weights: Mapping[str, Tensor]
    size: int | None = None
    steps: int | None = None
    batch_size: int = 256
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Which answers of a network without a part are right: [N], in the pack's order.

    `right` is None, and `refusal` says why, where what is left cannot be scored without training.
    `inert`: it is the same network, and was not run.
    """

    part: Part
    right: NDArray[np.bool_] | None
    inert: bool = False
    refusal: str = ""


def answer_whole(trained: TrainedNetwork, pack: Pack, split: SplitName) -> NDArray[np.bool_]:
    """[N]: which answers of the whole network are right."""
    return _judge(trained, trained.genome, trained.weights, pack, split)


def answer_lesioned(
    trained: TrainedNetwork,
    whole: NDArray[np.bool_],
    parts: Sequence[Part],
    pack: Pack,
    split: SplitName,
) -> Iterator[Answers]:
    """The answers without each of the parts, with one pass over the images for each.

    `whole` are those of the whole network. Nothing is trained: what is left keeps its weights.
    """
    same = trained.genome.digest
    for part in parts:
        try:
            lesioned = lesion(trained.genome, part)
        except GenomeError as error:
            yield Answers(part=part, right=None, refusal=str(error))
            continue
        if lesioned.genome.digest == same:
            yield Answers(part=part, right=whole, inert=True)
            continue
        weights = take_weights(trained.weights, lesioned.weights)
        right = _judge(trained, lesioned.genome, weights, pack, split)
        yield Answers(part=part, right=right)


def take_weights(
    whole: Mapping[str, Tensor], inherited: Mapping[str, Inherited]
) -> dict[str, Tensor]:
    """The state dict of what is left of a network, out of the whole one's."""
    return {
        path: whole[one.path]
        if one.channels is None
        else whole[one.path].index_select(one.axis, torch.tensor(one.channels, dtype=torch.long))
        for path, one in inherited.items()
    }


def _judge(
    trained: TrainedNetwork,
    genome: Genome,
    weights: Mapping[str, Tensor],
    pack: Pack,
    split: SplitName,
) -> NDArray[np.bool_]:
    network = _build(reduce_genome(genome, size=trained.size, steps=trained.steps), weights)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return judge_images(
        network,
        pack,
        batch_size=trained.batch_size,
        device=device,
        split=split,
        threads=trained.threads,
        reduced=True,
    )


def _build(genome: Genome, weights: Mapping[str, Tensor]) -> Network:
    network = build(genome)
    network.load_state_dict(dict(weights))
    return network
