"""The memory that training a genome takes, by arithmetic.

Counted are the tensors that are alive at once in one update: parameters, their gradients and what
the optimiser keeps of them, the copies of kernels that a forward pass works with, and what
automatic differentiation saves for the way back, at every stage and step of the literal unroll.
What libraries allocate inside of one operation is not known here.

One step of a stage is followed operation by operation, as `models/cells.py` and
`models/stages.py` execute it. A value is saved if the slope of an operation that reads it (or of
the one that made it) needs it; it counts once, however often it is saved.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from space.genome import Genome
from space.network.architecture import Convolution
from space.network.cell_sizes import CellShape, TermShape, gate_key, multiplying
from space.network.grammar import Cell, Drive, Gate, Norm, Source, State, Term, parse_source
from space.network.maps import Map, same_padding
from space.network.sizes import StageShape, layout
from space.step.equations import absorbs_constant
from space.unroll.cost import cost

FLOAT = 4  # bytes of a float32
INDEX = 8  # bytes of a place that a maximum was found at

OWN_RESULT = ("relu", "tanh", "sigmoid")  # their slopes are told from what they gave


@dataclass(frozen=True, kw_only=True)
class StageMemory:
    """One stage: `saved` and `passing` numbers of one image and step (the latter are alive only
    while the step is computed), `weights` in its kernels, of which the `largest` call reads so
    many, and `copied` in the copies of them that a forward pass makes.
    """

    saved: float
    passing: float
    weights: int
    largest: int
    copied: int


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What training holds in memory, to be scaled with the batch."""

    stages: tuple[StageMemory, ...]
    parameters: int
    images: int  # numbers of an image
    held: tuple[tuple[int, ...], ...]  # stages whose values are alive after the last step, by step
    needed: tuple[tuple[int, ...], ...]  # and those that the loss depends on

    def training(self, batch: int, *, copies: int = 1) -> int:
        """Bytes at the peak of one update in float32. The optimiser keeps `copies` numbers a
        parameter: 1 for SGD with momentum, 2 for AdamW.
        """
        always = self.parameters * (1 + copies) + batch * self.images
        working = always + sum(stage.copied for stage in self.stages)
        passing = batch * max(stage.passing for stage in self.stages)
        forward = working + self._saved(batch, self.held) + passing
        step = always + self.parameters
        return round(FLOAT * max(forward, self._backward(batch, working), step))

    def _saved(self, batch: int, steps: Sequence[Sequence[int]]) -> float:
        return batch * sum(self.stages[i].saved for stages in steps for i in stages)

    def _backward(self, batch: int, held: float) -> float:
        """The peak of the way back: what was saved goes, and gradients come, stage by stage."""
        alive, peak, grown = self._saved(batch, self.needed), 0.0, set[int]()
        left = Counter(i for stages in self.needed for i in stages)
        for stages in reversed(self.needed):
            for i in reversed(stages):
                stage = self.stages[i]
                if i in grown:
                    added = stage.largest  # to the slopes of the steps after, one by one
                else:
                    grown.add(i)
                    added, held = 0, held + stage.weights
                peak = max(peak, held + alive + batch * stage.passing / 2 + added)
                alive -= batch * stage.saved
                left[i] -= 1
                held -= 0 if left[i] else stage.copied  # nothing reads the copies any more
        return peak


def training_memory(genome: Genome, batch: int, *, copies: int = 1) -> int:
    """Bytes at the peak of one update of `batch` images in float32, the literal unroll.

    `copies` are the numbers that the optimiser keeps of a parameter: 1 for SGD with momentum, 2
    for AdamW. Raises GenomeError if the genome is invalid.
    """
    return memory(genome).training(batch, copies=copies)


def memory(genome: Genome) -> Memory:
    """What training `genome` holds. Raises GenomeError if it is invalid."""
    stages, steps = len(genome.stages), genome.clock.steps
    # The head reads the last stage's output of the step before.
    read = {(step - 1, stages - 1) for step in genome.window if step}
    last = {(step, i) for step in (steps - 2, steps - 1) for i in range(stages)}
    return Memory(
        stages=tuple(_stage(genome, shape) for shape in layout(genome).stages),
        parameters=cost(genome).parameters,
        images=genome.image.size**2 * genome.image.channels,
        held=_leading_to(genome, read | last),
        needed=_leading_to(genome, read),
    )


