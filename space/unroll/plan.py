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

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from space.errors import InputError
from space.genome import Genome
from space.network.architecture import HEAD
from space.network.sizes import Map, first_informed_step
from space.step.operations import (
    KEEPS_ZERO,
    Activate,
    Bias,
    Convolve,
    Frame,
    Join,
    Multiply,
    Normalise,
    Op,
    Operations,
    Pass,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
    What,
    Zeros,
)
from space.unroll.cost import cost, decoder_macs
from space.unroll.divided import divided

Read = tuple[str, int]  # a name as `Network.trace` has it (conv4, conv4.input, head), and a step
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
        found = dict.fromkeys(SAVING_RULES, 0.0)
        for occurrence in self.occurrences:
            op = self.step.ops[occurrence.place]
            if occurrence.rule in ("computed", "one image"):
                found["smaller map"] += op.literal_macs - op.macs
                if occurrence.rule == "one image":
                    found["one image"] += op.macs * (1 - 1 / batch)
            else:
                found[occurrence.rule] += op.literal_macs
        if not self._decoder:
            found["dead"] += decoder_macs(self.genome)
        return found

    @cached_property
    def _decoder(self) -> int:
        """The decoder's multiply-adds, if all that it reads is read."""
        needed = {(HEAD, step) for step in self.genome.window}
        return decoder_macs(self.genome) if needed <= self.reads else 0


def decoded(genome: Genome) -> frozenset[Read]:
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
    known = {"decoder": decoded, "logits": all_logits, "all": everything}
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


def plan(genome: Genome, reads: Collection[Read] | None = None, *, training: bool = False) -> Plan:
    """The plan of `genome` for what is read, by default what its decoder reads.

    `training`: batch norms take the statistics of their batch, and move their running ones.
    Raises InputError for a name or a step that does not exist.
    """
    wanted = decoded(genome) if reads is None else frozenset(reads)
    operations = divided(genome)
    _check(genome, operations, wanted)
    numbering = _Numbering(genome, operations, max((step for _, step in wanted), default=-1))
    return numbering.plan(wanted, training)


def _check(genome: Genome, operations: Operations, reads: Collection[Read]) -> None:
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


