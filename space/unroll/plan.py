"""The plan of an unroll: which operations of which steps have to be computed, and which do not.

The literal unroll computes every operation of every stage at every step. Most of it is known
already: `plan` gives the value of every operation at every step a name, made of what is computed
and of the names of its operands, and keeps one operation a name. It follows, exactly and without
a look at any weight:

- `shared`: values of one name are computed once. Frames of the image have one name and blank ones
  another, so that whatever has the same history is one value: a stage whose input does not change
  repeats itself, and all that runs before the image arrives is alike at equal states. A recurrent
  stage that has merely settled is not shared, since its history is another one at each step.
- `zeros`: zeros have names as well. Sums and products with them, and convolutions of them, are
  known (a convolution of zeros is its bias).
- `one image`: a value that depends on no frame of the image is the same for the whole batch, and
  is computed for a batch of 1.
- `dead`: what no read value depends on is left out. `reads` says what is read.
- `smaller map`: a 1x1 convolution of a map that is enlarged is computed before it is enlarged.
- `waiting`: under `start: masked` a stage waits for the image.

In training a batch norm moves its running statistics at every step of the literal unroll, also
where its value is shared or dead. Its operands are therefore kept in a plan for training, and
`Plan.effects` lists them step by step. Everything else that the grammar has is a function of its
operands.

`plan` knows no tensors. The order of execution is in `space/unroll/calls.py`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from space.genome import Genome
from space.network.architecture import HEAD
from space.network.maps import Map
from space.step.operations import Bias, Normalise, Op, Operations, What, Zeros
from space.unroll.cost import cost, decoder_macs
from space.unroll.divided import divide_step
from space.unroll.numbering import Numbering
from space.unroll.reads import Read, check_reads, decoder_reads

Unroll = Literal["planned", "literal"]  # by a plan, or all stages at every step
Rule = Literal["computed", "one image", "shared", "zeros", "dead", "waiting"]

SAVING_RULES = ("dead", "shared", "one image", "zeros", "smaller map", "waiting")


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One value that is computed, once.

    `operands` are the places of its operands in `Plan.operations`, all before its own. `image`
    says whether it depends on the image: else its batch is 1. `step` is the first at which it is
    needed, `place` the operation of a step (`space/unroll/divided.py`) that it is,
    `macs` its multiply-adds an image of its batch.
    """

    what: What
    operands: tuple[int, ...]
    map: Map
    image: bool
    step: int
    place: int
    stage: int
    part: str
    macs: int

    def batch(self, images: int) -> int:
        """How many images it is computed for, in a pass over `images`."""
        return images if self.image else 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """What became of one multiplying operation of the literal unroll at one step."""

    step: int
    place: int
    rule: Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """The values that a batch norm normalises, step by step (by place in the plan): each moves
    its running statistics once, in this order.
    """

    weights: str
    values: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What has to be computed for `reads`. `values` are the places of what is read."""

    genome: Genome = field(repr=False)
    step: Operations = field(repr=False)
    reads: frozenset[Read]
    training: bool
    operations: tuple[Operation, ...] = field(repr=False)
    values: dict[Read, int] = field(repr=False)
    effects: tuple[Effect, ...] = field(repr=False)
    occurrences: tuple[Occurrence, ...] = field(repr=False)

    @cached_property
    def literal_macs(self) -> int:
        """Multiply-adds an image of the literal unroll: all stages and the head at every step."""
        return cost(self.genome).macs

    def planned_macs(self, batch: int) -> float:
        """Multiply-adds an image of what is left, in batches of `batch` images."""
        shared = sum(op.macs for op in self.operations if not op.image)
        own = sum(op.macs for op in self.operations if op.image)
        return own + shared / batch + self._decoder

    def saved(self, batch: int) -> dict[str, float]:
        """Multiply-adds an image that each rule saved: the literal ones less the planned ones."""
        saved = dict.fromkeys(SAVING_RULES, 0.0)
        for occurrence in self.occurrences:
            op = self.step.ops[occurrence.place]
            if occurrence.rule in ("computed", "one image"):
                saved["smaller map"] += op.literal_macs - op.macs
                if occurrence.rule == "one image":
                    saved["one image"] += op.macs * (1 - 1 / batch)
            else:
                saved[occurrence.rule] += op.literal_macs
        if not self._decoder:
            saved["dead"] += decoder_macs(self.genome)
        return saved

    @cached_property
    def _decoder(self) -> int:
        """The decoder's multiply-adds, if all that it reads is read."""
        needed = {(HEAD, step) for step in self.genome.window}
        return decoder_macs(self.genome) if needed <= self.reads else 0


