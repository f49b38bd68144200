"""The compute-matched control: would any network of so much arithmetic do as well?"""

from space.controls.trunk import take_recurrence_away
from space.controls.widths import match_widths
from space.genome import Genome
from space.step.stages import write_step
from space.unroll.plan import plan

BATCH = 64
"""Images of a batch over which what is alike for all of them is shared."""


def match_macs(genome: Genome) -> Genome:
    """The feedforward network of `genome`, as wide as gives it the multiply-adds of its planned
    unroll, within 2 %.

    What the plan leaves out (stages before the image has reached them, values that repeat) is no
    work of the network's. Raises GenomeError if no width reaches it.
    """
    return match_widths(
        take_recurrence_away(genome), _count_once, planned_macs(genome), "multiply-adds"
    )


def planned_macs(genome: Genome) -> float:
    """Multiply-adds an image of the planned unroll, in batches of BATCH."""
    return plan(genome).planned_macs(BATCH)


def _count_once(trunk: Genome) -> int:
    """The same of a feedforward network that is read once: each stage works once."""
    return sum(op.macs for op in write_step(trunk).ops)
