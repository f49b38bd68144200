"""What a genome costs, by arithmetic: trainable parameters and multiply-adds an image.

The multiply-adds are those of the convolutions and linear maps of the literal unroll (every stage
at every step); elementwise work is not counted, as is usual. Parameters are exact. Both are sums:
over the table of tensors and over the operations of a step.
"""

from dataclasses import dataclass
from itertools import pairwise

from space.genome import Genome
from space.step.parameters import parameters
from space.step.stages import write_step


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Trainable parameters, and multiply-adds an image of the whole unroll."""

    parameters: int
    macs: int


def cost(genome: Genome) -> Cost:
    """Parameters and multiply-adds an image of `genome`. Raises GenomeError if it is invalid."""
    step = sum(op.macs for op in write_step(genome).ops)
    return Cost(
        parameters=parameters(genome).numbers,
        macs=genome.clock.steps * step + decoder_macs(genome),
    )


def decoder_macs(genome: Genome) -> int:
    """Multiply-adds an image of the decoder, which works once, on the logits of all its steps."""
    decoder, steps, classes = genome.decoder, len(genome.window), genome.classes
    match decoder.form:
        case "mlp":
            return sum(a * b for a, b in pairwise((steps * classes, *decoder.layers, classes)))
        case "conv1d":
            pooled = decoder.filters * len(decoder.windows)
            placed = sum(window * (steps - window + 1) for window in decoder.windows)
            return classes * decoder.filters * placed + pooled * classes
        case _:
            return 0
