"""Sizes: what every part of a genome reads and writes, worked out by arithmetic.

`layout(genome)` resolves a genome to its tensors' shapes: maps, channels, kernels after clipping,
depths of states. The rules, the cost model and the builder of networks all read this page, so
that each size is computed in one place. Shapes are written height x width x channels; maps are
square.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from space.errors import GenomeError
from space.network.architecture import HEAD, Architecture, Convolution, Stage
from space.network.grammar import (
    KERNEL_OPS,
    Cell,
    Drive,
    Gate,
    Norm,
    Source,
    State,
    Term,
    parse_source,
)

IMAGE = "image"  # the first stage's feedforward input among the arrivals of a join


@dataclass(frozen=True, kw_only=True)
class Map:
    """A square feature map: `size` x `size` x `channels`."""

    size: int
    channels: int


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


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An input of a stage that sums or multiplies its inputs: who put it out (`image` before the
    first stage), its map before it is resized, and whether its channels need a 1x1 convolution.
    """

    name: str
    map: Map
    projects: bool


@dataclass(frozen=True, kw_only=True)
class StageShape:
    """A stage with its sizes. `feedback` is None where no edge arrives, and where the join is no
    concatenation: then `arrivals` holds every input, the feedforward one first.
    """

    stage: Stage
    input: Map  # of the feedforward predecessor, or the image; under a sum or product, of that
    arrivals: tuple[Arrival, ...]
    feedback: Map | None  # joined, on the input's map
    reads: Map  # what the first convolution reads
    convolution: Map
    cell: CellShape | None
    second: Map | None
    projects: bool  # the residual's channels or map differ: it needs a 1x1 convolution
    output: Map


@dataclass(frozen=True, kw_only=True)
class HeadShape:
    """`reads` is the last stage's output; the linear map or kernel has `inputs` rows."""

    reads: Map
    inputs: int


@dataclass(frozen=True, kw_only=True)
class Layout:
    stages: tuple[StageShape, ...]
    head: HeadShape

    def __getitem__(self, name: str) -> StageShape:
        return next(shape for shape in self.stages if shape.stage.name == name)


