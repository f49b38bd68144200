"""The memory that training a genome takes, by arithmetic: a fold over what is computed.

Counted are the tensors that are alive at once in one update: parameters, their gradients and what
the optimiser keeps of them, the copies of kernels that a forward pass works with, values for as
long as something reads them or a backward pass needs them, and the gradients of values.
`space/unroll/tape.py` says what each operation makes and keeps; `forward_peak` and `Backward` run
over that. `training_memory` takes down the literal unroll, every operation at every step, and
`space/unroll/planned_memory.py` the calls of a plan.

What libraries allocate inside of one operation is not known here, nor what torch.compile does.
"""

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace

from space.genome import Genome
from space.network.sizes import first_informed_step
from space.step.operations import Convolve, Frame, Op, Pass, What, Zeros
from space.step.parameters import Buffer, parameters
from space.step.stages import write_step
from space.unroll.tape import FLOAT, Key, StoredValue, Tape, Use


def training_memory(
    genome: Genome,
    batch: int,
    *,
    copies: int = 1,
    half: bool = False,
    steps: Collection[int] | None = None,
) -> int:
    """Bytes at the peak of one update of `batch` images by the literal unroll.

    `copies` are the numbers that the optimiser keeps of a parameter: 1 for SGD with momentum, 2
    for AdamW. `half`: under autocast, with two bytes a number where it computes so. `steps` are
    those whose logits the loss reads, by default the decoder's. Raises GenomeError if the genome
    is invalid.
    """
    literal = _Literal(genome, batch, half, genome.window if steps is None else steps)
    uses, logits = literal.tape.uses, literal.logits
    forward = forward_peak(leading(uses, [*logits, *literal.last]))
    backward = Backward(logits).peak(leading(uses, logits))
    return with_parameters(genome, batch, max(forward, backward), copies)


def evaluation_memory(genome: Genome, batch: int, *, copies: int = 1) -> int:
    """Bytes of a forward pass of `batch` images in float32 by the literal unroll, with logits at
    every step, between two updates: the gradients of the last one are still there.
    """
    literal = _Literal(genome, batch, half=False, read=range(genome.clock.steps))
    peak = forward_peak(literal.tape.uses, keeps=False)
    return with_parameters(genome, batch, peak, copies, gradients=True)


def with_parameters(
    genome: Genome, batch: int, peak: int, copies: int, *, gradients: bool = False
) -> int:
    """Bytes of an update whose values and gradients take `peak`: with the images, the parameters,
    the optimiser's numbers, and at its end the gradient of every parameter (`gradients`: all the
    time).
    """
    table = parameters(genome)
    numbers = table.numbers * (1 + copies) + batch * genome.image.size**2 * genome.image.channels
    numbers += sum(math.prod(entry.shape) for entry in table.entries if isinstance(entry, Buffer))
    of_parameters = FLOAT * table.numbers
    return FLOAT * numbers + (peak + of_parameters if gradients else max(peak, of_parameters))


# The fold


def forward_peak(uses: Sequence[Use], *, keeps: bool = True) -> int:
    """The most bytes alive on the way there. A storage goes after the last use that reads it,
    unless it is kept for the way back (which is so where `keeps`).
    """
    last: dict[Key, int] = {}
    kept: set[Key] = set()
    for at, use in enumerate(uses):
        last |= dict.fromkeys((*use.makes, *(value.key for value in use.reads)), at)
        kept.update(use.keeps if keeps else ())
    ends: dict[int, list[Key]] = {}
    for key, at in last.items():
        if key not in kept:
            ends.setdefault(at, []).append(key)
    sizes: dict[Key, int] = {}
    alive = highest = 0
    for at, use in enumerate(uses):
        sizes |= use.makes
        alive += sum(use.makes.values()) + (use.besides if keeps else 0)
        highest = max(highest, alive + (0 if keeps else use.besides))
        alive -= sum(sizes.get(key, 0) for key in ends.get(at, ()))
    return highest


class Backward:
    """The way back from `ends`, in one part or several, the last one first: gradients come, and
    what was kept goes.
    """

    def __init__(self, ends: Iterable[StoredValue]) -> None:
        self.alive = 0  # bytes of gradients
        self._of: dict[Key, dict[Hashable, int]] = {}  # by storage and part of it, by number
        self._sizes: list[int] = []
        self._holders: list[int] = []
        for value in ends:
            self._give(value, self._new(value.bytes))

    def peak(self, uses: Sequence[Use]) -> int:
        """The most bytes alive on the way back through `uses`."""
        sizes: dict[Key, int] = {}
        holders: Counter[Key] = Counter()
        for use in uses:
            sizes |= use.makes
            holders.update(use.keeps)
        kept = sum(sizes.get(key, 0) for key in holders) + sum(use.besides for use in uses)
        highest = kept + self.alive
        for use in reversed(uses):
            highest = max(highest, kept + self._pass_through(use) + use.passing)
            for key in use.keeps:
                holders[key] -= 1
                kept -= 0 if holders[key] else sizes.get(key, 0)
            kept -= use.besides
        return highest

    def _pass_through(self, use: Use) -> int:
        """From the gradient of what a use made to those of what it read; the most bytes of
        gradients meanwhile.
        """
        if not use.reads:  # what parameters get, stays
            return self.alive
        parts = [(key, self._of.pop(key)) for key in use.makes if key in self._of]
        if not parts:
            return self.alive
        highest = 0
        own = parts[0][1].get(None)
        if own is None:  # the gradients of parts of a storage, put together
            own = self._new(use.makes[parts[0][0]])
            highest = self.alive
            for gradient in parts[0][1].values():
                self._release(gradient)
        for value in use.reads:
            if value.learned:
                if use.hands_on:
                    self._holders[own] += 1
                gradient = own if use.hands_on else self._new(value.bytes)
                highest = max(highest, self.alive, self._give(value, gradient))
        self._release(own)
        return highest

    def _give(self, value: StoredValue, gradient: int) -> int:
        """Add a gradient to a value's; the most bytes of gradients meanwhile."""
        parts = self._of.setdefault(value.key, {})
        there = parts.setdefault(value.part, gradient)
        highest = self.alive
        if there != gradient:
            if self._holders[there] > 1:  # in place only where nobody else holds it
                parts[value.part] = self._new(value.bytes)
                highest = self.alive
                self._release(there)
            self._release(gradient)
        return highest

    def _new(self, size: int) -> int:
        self._sizes.append(size)
        self._holders.append(1)
        self.alive += size
        return len(self._sizes) - 1

    def _release(self, gradient: int) -> None:
        self._holders[gradient] -= 1
        if not self._holders[gradient]:
            self.alive -= self._sizes[gradient]


