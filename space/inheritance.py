"""Which weights of a trained network belong to which part of the same network with a lesion.

A part keeps its weights. Its parameters' names may change, since they follow the document and a
removed edge moves those after it up; a kernel that reads one source less loses that source's
channels, and with them exactly what that source contributed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from space.errors import GenomeError
from space.genome import Genome
from space.lesions import Origin, Part, Removed, remove
from space.network.sizes import StageShape, layout
from space.step.parameters import parameters
from space.step.terms import Placed, placed_terms

_READING = {"kernel": 1, "pointwise": 1, "depthwise": 0, "depthwise_first": 0}
"""The dimension of the channels that a tensor reads."""


@dataclass(frozen=True, kw_only=True)
class Inherited:
    """The tensor of the whole network that a tensor is; of its dimension `axis` only `channels`,
    unless that is None.
    """

    path: str
    axis: int = 0
    channels: tuple[int, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Lesioned:
    """A network without a part. `weights` says of each of its tensors, by path, where it is in a
    state dict of the whole network.
    """

    genome: Genome
    weights: Mapping[str, Inherited]


def lesion(genome: Genome, part: Part) -> Lesioned:
    """The network without a part, and its weights in the whole network's.

    Raises GenomeError as `space.lesions.remove_part` does, and where what is left needs weights
    that the whole network does not have: the 1x1 convolution of a `match` that nothing had to
    match, say.
    """
    removed = remove(genome, part)
    whole, left = parameters(genome).shapes, parameters(removed.genome).shapes
    prefixes, kept = dict[str, str](), dict[str, tuple[int, ...]]()
    for before, after in zip(layout(genome).stages, layout(removed.genome).stages, strict=True):
        _follow_stage(genome, removed, before, after, prefixes, kept)
    weights = {path: _inherit(path, prefixes, kept) for path in left}
    for path, shape in left.items():
        found = weights[path]
        there = list(whole.get(found.path, ()))
        if found.channels is not None and there:
            there[found.axis] = len(found.channels)
        if tuple(there) != shape:
            raise _untrained(part, path)
    return Lesioned(genome=removed.genome, weights=weights)


def _untrained(part: Part, path: str) -> GenomeError:
    return GenomeError(
        part.name,
        f"what is left needs weights that the whole network does not have ({path})",
        "train the network without it",
    )


def _inherit(
    path: str, prefixes: Mapping[str, str], kept: Mapping[str, tuple[int, ...]]
) -> Inherited:
    """Where a tensor was: the part that it belongs to may have moved, or read less."""
    part, _, tensor = path.rpartition(".")
    channels, axis = kept.get(part), _READING.get(tensor)
    old, rest = path, ""
    while old not in prefixes and "." in old:
        old, _, name = old.rpartition(".")
        rest = f".{name}{rest}"
    was = f"{prefixes[old]}{rest}" if old in prefixes else path
    if channels is None or axis is None:
        return Inherited(path=was)
    return Inherited(path=was, axis=axis, channels=channels)


def _follow_stage(
    whole: Genome,
    removed: Removed,
    before: StageShape,
    after: StageShape,
    prefixes: dict[str, str],
    kept: dict[str, tuple[int, ...]],
) -> None:
    """Note in `prefixes` which parts of a stage moved, in `kept` which channels they read."""
    stage, at = before.stage, f"stages.{before.stage.name}"
    fed = tuple(_kept_feedback(whole, removed.genome, stage.name))
    if before.feedback is not None and stage.convolution.reads_feedback:
        own = before.input.channels
        kept[f"{at}.convolution"] = (*range(own), *(own + channel for channel in fed))
    if stage.cell is None:
        return
    origins = removed.origins.get(stage.cell, {})
    prefixes |= {f"{at}.cell.{now}": f"{at}.cell.{one.path}" for now, one in origins.items()}
    old = {placed.path: placed for placed in _placed(whole, before)}
    for placed in _placed(removed.genome, after):
        origin = origins.get(placed.path, Origin(path=placed.path))
        was = old[origin.path]
        if placed.shape.projects != was.shape.projects:
            raise GenomeError(
                f"{at}.cell.{placed.path}",
                "matches what it reads only in one of the two: with the part or without it",
                "train the network without it",
            )
        kept[f"{at}.cell.{placed.path}"] = tuple(_channels(was, placed, origin, fed))


def _kept_feedback(whole: Genome, left: Genome, stage: str) -> Iterator[int]:
    """Of the channels of the feedback that is joined at a stage, those that still arrive."""
    senders, start = left.senders(stage), 0
    for sender in whole.senders(stage):
        channels = layout(whole)[sender].output.channels
        if sender in senders:
            yield from range(start, start + channels)
        start += channels


def _placed(genome: Genome, shape: StageShape) -> Sequence[Placed]:
    assert shape.stage.cell is not None
    assert shape.cell is not None
    sources = ("input", "residual", *(() if shape.feedback is None else ("feedback",)))
    return placed_terms(genome.cells[shape.stage.cell], shape.cell, sources)


def _channels(was: Placed, now: Placed, origin: Origin, fed: Sequence[int]) -> Iterator[int]:
    """Of the channels that a term read, those that it still reads, in its order.

    `fed` are those of the feedback that still arrive.
    """
    starts, start = dict[int, int](), 0
    places = [i for i, source in enumerate(was.term.sources) if source in was.sources]
    for place, there in zip(places, was.shape.sources, strict=True):
        starts[place] = start
        start += there.channels
    widths = dict(zip(places, (there.channels for there in was.shape.sources), strict=True))
    kept = range(len(was.term.sources)) if origin.sources is None else origin.sources
    for place, source in zip(kept, now.term.sources, strict=True):
        if source in now.sources:
            block = fed if source.name == "feedback" else range(widths[place])
            yield from (starts[place] + channel for channel in block)
