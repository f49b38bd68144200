"""Which weights of one network are which of another one of the same digest.

The normal form puts what a stage computes in an order that is the same for all spellings; here it
is read back to the weights' names.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from space.identity.canonical_graph import canonical
from space.identity.normal_form import describe_stage, live_forms
from space.identity.stage_graph import FEEDBACK, RESIZE, Graph, StageForm
from space.identity.stage_reading import StageReader
from space.network.architecture import Architecture
from space.network.sizes import layout
from space.step.operations import Concatenate, Convolve, Normalise, Ref, Separate, Weigh, Writer


@dataclass(frozen=True, kw_only=True)
class LivePart:
    """Weights that an output depends on.

    `path` is the prefix of their names in the built network. `reads` are the inputs that are
    concatenated there, in the order of the genome's document: (a number that is the same in all
    spellings, channels) of each.
    """

    path: str
    reads: tuple[tuple[tuple[int, int], int], ...]


def live_stages(architecture: Architecture) -> tuple[str, ...]:
    """The stages that the logits depend on: all, unless a stage ignores the one before it."""
    return tuple(architecture.stages[place].name for place, _ in _live_forms(architecture))


def live_parts(architecture: Architecture) -> tuple[LivePart, ...]:
    """All parts with weights of their own that an output depends on, but for the head: the n-th
    part of one spelling computes what the n-th of another does.
    """
    return tuple(
        part
        for place, form in _live_forms(architecture)
        for part in _stage_parts(architecture, place, form)
    )


def _live_forms(architecture: Architecture) -> list[tuple[int, StageForm]]:
    forms = enumerate(live_forms(architecture))
    return [(place, form) for place, form in forms if form is not None]


def _stage_parts(architecture: Architecture, place: int, form: StageForm) -> Iterator[LivePart]:
    written = describe_stage(architecture, place)
    graph = StageReader(written, relative=form.relative).graph()
    _, order = canonical(graph.labels, graph.reads, graph.earlier)
    rank = {vertex: number for number, vertex in enumerate(order)}
    vertices = {part: vertex for vertex, part in graph.places.items()}
    prefix = f"stages.{architecture.stages[place].name}."
    for part in form.parts:
        reads: list[tuple[tuple[int, int], int]] = []
        read = graph.reads[vertices[part]]
        refs = _refs(written.writer, prefix + part)
        for vertex, ref in zip(read, refs, strict=True):
            reads += [
                ((rank[vertex], block), channels)
                for block, channels in _blocks(
                    architecture, place, written.writer, graph, vertex, ref
                )
            ]
        yield LivePart(path=prefix + part, reads=tuple(reads))


def _refs(writer: Writer, path: str) -> tuple[Ref, ...]:
    """What the weights at `path` read, in the order of the document."""
    op = next(
        op
        for op in writer.drafts
        if isinstance(op.what, Convolve | Separate | Weigh | Normalise) and op.what.weights == path
    )
    (ref,) = op.operands
    if isinstance(ref, int):
        source = writer.drafts[ref]
        if isinstance(source.what, Concatenate) and source.part != "feedback":
            return source.operands
    return (ref,)


def _blocks(
    architecture: Architecture, place: int, writer: Writer, graph: Graph, vertex: int, ref: Ref
) -> list[tuple[int, int]]:
    """(number, channels) of the blocks of channels of one source: feedback has one a sender."""
    if graph.labels[vertex].startswith(RESIZE):
        (vertex,) = graph.reads[vertex]
    sizes = layout(architecture)
    if graph.labels[vertex].startswith(FEEDBACK):
        senders = architecture.senders(architecture.stages[place].name)
        index = architecture.stage_index
        return [(index(name), sizes[name].output.channels) for name in senders]
    if isinstance(ref, int) or ref in writer.named:
        number = ref if isinstance(ref, int) else writer.named[ref]
        return [(0, writer.drafts[number].map.channels)]
    return [(0, sizes[ref].output.channels)]