def same_size(size: int, stride: int) -> int:
    """Side of the output under SAME padding: ceil(size / stride)."""
    return -(-size // stride)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """(before, after) of SAME padding; the odd pixel comes after (trap 1)."""
    total = max((same_size(size, stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


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


@lru_cache(maxsize=256)
def _layout(key: "_ById") -> Layout:
    return _work_out(key.architecture)


class _ById:
    """A cache key: genomes hold mappings and cannot be hashed, but they are frozen."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    def __hash__(self) -> int:
        return id(self.architecture)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.architecture is self.architecture


def layout(architecture: Architecture) -> Layout:
    """The sizes of every part. Raises GenomeError where parts do not fit."""
    return _layout(_ById(architecture))


def _work_out(architecture: Architecture) -> Layout:
    sizes = _output_maps(architecture)
    stages: list[StageShape] = []
    before = Map(size=architecture.image.size, channels=architecture.image.channels)
    for place, stage in enumerate(architecture.stages):
        senders = architecture.senders(stage.name)
        feedback: Map | None = None
        arrivals: tuple[Arrival, ...] = ()
        if stage.join.kind != "concat":
            names = (architecture.stages[place - 1].name if place else IMAGE, *senders)
            maps = (before, *(sizes[name] for name in senders))
            before = Map(size=before.size, channels=stage.join.channels or before.channels)
            arrivals = tuple(
                Arrival(name=name, map=arriving, projects=arriving.channels != before.channels)
                for name, arriving in zip(names, maps, strict=True)
            )
        elif senders:
            channels = sum(sizes[name].channels for name in senders)
            feedback = Map(size=before.size, channels=channels)
        shape = _stage(architecture, place, before, feedback, arrivals)
        stages.append(shape)
        before = shape.output
    head = architecture.head
    if head.form == "convolution_mean" and head.kernel > before.size:
        raise GenomeError(
            "head.kernel",
            f"{head.kernel} exceeds the {before.size}x{before.size} map of the last stage",
            f"write at most {before.size}",
        )
    positions = {"mean_linear": 1, "convolution_mean": head.kernel**2}.get(
        head.form, before.size**2
    )
    return Layout(
        stages=tuple(stages), head=HeadShape(reads=before, inputs=positions * before.channels)
    )


def _output_maps(architecture: Architecture) -> dict[str, Map]:
    """The map that each stage puts out; needs no cell, except for its output's depth."""
    maps: dict[str, Map] = {}
    size = architecture.image.size
    for stage in architecture.stages:
        size = same_size(size, stage.convolution.stride)
        channels = stage.convolution.width
        if stage.cell is not None:
            cell = architecture.cells[stage.cell]
            channels = cell.states[cell.output].depth or channels
        if stage.second is not None:
            size, channels = same_size(size, stage.second.stride), stage.second.width
        if stage.pool is not None:
            size = same_size(size, stage.pool.stride)
        maps[stage.name] = Map(size=size, channels=channels)
    return maps


def _stage(
    architecture: Architecture,
    place: int,
    before: Map,
    feedback: Map | None,
    arrivals: tuple[Arrival, ...],
) -> StageShape:
    stage = architecture.stages[place]
    joined = feedback is not None and stage.convolution.reads_feedback
    reads = Map(
        size=before.size,
        channels=before.channels + (feedback.channels if joined and feedback else 0),
    )
    current = Map(
        size=same_size(before.size, stage.convolution.stride), channels=stage.convolution.width
    )
    convolution, cell, second = current, None, None
    if stage.cell is not None:
        sources = {"input": current, "residual": before}
        if feedback is not None:
            sources["feedback"] = feedback
        cell = _cell(architecture.cells[stage.cell], stage, sources)
        current = cell.output
    if stage.second is not None:
        current = Map(
            size=same_size(current.size, stage.second.stride), channels=stage.second.width
        )
        second = current
    projects = stage.shortcut is not None and before != current
    if stage.pool is not None:
        current = Map(size=same_size(current.size, stage.pool.stride), channels=current.channels)
    return StageShape(
        stage=stage,
        input=before,
        arrivals=arrivals,
        feedback=feedback,
        reads=reads,
        convolution=convolution,
        cell=cell,
        second=second,
        projects=projects,
        output=current,
    )


def cell_shape(cell: Cell, sources: Mapping[str, Map]) -> CellShape:
    """The sizes of a cell that stands alone, for given sources (`input` is one of them).

    Raises GenomeError where the cell does not fit them.
    """
    width = sources["input"].channels
    alone = Stage(name="alone", convolution=Convolution(width=width), cell="cell")
    return _cell(cell, alone, dict(sources))


def _cell(cell: Cell, stage: Stage, external: dict[str, Map]) -> CellShape:
    size = external["input"].size
    depths = {
        name: state.depth or external["input"].channels for name, state in cell.states.items()
    }
    maps = external | {name: Map(size=size, channels=depth) for name, depth in depths.items()}
    gate_depths: dict[str, int] = {}
    pending: list[tuple[str, str, Gate, int]] = []  # key, path, gate, depth

    def use(gate: Gate, path: str, depth: int, key: str) -> None:
        """Note that a gate acts on `depth` channels; every use of a shared one must agree."""
        if gate.reference is not None:
            key, path, gate = gate.reference, f"gates.{gate.reference}", cell.gate(gate)
        if key not in gate_depths:
            gate_depths[key] = depth
            pending.append((key, path, gate, depth))
        elif gate_depths[key] != depth:
            raise GenomeError(
                f"cells.{stage.cell}.{path}",
                f"acts on {gate_depths[key]} and on {depth} channels in stage {stage.name}",
                "share a gate only between parts of equal depth",
            )

    def resolve(term: Term, path: str, depth: int) -> TermShape | None:
        present = [s for s in term.sources if s.name in maps]
        for source in present:
            if source.mask is not None:
                use(Gate(shared=source.mask), path, maps[source.name].channels, source.mask)
        return _term(cell, stage, term, path, [maps[s.name] for s in present], size, depth)

    drives: dict[str, tuple[TermShape, ...]] = {}
    for name, state in cell.states.items():
        shapes = []
        for i, edge in enumerate(state.drive.edges):
            path = f"states.{name}.drive.edges[{i}].add"
            if edge.add is not None and (shape := resolve(edge.add, path, depths[name])):
                shapes.append(shape)
        drives[name] = tuple(shapes)
        _check_carry(stage, state, name, depths, maps)
        if state.carry is not None and state.carry.of is not None:
            carried = parse_source(state.carry.of)
            if carried.mask is not None:
                use(Gate(shared=carried.mask), f"states.{name}.carry.of", depths[name], "")
        if state.carry is not None and state.carry.gate is not None:
            path = f"states.{name}.carry.gate"
            use(state.carry.gate, path, depths[name], gate_key(name, 0))
        for key, i, gate in multiplying(name, state.drive):
            use(gate, f"states.{name}.drive.edges[{i}].multiply", depths[name], key)
    gates: dict[str, tuple[TermShape, ...]] = {}
    while pending:
        key, path, gate, depth = pending.pop(0)
        shaped = [resolve(t, f"{path}.terms[{i}]", depth) for i, t in enumerate(gate.terms)]
        gates[key] = tuple(shape for shape in shaped if shape is not None)
    return CellShape(
        depths=depths,
        drives=drives,
        gates=gates,
        gate_depths=gate_depths,
        output=Map(size=size, channels=depths[cell.output]),
    )


def _check_carry(
    stage: Stage, state: State, name: str, depths: dict[str, int], maps: dict[str, Map]
) -> None:
    if state.carry is None or state.carry.of is None:
        return
    carried = maps.get(parse_source(state.carry.of).name)
    if carried is not None and carried.channels != depths[name]:
        raise GenomeError(
            f"cells.{stage.cell}.states.{name}.carry.of",
            f"{state.carry.of} has {carried.channels} channels in stage {stage.name}, "
            f"the state {depths[name]}",
            "carry a source of the state's own depth",
        )


def kernel_on(cell: Cell, term: Term, size: int) -> int:
    """The side of a term's kernel on a map of `size`: cut to it where that is wanted."""
    kernel = term.kernel if term.operation in KERNEL_OPS and term.kernel else 1
    clips = cell.clip_kernels is True or (
        cell.clip_kernels == "separable" and term.operation == "separable"
    )
    return min(kernel, size) if (clips if term.clip is None else term.clip) else kernel


def _term(
    cell: Cell, stage: Stage, term: Term, path: str, present: list[Map], size: int, depth: int
) -> TermShape | None:
    """A term with its sizes, or None if nothing that it reads is there."""
    if not present:
        return None
    where = f"cells.{stage.cell}.{path}"
    channels = sum(source.channels for source in present)
    keeps_channels = term.operation in ("identity", "scalar", "position")
    if term.skip and channels != depth:
        raise GenomeError(
            f"{where}.skip",
            f"{', '.join(term.of)} has {channels} channels in stage {stage.name}, where {depth} "
            "are put out",
            "leave `skip` out, or read a source of as many channels",
        )
    if keeps_channels and channels != depth:
        raise GenomeError(
            f"{where}.of",
            f"{', '.join(term.of)} has {channels} channels in stage {stage.name}, where {depth} "
            f"are needed for op {term.operation}",
            "write `op: match`, or `kernel: 1` for a projection",
        )
    kernel = kernel_on(cell, term, size)
    if kernel > size and cell.clip_kernels is False and term.clip is None:
        raise GenomeError(
            f"{where}.kernel",
            f"{kernel} exceeds the {size}x{size} map of stage {stage.name}",
            "kernels are cut to the map only with clip_kernels: true",
        )
    return TermShape(
        term=term,
        sources=tuple(present),
        reads=Map(size=size, channels=channels),
        writes=Map(size=size, channels=depth),
        kernel=kernel,
        projects=term.operation == "match" and [*present] != [Map(size=size, channels=depth)],
    )


def source_map(shape: StageShape, source: Source) -> Map | None:
    """The map of a source of a stage's cell, or None where it is absent (no feedback edge)."""
    if source.name == "input":
        return shape.convolution
    if source.name == "residual":
        return shape.input
    if source.name == "feedback":
        return shape.feedback
    assert shape.cell is not None
    return Map(size=shape.cell.output.size, channels=shape.cell.depths[source.name])


def first_informed_step(architecture: Architecture, node: str) -> int:
    """The first step (0-based) at which a node's output depends on the image.

    Stage k (1-based) is reached k - 1 steps after the image is on, the head one step after the
    last stage (science: conv_k at step k - 1).
    """
    if node != HEAD and node not in [stage.name for stage in architecture.stages]:
        raise GenomeError("stage", f"no stage is called {node!r}", "")
    return architecture.clock.image_on + architecture.stage_index(node)
