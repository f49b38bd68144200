"""What is read of an unroll: the outputs of stages and of the head, at the steps asked for."""

from collections.abc import Collection

from space.errors import InputError
from space.genome import Genome
from space.network.architecture import HEAD
from space.step.operations import Operations

Read = tuple[str, int]  # a name as `Network.trace` has it (conv4, conv4.input, head), and a step


def decoder_reads(genome: Genome) -> frozenset[Read]:
    """What the network's logits are made of: the head's at the steps that the decoder reads."""
    return frozenset((HEAD, step) for step in genome.window)


def all_logits(genome: Genome) -> frozenset[Read]:
    """The head's logits at every step."""
    return frozenset((HEAD, step) for step in range(genome.clock.steps))


def everything(genome: Genome) -> frozenset[Read]:
    """The output of every stage and of the head at every step."""
    return frozenset((name, step) for name in genome.nodes for step in range(genome.clock.steps))


def parse_reads(genome: Genome, text: str) -> frozenset[Read]:
    """`decoder`, `last` (the last step's logits), `logits` (those of every step), `all` (also the
    output of every stage), or `STAGE@STEP,...`.

    Raises InputError for a name or a step that does not exist.
    """
    steps = genome.clock.steps
    if text == "last":
        return frozenset([(HEAD, steps - 1)])
    known = {"decoder": decoder_reads, "logits": all_logits, "all": everything}
    if text in known:
        return known[text](genome)
    reads = []
    for item in text.split(","):
        name, at, step = item.strip().partition("@")
        if not at or not step.isdigit():
            raise InputError(
                f"--read: {item.strip()}",
                "says nothing that can be read",
                "write last, decoder, logits, all, or STAGE@STEP,...",
            )
        reads.append((name, int(step)))
    return frozenset(reads)


def check_reads(genome: Genome, operations: Operations, reads: Collection[Read]) -> None:
    """Raise InputError for a name or a step that does not exist."""
    for name, step in reads:
        if name not in operations.named:
            raise InputError(
                f"reads: {name}",
                "there is nothing of that name to read",
                f"there are {', '.join(operations.named)}",
            )
        if not 0 <= step < genome.clock.steps:
            raise InputError(
                f"reads: {name}@{step}",
                f"the clock has {genome.clock.steps} steps",
                f"give 0 to {genome.clock.steps - 1}",
            )