class _Numbering:
    """Names for the values of all operations of steps 0 to `end`."""

    def __init__(self, genome: Genome, step: Operations, end: int) -> None:
        self.genome, self.step, self.end = genome, step, end
        self.names: dict[tuple[object, ...], int] = {}
        # By name: what is computed of which names, and whether it depends on the image.
        self.whats: list[What] = []
        self.operands: list[tuple[int, ...]] = []
        self.maps: list[Map] = []
        self.zero: set[int] = set()
        self.image: list[bool] = []
        self.made: list[tuple[int, int]] = []  # (step, place)
        # Equal descriptions are one number, so that names are made of numbers.
        numbers: dict[What, int] = {}
        self.numbers = [numbers.setdefault(op.what, len(numbers)) for op in step.ops]
        self.free = [isinstance(op.what, Frame | Pass | Zeros) for op in step.ops]
        masked = genome.start == "masked"
        self.first = [first_informed_step(genome, node) if masked else 0 for node in genome.nodes]
        self.table: list[list[int]] = []  # [step][place] -> name
        self._run()

    def _run(self) -> None:
        ops = self.step.ops
        reading = [
            sorted({ref for i in places for ref in ops[i].operands if ref < 0})
            for places in self.step.stages
        ]
        reads = [op.operands for op in ops]
        seen: list[tuple[int, ...]] = [()] * len(reading)
        before = [self._zeros(op.map, i) for i, op in enumerate(ops)]
        for t in range(self.end + 1):
            now = [0] * len(ops)
            shows = self.genome.clock.shows_image(t)
            for stage, places in enumerate(self.step.stages):
                span = slice(places.start, places.stop)
                if t < self.first[stage]:
                    now[span] = before[span]
                    continue
                read = (*(before[~ref] for ref in reading[stage]), int(shows) if not stage else 0)
                if t > self.first[stage] and read == seen[stage]:
                    now[span] = before[span]
                    continue
                seen[stage] = read
                for i in places:
                    names = [now[ref] if ref >= 0 else before[~ref] for ref in reads[i]]
                    now[i] = self._name(i, tuple(names), t, shows)
            self.table.append(now)
            before = now

    def _new(
        self,
        key: tuple[object, ...],
        what: What,
        operands: tuple[int, ...],
        outs: Map,
        made: tuple[int, int],
        *,
        image: bool = False,
    ) -> int:
        name = self.names.get(key)
        if name is None:
            name = self.names[key] = len(self.whats)
            self.whats.append(what)
            self.operands.append(operands)
            self.maps.append(outs)
            if isinstance(what, Zeros):
                self.zero.add(name)
            self.image.append(image or any(self.image[operand] for operand in operands))
            self.made.append(made)
        return name

    def _zeros(self, outs: Map, place: int) -> int:
        """The name of zeros of a map; as old as the network."""
        return self._new((Zeros, outs), Zeros(), (), outs, (0, place))

    def _name(self, place: int, operands: tuple[int, ...], t: int, shows: bool) -> int:
        """The name of an operation's value, zeros worked out."""
        zero = self.zero
        if not self.free[place] and zero.isdisjoint(operands):
            key = (self.numbers[place], *operands)
            known = self.names.get(key)
            if known is not None:
                return known
            op = self.step.ops[place]
            return self._new(key, op.what, operands, op.map, (t, place))
        op = self.step.ops[place]
        what = op.what
        if isinstance(what, Frame):
            return self._new((Frame, shows), what, (), op.map, (t, place), image=shows)
        if isinstance(what, Pass):
            return operands[0]
        if _is_zero(what, [operand in zero for operand in operands]):
            return self._zeros(op.map, place)
        if isinstance(what, Convolve | Separate):
            bias = Bias(weights=what.weights, bias=what.bias, added=what.added, map=op.map)
            return self._new((bias,), bias, (), op.map, (t, place))
        if isinstance(what, Sum):
            kept = tuple(operand for operand in operands if operand not in zero)
            operands = kept or operands[:1]
            what = Sum(constant=what.constant, wide=True)
            return self._new((what, *operands), what, operands, op.map, (t, place))
        key = (self.numbers[place], *operands)
        return self._new(key, what, operands, op.map, (t, place))

    def plan(self, reads: frozenset[Read], training: bool) -> Plan:
        """What is left when all is dropped that nothing needs."""
        read = {(name, t): self.table[t][self.step.named[name]] for name, t in reads}
        effects = dict(self._effects()) if training else {}
        live = [False] * len(self.whats)
        for name in (*read.values(), *(v for values in effects.values() for v in values)):
            live[name] = True
        for name in range(len(live) - 1, -1, -1):
            if live[name]:
                for operand in self.operands[name]:
                    live[operand] = True
        places: dict[int, int] = {}
        operations: list[Operation] = []
        for name, kept in enumerate(live):
            if kept:
                places[name] = len(operations)
                operations.append(self._operation(name, places))
        return Plan(
            genome=self.genome,
            step=self.step,
            reads=reads,
            training=training,
            operations=tuple(operations),
            values={key: places[name] for key, name in read.items()},
            effects=tuple(
                Effect(weights=weights, values=tuple(places[name] for name in names))
                for weights, names in effects.items()
            ),
            occurrences=tuple(self._occurrences(live)),
        )

    def _operation(self, name: int, places: dict[int, int]) -> Operation:
        step, place = self.made[name]
        written, what = self.step.ops[place], self.whats[name]
        return Operation(
            what=what,
            operands=tuple(places[operand] for operand in self.operands[name]),
            map=self.maps[name],
            image=self.image[name],
            step=step,
            place=place,
            stage=written.stage,
            part=written.part,
            macs=written.macs if what is written.what else 0,
        )

    def _effects(self) -> Iterator[tuple[str, list[int]]]:
        for op in self.step.ops:
            if isinstance(op.what, Normalise) and op.what.batch:
                steps = range(self.first[op.stage], self.end + 1)
                yield op.what.weights, [self._operand(op, t) for t in steps]

    def _operand(self, op: Op, t: int) -> int:
        """The name of an operation's only operand at a step."""
        (ref,) = op.operands
        if ref >= 0:
            return self.table[t][ref]
        if t == 0:
            return self._zeros(self.step.ops[~ref].map, ~ref)
        return self.table[t - 1][~ref]

    def _occurrences(self, live: list[bool]) -> Iterator[Occurrence]:
        for i, op in enumerate(self.step.ops):
            if not op.literal_macs:
                continue
            for t in range(self.genome.clock.steps):
                yield Occurrence(step=t, place=i, rule=self._rule(i, op, t, live))

    def _rule(self, place: int, op: Op, t: int, live: list[bool]) -> Rule:
        if t < self.first[op.stage]:
            return "waiting"
        if t > self.end:
            return "dead"
        name = self.table[t][place]
        if isinstance(self.whats[name], Bias | Zeros):
            return "zeros"
        if not live[name]:
            return "dead"
        if self.made[name] != (t, place):
            return "shared"
        return "computed" if self.image[name] else "one image"


def _is_zero(what: What, zero: list[bool]) -> bool:
    """Whether the value is zero, given which operands are; at least one is, or there are none."""
    match what:
        case Zeros():
            return True
        case Multiply():
            return any(zero)
        case Sum(constant=constant):
            return all(zero) and not constant
        case Convolve(bias=bias, added=added) | Separate(bias=bias, added=added):
            return not bias and not added
        case Scale(offset=offset):
            return not offset
        case Activate(name=name):
            return name in KEEPS_ZERO
        case Resize() | Pooled() | Weigh():
            return True
        case Join():
            return all(zero)
        case _:
            return False
