"""The sizes of a cell: depths of its states, and every term with the maps it reads and writes.

Shapes are written height x width x channels; maps are square.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from space.errors import GenomeError
from space.network.architecture import Convolution, Stage
from space.network.grammar import KERNEL_OPS, Cell, Drive, Gate, Norm, State, Term, parse_source
from space.network.maps import Map


@dataclass(frozen=True, kw_only=True)
class TermShape:
    """One term of a cell with its sizes.

    `sources` are the maps it reads, as they are before resizing; `reads` and `writes` are the
    joined input and the output on the cell's map; `kernel` is the side after clipping (1 where
    the op has none); `projects` says that a `match` needs its 1x1 convolution, since channels or
    maps differ.
    """

    term: Term
    sources: tuple[Map, ...]
    reads: Map
    writes: Map
    kernel: int
    projects: bool

    @property
    def norm(self) -> Norm | None:
        """The term's norm; a `match` that needs no convolution has none."""
        return None if self.term.operation == "match" and not self.projects else self.term.norm


@dataclass(frozen=True, kw_only=True)
class CellShape:
    """A stage's cell with its sizes: depth of every state, every term in place.

    Terms whose sources are all absent (feedback without an edge) are left out. A gate that is left
    without terms is a constant, as one written without terms is. Keys of `drives` are state
    names, of `gates` the names of shared gates and `gate_key` of the others.
    """

    depths: dict[str, int]
    drives: dict[str, tuple[TermShape, ...]]
    gates: dict[str, tuple[TermShape, ...]]
    gate_depths: dict[str, int]
    output: Map


def gate_key(state: str, place: int) -> str:
    """The key of an inline gate: the carry's is place 0, then the drive's gates in order."""
    return f"{state}/{place}"


def multiplying(name: str, drive: Drive) -> Iterator[tuple[str, int, Gate]]:
    """(key, place of its edge, gate) of every edge that multiplies the drive of state `name`."""
    place = 0
    for i, edge in enumerate(drive.edges):
        if edge.multiply is not None:
            place += 1
            yield gate_key(name, place), i, edge.multiply


def kernel_on(cell: Cell, term: Term, size: int) -> int:
    """The side of a term's kernel on a map of `size`: cut to it where that is wanted."""
    kernel = term.kernel if term.operation in KERNEL_OPS and term.kernel else 1
    clips = cell.clip_kernels is True or (
        cell.clip_kernels == "separable" and term.operation == "separable"
    )
    return min(kernel, size) if (clips if term.clip is None else term.clip) else kernel


def cell_shape(cell: Cell, sources: Mapping[str, Map]) -> CellShape:
    """The sizes of a cell that stands alone, for given sources (`input` is one of them).

    Raises GenomeError where the cell does not fit them.
    """
    width = sources["input"].channels
    alone = Stage(name="alone", convolution=Convolution(width=width), cell="cell")
    return cell_in_stage(cell, alone, sources)


def cell_in_stage(cell: Cell, stage: Stage, sources: Mapping[str, Map]) -> CellShape:
    """The sizes of a stage's cell, for the maps that it reads beside its states.

    Raises GenomeError where the cell does not fit them.
    """
    return _Sizing(cell, stage, sources).work_out()


