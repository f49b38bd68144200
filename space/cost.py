"""What a genome costs, by arithmetic: trainable parameters and multiply-adds an image.

The multiply-adds are those of the convolutions and linear maps of the literal unroll (every stage
at every step); elementwise work is not counted, as is usual. Parameters are exact.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from space.genome import Convolution, Decoder, Genome
from space.geometry import CellShape, Map, StageShape, TermShape, inline_gates, layout
from space.grammar import Cell, Norm


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Trainable parameters, and multiply-adds an image of the whole unroll."""

    parameters: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tensor operation of a step: where it stands, its parameters, its multiply-adds."""

    where: str
    parameters: int
    macs: int = 0
    macs_once: int = 0  # not a step, but an image


def cost(genome: Genome) -> Cost:
    """Parameters and multiply-adds an image of `genome`. Raises GenomeError if it is invalid."""
    found = list(parts(genome))
    return Cost(
        parameters=sum(part.parameters for part in found),
        macs=sum(genome.clock.steps * part.macs + part.macs_once for part in found),
    )


def parts(genome: Genome) -> Iterator[Part]:
    """Every part that holds parameters or multiplies, in the order of the graph; macs a step."""
    shapes = layout(genome)
    for shape in shapes.stages:
        yield from _stage(genome, shape)
    head, reads = shapes.head, shapes.head.reads
    positions = (
        (reads.size - genome.head.kernel + 1) ** 2 if genome.head.form == "convolution_mean" else 1
    )
    weights = head.inputs * genome.classes
    yield Part(where="head", parameters=weights + genome.classes, macs=positions * weights)
    yield from _decoder(genome.decoder, len(genome.window), genome.classes)


def _decoder(decoder: Decoder, steps: int, classes: int) -> Iterator[Part]:
    """The decoder's parameters; it works once an image, on the logits of `steps` steps."""
    match decoder.form:
        case "w_avg_t":
            yield Part(where="decoder", parameters=steps * classes)
        case "mlp":
            sides = (steps * classes, *decoder.layers, classes)
            weights = sum(ins * outs for ins, outs in pairwise(sides))
            yield Part(where="decoder", parameters=weights + sum(sides[1:]), macs_once=weights)
        case "conv1d":
            pooled = decoder.filters * len(decoder.windows)
            kernel = classes * decoder.filters
            weights = kernel * sum(decoder.windows) + pooled * classes
            placed = kernel * sum(w * (steps - w + 1) for w in decoder.windows)
            yield Part(
                where="decoder",
                parameters=weights + pooled + classes,
                macs_once=placed + pooled * classes,
            )
        case form if decoder.trainable:
            yield Part(where="decoder", parameters=2 if form in ("thresh", "w_time_avg") else 1)


def _stage(genome: Genome, shape: StageShape) -> Iterator[Part]:
    stage, name = shape.stage, shape.stage.name
    for arrival in shape.arrivals:
        if arrival.projects:
            ins, outs = arrival.map.channels, shape.input.channels
            weights, at = ins * outs, f"{name}.join.{arrival.name}"
            yield Part(where=at, parameters=weights + outs, macs=shape.input.size**2 * weights)
    yield _convolution(f"{name}.convolution", stage.convolution, shape.reads, shape.convolution)
    current = shape.convolution
    if shape.cell is not None and stage.cell is not None:
        yield from _cell(name, genome.cells[stage.cell], shape.cell)
        current = shape.cell.output
    if stage.second is not None and shape.second is not None:
        yield _convolution(f"{name}.second", stage.second, current, shape.second)
        current = shape.second
    if shape.projects and stage.shortcut is not None:
        weights = shape.input.channels * current.channels
        yield Part(
            where=f"{name}.residual",
            parameters=weights + _norm(stage.shortcut.norm, current.channels),
            macs=current.size**2 * weights,
        )


def _convolution(where: str, part: Convolution, reads: Map, writes: Map) -> Part:
    weights = part.kernel**2 * reads.channels * part.width
    return Part(
        where=where,
        parameters=weights + part.bias * part.width + _norm(part.norm, part.width),
        macs=writes.size**2 * weights,
    )


def _norm(norm: Norm | None, channels: int) -> int:
    return 0 if norm is None else 2 * channels


def _cell(stage: str, cell: Cell, shape: CellShape) -> Iterator[Part]:
    for name, terms in shape.drives.items():
        state, depth = cell.states[name], shape.depths[name]
        norms = _norm(state.norm, depth) + _norm(state.drive.norm, depth)
        if norms:
            yield Part(where=f"{stage}.{name}.norm", parameters=norms)
        for place, term in enumerate(terms):
            yield _term(f"{stage}.{name}[{place}]", term)
    owned = dict(inline_gates(cell))
    for key, terms in shape.gates.items():
        norm = (cell.gates.get(key) or owned[key]).norm
        if norm is not None:
            yield Part(where=f"{stage}.{key}.norm", parameters=_norm(norm, shape.gate_depths[key]))
        for place, term in enumerate(terms):
            yield _term(f"{stage}.{key}[{place}]", term)


def _term(where: str, shape: TermShape) -> Part:
    ins, outs, positions = shape.reads.channels, shape.writes.channels, shape.writes.size**2
    own = _norm(shape.term.norm, outs) + (outs if shape.term.has_bias else 0)
    match shape.term.operation:
        case "convolution":
            weights = shape.kernel**2 * ins * outs
            return Part(where=where, parameters=weights + own, macs=positions * weights)
        case "separable":
            depthwise = shape.kernel**2 * ins * (2 if shape.term.repeat else 1)
            weights = depthwise + ins * outs
            return Part(where=where, parameters=weights + own, macs=positions * weights)
        case "match" if shape.projects:
            return Part(where=where, parameters=ins * outs + own, macs=positions * ins * outs)
        case "position":
            return Part(where=where, parameters=positions * outs)
        case "scalar":
            return Part(where=where, parameters=1)
        case _:
            return Part(where=where, parameters=0)
