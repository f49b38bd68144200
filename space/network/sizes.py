"""Sizes: what every part of a genome reads and writes, worked out by arithmetic.

`layout(genome)` resolves a genome to its tensors' shapes: maps, channels, kernels after clipping,
depths of states. The rules, the cost model and the builder of networks all read this page, so
that each size is computed in one place. Shapes are written height x width x channels; maps are
square.
"""

from dataclasses import dataclass
from functools import lru_cache

from space.errors import GenomeError
from space.network.architecture import HEAD, Architecture, Stage
from space.network.cell_sizes import CellShape, cell_in_stage
from space.network.maps import Map, same_size

IMAGE = "image"  # the first stage's feedforward input among the arrivals of a join


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
    """A network with its sizes: every stage in its order, then the head."""

    stages: tuple[StageShape, ...]
    head: HeadShape

    def __getitem__(self, name: str) -> StageShape:
        return next(shape for shape in self.stages if shape.stage.name == name)


@lru_cache(maxsize=256)
def _layout(key: "ById") -> Layout:
    return _work_out(key.architecture)


class ById:
    """A cache key: genomes hold mappings and cannot be hashed, but they are frozen."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    def __hash__(self) -> int:
        return id(self.architecture)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and other.architecture is self.architecture


def layout(architecture: Architecture) -> Layout:
    """The sizes of every part. Raises GenomeError where parts do not fit."""
    return _layout(ById(architecture))


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
        cell = cell_in_stage(architecture.cells[stage.cell], stage, sources)
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


def first_informed_step(architecture: Architecture, node: str) -> int:
    """The first step (0-based) at which a node's output depends on the image.

    Stage k (1-based) is reached k - 1 steps after the image is on, the head one step after the
    last stage (science: conv_k at step k - 1).
    """
    if node != HEAD and node not in [stage.name for stage in architecture.stages]:
        raise GenomeError("stage", f"no stage is called {node!r}", "")
    return architecture.clock.image_on + architecture.stage_index(node)