class _Sizing:
    """The sizes of one cell in one stage, worked out part by part."""

    def __init__(self, cell: Cell, stage: Stage, external: Mapping[str, Map]) -> None:
        self.cell, self.stage = cell, stage
        self.size, width = external["input"].size, external["input"].channels
        self.depths = {name: state.depth or width for name, state in cell.states.items()}
        own = {n: Map(size=self.size, channels=depth) for n, depth in self.depths.items()}
        self.maps = {**external, **own}
        self.gate_depths: dict[str, int] = {}
        self.pending: list[tuple[str, str, Gate, int]] = []  # key, path, gate, depth

    def work_out(self) -> CellShape:
        """The sizes of all parts. Raises GenomeError where two do not fit."""
        drives = {name: self.size_state(name, state) for name, state in self.cell.states.items()}
        gates: dict[str, tuple[TermShape, ...]] = {}
        while self.pending:
            key, path, gate, depth = self.pending.pop(0)
            terms = enumerate(gate.terms)
            shapes = [self.size_term(term, f"{path}.terms[{i}]", depth) for i, term in terms]
            gates[key] = tuple(shape for shape in shapes if shape is not None)
        return CellShape(
            depths=self.depths,
            drives=drives,
            gates=gates,
            gate_depths=self.gate_depths,
            output=Map(size=self.size, channels=self.depths[self.cell.output]),
        )

    def size_state(self, name: str, state: State) -> tuple[TermShape, ...]:
        """The terms of a state's drive; its gates are noted."""
        depth, path = self.depths[name], f"states.{name}"
        shapes = [
            self.size_term(edge.add, f"{path}.drive.edges[{i}].add", depth)
            for i, edge in enumerate(state.drive.edges)
            if edge.add is not None
        ]
        if state.carry is not None and state.carry.of is not None:
            source = parse_source(state.carry.of)
            self.check_carry(source.name, state.carry.of, name)
            if source.mask is not None:
                self.use(Gate(shared=source.mask), f"{path}.carry.of", depth, "")
        if state.carry is not None and state.carry.gate is not None:
            self.use(state.carry.gate, f"{path}.carry.gate", depth, gate_key(name, 0))
        for key, i, gate in multiplying(name, state.drive):
            self.use(gate, f"{path}.drive.edges[{i}].multiply", depth, key)
        return tuple(shape for shape in shapes if shape is not None)

    def use(self, gate: Gate, path: str, depth: int, key: str) -> None:
        """Note that a gate acts on `depth` channels; every use of a shared one must agree."""
        if gate.reference is not None:
            key, path = gate.reference, f"gates.{gate.reference}"
            gate = self.cell.gate(gate)
        if key not in self.gate_depths:
            self.gate_depths[key] = depth
            self.pending.append((key, path, gate, depth))
        elif self.gate_depths[key] != depth:
            raise GenomeError(
                f"cells.{self.stage.cell}.{path}",
                f"acts on {self.gate_depths[key]} and on {depth} channels "
                f"in stage {self.stage.name}",
                "share a gate only between parts of equal depth",
            )

    def check_carry(self, source: str, written: str, name: str) -> None:
        """Refuse a carry whose source has another depth than the state `name`."""
        carried, depth = self.maps.get(source), self.depths[name]
        if carried is not None and carried.channels != depth:
            raise GenomeError(
                f"cells.{self.stage.cell}.states.{name}.carry.of",
                f"{written} has {carried.channels} channels in stage {self.stage.name}, "
                f"the state {depth}",
                "carry a source of the state's own depth",
            )

    def size_term(self, term: Term, path: str, depth: int) -> TermShape | None:
        """A term with its sizes, or None if nothing that it reads is there."""
        present = [source for source in term.sources if source.name in self.maps]
        for source in present:
            if source.mask is not None:
                channels = self.maps[source.name].channels
                self.use(Gate(shared=source.mask), path, channels, source.mask)
        if not present:
            return None
        sources = tuple(self.maps[source.name] for source in present)
        channels = sum(source.channels for source in sources)
        kernel = kernel_on(self.cell, term, self.size)
        self.check_term(term, f"cells.{self.stage.cell}.{path}", channels, depth, kernel)
        writes = Map(size=self.size, channels=depth)
        return TermShape(
            term=term,
            sources=sources,
            reads=Map(size=self.size, channels=channels),
            writes=writes,
            kernel=kernel,
            projects=term.operation == "match" and sources != (writes,),
        )

    def check_term(self, term: Term, where: str, channels: int, depth: int, kernel: int) -> None:
        """Refuse a term whose channels or kernel do not fit."""
        keeps_channels = term.operation in ("identity", "scalar", "position")
        has = f"{', '.join(term.of)} has {channels} channels in stage {self.stage.name}"
        if term.skip and channels != depth:
            raise GenomeError(
                f"{where}.skip",
                f"{has}, where {depth} are put out",
                "leave `skip` out, or read a source of as many channels",
            )
        if keeps_channels and channels != depth:
            raise GenomeError(
                f"{where}.of",
                f"{has}, where {depth} are needed for op {term.operation}",
                "write `op: match`, or `kernel: 1` for a projection",
            )
        if kernel > self.size and self.cell.clip_kernels is False and term.clip is None:
            raise GenomeError(
                f"{where}.kernel",
                f"{kernel} exceeds the {self.size}x{self.size} map of stage {self.stage.name}",
                "kernels are cut to the map only with clip_kernels: true",
            )