def _leading_to(genome: Genome, ends: set[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """By step, the stages from which a path leads to one of `ends`, (step, stage): what comes
    before an end is needed for it, and automatic differentiation keeps it.
    """
    readers: list[list[int]] = []
    for i, stage in enumerate(genome.stages):
        keeps = stage.cell is not None and genome.cells[stage.cell].recurrent
        fed = [genome.stage_index(e.receiver) for e in genome.edges if e.sender == stage.name]
        following = [i + 1] if i + 1 < len(genome.stages) else []
        readers.append([*following, *fed, *([i] if keeps else [])])
    leading = set(ends)
    for step in reversed(range(genome.clock.steps - 1)):
        for i, found in enumerate(readers):
            if any((step + 1, reader) in leading for reader in found):
                leading.add((step, i))
    steps = range(genome.clock.steps)
    return tuple(tuple(i for i in range(len(readers)) if (t, i) in leading) for t in steps)


# ------------------------------------------------------------------------------- one step's values


@dataclass(eq=False)
class _Storage:
    """A tensor of one image: how many numbers, and whether it is saved."""

    numbers: float
    saved: bool = False


@dataclass(eq=False)
class _Value:
    """A map of some channels in a storage."""

    map: Map
    storage: _Storage


@dataclass
class _Tape:
    """The storages that a step makes, and the sizes of the weights that it uses."""

    made: list[_Storage] = field(default_factory=list)
    kernels: dict[str, int] = field(default_factory=dict)
    copies: dict[str, int] = field(default_factory=dict)
    extra: float = 0.0  # saved numbers that are no maps: places of maxima

    def new(self, size: int, channels: int) -> _Value:
        """A new map."""
        storage = _Storage(size**2 * channels)
        self.made.append(storage)
        return _Value(Map(size=size, channels=channels), storage)

    def given(self, shape: Map) -> _Value:
        """A map that was made elsewhere, and is counted there."""
        return _Value(shape, _Storage(shape.size**2 * shape.channels))

    @staticmethod
    def save(*values: _Value) -> None:
        for value in values:
            value.storage.saved = True

    def weigh(self, where: str, numbers: int, *, copied: bool) -> None:
        """Note weights; `copied`: the forward pass works with a copy in another layout."""
        self.kernels[where] = numbers
        if copied:
            self.copies[where] = numbers

    def convolve(
        self,
        where: str,
        x: _Value,
        channels: int,
        kernel: int,
        stride: int = 1,
        *,
        depth: bool = False,
    ) -> _Value:
        """A convolution; `depth`: of every channel by itself."""
        before, after = same_padding(x.map.size, kernel, stride)
        if before != after:
            x = self.new(x.map.size + before + after, x.map.channels)
            size = (x.map.size - kernel) // stride + 1
        else:
            size = -(-x.map.size // stride)
        self.save(x)
        ins = 1 if depth else x.map.channels
        # Kernels of one pixel or one input are laid out alike in every layout.
        self.weigh(where, kernel**2 * ins * channels, copied=kernel > 1 and ins > 1)
        return self.new(size, channels)

    def activate(self, x: _Value, name: str) -> _Value:
        if name == "identity":
            return x
        out = self.new(x.map.size, x.map.channels)
        self.save(out if name in OWN_RESULT else x)
        return out

    def normalise(self, x: _Value, norm: Norm | None) -> _Value:
        if norm is None:
            return x
        self.save(x)
        if norm.kind == "group" and norm.interleaved:
            split, _, joined = (self.new(x.map.size, x.map.channels) for _ in range(3))
            self.save(split, joined)
        return self.new(x.map.size, x.map.channels)

    def add(self, values: Sequence[_Value], *, constant: bool = False) -> _Value:
        total = values[0]
        for _ in range(len(values) - 1 + constant):
            total = self.new(total.map.size, total.map.channels)
        return total

    def multiply(self, values: Sequence[_Value]) -> _Value:
        product = values[0]
        for value in values[1:]:
            self.save(product, value)
            product = self.new(product.map.size, product.map.channels)
        return product

    def join(self, values: Sequence[_Value]) -> _Value:
        if len(values) == 1:
            return values[0]
        return self.new(values[0].map.size, sum(value.map.channels for value in values))

    def resize(self, x: _Value, size: int) -> _Value:
        return x if x.map.size == size else self.new(size, x.map.channels)


def _stage(genome: Genome, shape: StageShape) -> StageMemory:
    stage, tape = shape.stage, _Tape()
    before = tape.given(shape.input)
    feedback = None
    if shape.feedback is not None:
        senders = [layout(genome)[name].output for name in genome.senders(stage.name)]
        resized = [tape.resize(tape.given(sender), shape.input.size) for sender in senders]
        feedback = tape.join(resized)
    if shape.arrivals:
        before = _joined(tape, shape)
    read = before
    if feedback is not None and stage.convolution.reads_feedback:
        read = tape.join([before, feedback])
    x = _block(tape, "convolution", stage.convolution, read)
    if stage.cell is not None and shape.cell is not None:
        sources = {"input": x, "residual": before}
        if feedback is not None:
            sources["feedback"] = feedback
        x = _CellTape(tape, genome.cells[stage.cell], shape.cell, sources).run()
    if stage.second is not None:
        x = _block(tape, "second", stage.second, x)
    if stage.shortcut is not None:
        added = before
        if shape.projects:
            strides = stage.shortcut.by == "stride"
            if not strides:
                added = tape.resize(before, x.map.size)
            stride = stage.stride if strides else 1
            added = tape.convolve("residual", added, x.map.channels, 1, stride)
            added = tape.normalise(added, stage.shortcut.norm)
        x = tape.add([x, added])
    x = tape.activate(x, stage.activation)
    if stage.pool is not None:
        pool = stage.pool
        before_pool, after = same_padding(x.map.size, pool.kernel, pool.stride)
        if before_pool != after and (before_pool or pool.stride == 1):
            x = tape.new(x.map.size + before_pool + after, x.map.channels)
        tape.save(x)
        x = tape.new(shape.output.size, x.map.channels)
        if pool.kind == "max":
            tape.extra += x.storage.numbers * INDEX / FLOAT
    made = {id(storage): storage for storage in tape.made}.values()
    saved = sum(storage.numbers for storage in made if storage.saved)
    # The output is read, and saved, by the next stage's convolution.
    out = 0.0 if x.storage.saved else x.storage.numbers
    passing = sum(storage.numbers for storage in made) - saved - out
    return StageMemory(
        saved=saved + out + tape.extra,
        passing=passing,
        weights=sum(tape.kernels.values()),
        largest=max(tape.kernels.values()),
        copied=sum(tape.copies.values()),
    )


def _joined(tape: _Tape, shape: StageShape) -> _Value:
    """The inputs of a stage, summed or multiplied."""
    values = []
    for i, arrival in enumerate(shape.arrivals):
        value = tape.resize(tape.given(arrival.map), shape.input.size)
        if arrival.projects:
            value = tape.convolve(f"join.{i}", value, shape.input.channels, 1)
        values.append(value)
    return tape.add(values) if shape.stage.join.kind == "add" else tape.multiply(values)


def _block(tape: _Tape, where: str, part: Convolution, x: _Value) -> _Value:
    x = tape.convolve(where, x, part.width, part.kernel, part.stride)
    return tape.activate(tape.normalise(x, part.norm), part.activation)


class _CellTape:
    """One step of a cell on a tape, in the order in which its program runs."""

    def __init__(
        self, tape: _Tape, cell: Cell, shape: CellShape, sources: dict[str, _Value]
    ) -> None:
        self.tape, self.cell, self.shape = tape, cell, shape
        self.size = shape.output.size
        self.named = dict(sources)
        for name, depth in shape.depths.items():
            self.named[name] = tape.given(Map(size=self.size, channels=depth))
        self.sources: dict[Source, _Value] = {}
        self.resized: dict[str, _Value] = {}
        self.joined: dict[tuple[Source, ...], _Value] = {}
        self.gates: dict[str, _Value | None] = {}
        self.complements: dict[str, _Value | None] = {}
        self.groups: dict[tuple[object, ...], int] = {}
        self.convolved: dict[tuple[object, ...], _Storage] = {}
        for term, shaped in self._all_terms():
            if term.operation == "convolution":
                key = self._group(term, shaped)
                self.groups[key] = self.groups.get(key, 0) + shaped.writes.channels

    def run(self) -> _Value:
        for name, state in self.cell.states.items():
            self.named[f"new.{name}"] = self._state(name, state)
        for name in self.cell.states:
            # What this step saves of the step before, the next one saves of this.
            if self.named[name].storage.saved:
                self.named[f"new.{name}"].storage.saved = True
        return self.named[f"new.{self.cell.output}"]

    def _all_terms(self) -> Iterable[tuple[Term, TermShape]]:
        for shapes in (*self.shape.drives.values(), *self.shape.gates.values()):
            yield from ((shape.term, shape) for shape in shapes)

    def _present(self, term: Term) -> tuple[Source, ...]:
        return tuple(s for s in term.sources if s.name in self.named)

    def _group(self, term: Term, shape: TermShape) -> tuple[object, ...]:
        return (*self._present(term), shape.kernel)

    def _source(self, source: Source) -> _Value:
        if source not in self.sources:
            name = f"new.{source.name}" if source.new else source.name
            value = self.named[name]
            if value.map.size != self.size:
                if name not in self.resized:
                    self.resized[name] = self.tape.resize(value, self.size)
                value = self.resized[name]
            if source.mask is not None:
                gate = self._gate(Gate(shared=source.mask), source.mask)
                value = self.tape.multiply([value, gate or value])
            self.sources[source] = value
        return self.sources[source]

    def _term(self, where: str, shape: TermShape) -> _Value:
        term, tape = shape.term, self.tape
        sources = self._present(term)
        if sources not in self.joined:
            self.joined[sources] = tape.join([self._source(source) for source in sources])
        x = self.joined[sources]
        out = self._operation(where, shape, x)
        out = tape.normalise(out, shape.norm)
        if term.skip:
            out = tape.add([x, out])
        return tape.activate(out, term.activation)

    def _operation(self, where: str, shape: TermShape, x: _Value) -> _Value:
        term, tape, outs = shape.term, self.tape, shape.writes.channels
        match term.operation:
            case "convolution":
                key = self._group(term, shape)
                if key not in self.convolved:
                    whole = tape.convolve(f"group {key}", x, self.groups[key], shape.kernel)
                    self.convolved[key] = whole.storage
                return _Value(shape.writes, self.convolved[key])
            case "separable":
                channels = x.map.channels
                if term.repeat:
                    x = tape.convolve(f"{where} first", x, channels, shape.kernel, depth=True)
                    x = tape.activate(x, "elu")
                x = tape.convolve(f"{where} depthwise", x, channels, shape.kernel, depth=True)
                return tape.convolve(f"{where} pointwise", x, outs, 1)
            case "match" if shape.projects:
                return tape.convolve(where, x, outs, 1)
            case "scalar" | "position":
                tape.save(x)
                return tape.new(x.map.size, x.map.channels)
            case _:
                return x

    def _sum(
        self, where: str, shapes: Sequence[TermShape], norm: Norm | None, bias: float
    ) -> _Value | None:
        """The sum, None for a constant."""
        late = [s for s in shapes if s.term.after_norm or norm is None]
        early = [s for s in shapes if norm is not None and not s.term.after_norm]
        values = [self._term(f"{where} late {i}", s) for i, s in enumerate(late)]
        if norm is not None:
            terms = [self._term(f"{where} {i}", s) for i, s in enumerate(early)]
            if terms:
                values.insert(0, self.tape.normalise(self.tape.add(terms), norm))
        absorbed = any(absorbs_constant(s.term) for s in late)
        if not values:
            return None
        return self.tape.add(values, constant=bool(bias) and not absorbed)

    def _gate(self, gate: Gate, key: str) -> _Value | None:
        """The gate's map, None for a constant."""
        if gate.complement is not None:
            if gate.complement not in self.complements:
                plain = self._gate(Gate(shared=gate.complement), gate.complement)
                copy = None if plain is None else self.tape.new(self.size, plain.map.channels)
                self.complements[gate.complement] = copy
            return self.complements[gate.complement]
        if gate.shared is not None:
            key, gate = gate.shared, self.cell.gates[gate.shared]
        if key not in self.gates:
            value = self._sum(key, self.shape.gates[key], gate.norm, gate.acting_bias)
            if value is not None:
                value = self.tape.activate(value, gate.nonlinearity)
                if (gate.offset, gate.scale) != (0.0, 1.0):
                    value = self.tape.new(self.size, value.map.channels)
            self.gates[key] = value
        return self.gates[key]

    def _state(self, name: str, state: State) -> _Value:
        tape = self.tape
        carried = self._carry(name, state)
        value = self._drive(name, state.drive)
        if carried is not None:
            gate, source = carried
            if gate is not None:
                tape.save(gate, source)
                value = tape.new(self.size, source.map.channels)
            else:
                kept = source
                value = kept if value is None else tape.add([value, kept])
        if value is None:
            value = tape.new(self.size, self.shape.depths[name])
        return tape.activate(tape.normalise(value, state.norm), state.activation)

    def _carry(self, name: str, state: State) -> tuple[_Value | None, _Value] | None:
        if state.carry is None:
            return None
        source = parse_source(state.carry.of or name)
        if source.name not in self.named:
            return None
        gate = state.carry.gate
        return (
            None if gate is None else self._gate(gate, gate_key(name, 0)),
            self._source(source),
        )

    def _drive(self, name: str, drive: Drive) -> _Value | None:
        value = self._sum(name, self.shape.drives[name], drive.norm, drive.acting_bias)
        if value is not None:
            value = self.tape.activate(value, drive.activation)
        factors = [] if value is None else [value]
        for key, _, gate in multiplying(name, drive):
            found = self._gate(gate, key)
            if found is not None:
                factors.append(found)
        return self.tape.multiply(factors) if factors else None