def leading(uses: Sequence[Use], ends: Iterable[StoredValue]) -> list[Use]:
    """Uses of which only those keep anything that lead to one of `ends`."""
    wanted, kept = {value.key for value in ends}, list[Use]()
    for use in reversed(uses):
        if wanted.isdisjoint(use.makes):
            use = Use(makes=use.makes, reads=use.reads)
        else:
            wanted.update(value.key for value in use.reads if value.learned)
        kept.append(use)
    return kept[::-1]


# The literal unroll


class _Literal:
    """Every operation at every step, on a tape. Convolutions of one value with one geometry are
    one within a part, and nothing else is shared; what a stage computes at a step lives until it
    is done, and what it hands to others until the end of the next step.
    """

    def __init__(self, genome: Genome, batch: int, half: bool, read: Collection[int]) -> None:
        self.tape, self.batch = Tape(genome, half=half), batch
        self.step = write_step(genome)
        self.calls = self._calls()
        self.logits: list[StoredValue] = []  # what the decoder reads
        self.last: list[StoredValue] = []  # what is held when the last step was computed
        masked = genome.start == "masked"
        first = [first_informed_step(genome, node) if masked else 0 for node in genome.nodes]
        head = len(genome.stages)
        before = {number: self._nothing(number) for number in self.step.named.values()}
        for t in range(genome.clock.steps):
            now = dict(before)
            for stage, places in enumerate(self.step.stages):
                if t < first[stage] or (stage == head and t not in read):
                    continue
                shows = genome.clock.shows_image(t)
                self._run(places, t, shows, before, now)
                if stage == head:
                    self.logits.append(now[places[-1]])
            self.last = [*before.values(), *now.values()]
            self._hold(before.values())
            before = {number: now[number] for number in self.step.named.values()}

    def _calls(self) -> dict[int, list[int]]:
        """The operations that are computed in one call, by the first of them: convolutions of one
        part of a stage, as `models/programs.py` puts them together.
        """
        parts = {n: path for path, span in self.step.spans.items() for n in span.places}
        first: dict[object, int] = {}
        calls: dict[int, list[int]] = {}
        for number, op in enumerate(self.step.ops):
            what, leader = op.what, number
            if isinstance(what, Convolve):
                how = (what.kernel, what.stride, what.padding, op.map.size)
                place = (op.stage, parts.get(number))
                leader = first.setdefault((place, op.operands, how), number)
            calls.setdefault(leader, []).append(number)
        return calls

    def _nothing(self, number: int) -> StoredValue:
        """Zeros, before the first step."""
        return self._compute([Zeros()], [], ("nothing", number), [self.step.ops[number]])

    def _run(
        self,
        places: range,
        t: int,
        shows: bool,
        before: dict[int, StoredValue],
        now: dict[int, StoredValue],
    ) -> None:
        """One stage at one step: fills its part of `now`."""
        ops, made = self.step.ops, list[StoredValue]()
        for number in places:
            members = self.calls.get(number)
            if members is None:
                continue  # computed with another
            op = ops[number]
            operands = [now[ref] if ref >= 0 else before[~ref] for ref in op.operands]
            if isinstance(op.what, Pass):
                now[number] = operands[0]
                continue
            key: Key = (t, number)
            if isinstance(op.what, Frame):
                key = ("frame", shows)  # images and blanks are made once
            whole = self._compute(
                [ops[i].what for i in members], operands, key, [ops[i] for i in members]
            )
            made.append(whole)
            for i in members:
                now[i] = whole if len(members) == 1 else self._part(whole, ops[i], i)
        self._hold(made)

    def _compute(
        self, whats: Sequence[What], operands: Sequence[StoredValue], key: Key, ops: Sequence[Op]
    ) -> StoredValue:
        side = max(ops[0].map.size, 1)
        numbers = self.batch * side**2 * sum(op.map.channels for op in ops)
        return self.tape.compute(whats, operands, key, numbers, side)

    def _part(self, whole: StoredValue, op: Op, number: int) -> StoredValue:
        numbers = self.batch * whole.side**2 * op.map.channels
        return replace(whole, numbers=numbers, part=number)

    def _hold(self, values: Iterable[StoredValue]) -> None:
        self.tape.uses.append(Use(reads=list(values)))