def plan(genome: Genome, reads: Collection[Read] | None = None, *, training: bool = False) -> Plan:
    """The plan of `genome` for what is read, by default what its decoder reads.

    `training`: batch norms take the statistics of their batch, and move their running ones.
    Raises InputError for a name or a step that does not exist.
    """
    wanted = decoder_reads(genome) if reads is None else frozenset(reads)
    operations = divide_step(genome)
    check_reads(genome, operations, wanted)
    numbering = Numbering(genome, operations, max((step for _, step in wanted), default=-1))
    return _select(numbering, wanted, training)


def _select(numbering: Numbering, reads: frozenset[Read], training: bool) -> Plan:
    """What is left when all is dropped that nothing needs."""
    table, named = numbering.table, numbering.step.named
    read = {(name, t): table[t][named[name]] for name, t in reads}
    effects = dict(_list_effects(numbering)) if training else {}
    needed = [*read.values(), *(name for names in effects.values() for name in names)]
    live = _mark_live(numbering, needed)
    places: dict[int, int] = {}
    operations: list[Operation] = []
    for name, kept in enumerate(live):
        if kept:
            places[name] = len(operations)
            operations.append(_operation(numbering, name, places))
    return Plan(
        genome=numbering.genome,
        step=numbering.step,
        reads=reads,
        training=training,
        operations=tuple(operations),
        values={key: places[name] for key, name in read.items()},
        effects=tuple(
            Effect(weights=weights, values=tuple(places[name] for name in names))
            for weights, names in effects.items()
        ),
        occurrences=tuple(_list_occurrences(numbering, live)),
    )


def _mark_live(numbering: Numbering, needed: Iterable[int]) -> list[bool]:
    """By name, whether one of the names `needed` depends on it, or is it."""
    live = [False] * len(numbering.whats)
    for name in needed:
        live[name] = True
    for name in range(len(live) - 1, -1, -1):
        if live[name]:
            for operand in numbering.operands[name]:
                live[operand] = True
    return live


def _operation(numbering: Numbering, name: int, places: dict[int, int]) -> Operation:
    step, place = numbering.made[name]
    written, what = numbering.step.ops[place], numbering.whats[name]
    return Operation(
        what=what,
        operands=tuple(places[operand] for operand in numbering.operands[name]),
        map=numbering.maps[name],
        image=numbering.image[name],
        step=step,
        place=place,
        stage=written.stage,
        part=written.part,
        macs=written.macs if what is written.what else 0,
    )


def _list_effects(numbering: Numbering) -> Iterator[tuple[str, list[int]]]:
    """The weights of every batch norm, and the names of what it normalises, step by step."""
    for op in numbering.step.ops:
        if isinstance(op.what, Normalise) and op.what.batch:
            steps = range(numbering.first[op.stage], numbering.end + 1)
            yield op.what.weights, [numbering.operand(op, t) for t in steps]


def _list_occurrences(numbering: Numbering, live: list[bool]) -> Iterator[Occurrence]:
    for place, op in enumerate(numbering.step.ops):
        if op.literal_macs:
            for t in range(numbering.genome.clock.steps):
                yield Occurrence(step=t, place=place, rule=_rule(numbering, place, op, t, live))


def _rule(numbering: Numbering, place: int, op: Op, t: int, live: list[bool]) -> Rule:
    if t < numbering.first[op.stage]:
        return "waiting"
    if t > numbering.end:
        return "dead"
    name = numbering.table[t][place]
    if isinstance(numbering.whats[name], Bias | Zeros):
        return "zeros"
    if not live[name]:
        return "dead"
    if numbering.made[name] != (t, place):
        return "shared"
    return "computed" if numbering.image[name] else "one image"
