"""The chain of stages from the image down to the read-out, with the feedback between them.

Feedback runs on lanes left of the stages. Two edges share a lane only where neither reaches the
other; on a stage's side what leaves stands above what arrives, and the outer lanes stand inside,
so that lines cross as little as they must.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from space.circuits.metric import shorten, text_width
from space.circuits.notes import THIN, Notes
from space.circuits.present import present_edges
from space.circuits.shapes import SMALL, TEXT, Box, Frame, Label, Picture, Shape, Wire
from space.circuits.wiring import NAME_LETTERS, TIMES
from space.genome import Genome
from space.network.architecture import HEAD, Convolution, FeedbackEdge, Stage

PADDING = 18.0
TOP = 44.0
LANE = 13.0
PORT = 10.0  # from port to port on a stage's side
NOTED_PORT = 20.0  # where ports have notes
BETWEEN = 16.0
HEAD_ROOM = 18.0  # of a thick arrow, between its note and the stage
STUB = 20.0  # from the innermost lane to the stages


@dataclass(frozen=True, slots=True)
class _Node:
    """A box of the chain: its lines, and the name of the cell that it carries."""

    name: str
    lines: tuple[str, ...]
    cell: str | None = None
    is_end: bool = False


def place_chain(genome: Genome, notes: Notes) -> Picture:
    """The picture of the stages and their feedback."""
    nodes, edges = _list_nodes(genome), present_edges(genome)
    places = {node.name: place for place, node in enumerate(nodes)}
    lanes = assign_lanes([(places[edge.receiver], places[edge.sender]) for edge in edges])
    noted = [note for edge in edges if (note := notes.get(edge_part(edge)))]
    room = max((text_width(note.text, SMALL) + 14 for note in noted), default=0.0)
    innermost = PADDING + LANE * max(lanes, default=0)
    left = innermost + (STUB + room + (HEAD_ROOM if room else 0) if edges else 0.0)
    width = max(_box_width(node) for node in nodes)
    ports = _order_ports(edges, lanes)
    shapes: list[Shape] = [Label(PADDING, 26, "network", 14, bold=True)]
    boxes, y = dict[str, Box](), TOP
    for node in nodes:
        step = NOTED_PORT if room else PORT
        height = max(14.0 * len(node.lines) + 10, step * len(ports.get(node.name, ())) + 12)
        kind = "source" if node.is_end else "stage"
        boxes[node.name] = Box(left, y, width, height, node.lines, kind, title=node.name)
        y += height + BETWEEN
    shapes += boxes.values()
    for above, below in pairwise(boxes.values()):
        ends = ((left + width / 2, above.y + above.height), (left + width / 2, below.y))
        shapes.append(Wire(ends, "rail", f"chain {below.y}", arrow=True))
    right = max(
        [left + width, *(_beside(node, boxes[node.name], notes, shapes) for node in nodes)]
    )
    for edge, lane in zip(edges, lanes, strict=True):
        x = innermost - LANE * lane
        ends_at = [
            _port_y(boxes[name], ports[name], (edge, arrives))
            for name, arrives in ((edge.sender, False), (edge.receiver, True))
        ]
        shapes += _feedback(edge, x, left, (ends_at[0], ends_at[1]), notes)
    total = max(right, PADDING + 90) + PADDING
    return Picture(total, y, tuple(shapes), (Frame(0, 0, total, y),))


_Port = tuple[FeedbackEdge, bool]
"""An edge's end on a stage's side; whether it arrives there."""


def _order_ports(edges: Sequence[FeedbackEdge], lanes: Sequence[int]) -> dict[str, list[_Port]]:
    """The ports of every stage from its top down."""
    ends = list[tuple[str, bool, int, FeedbackEdge]]()
    for edge, lane in zip(edges, lanes, strict=True):
        ends.append((edge.sender, False, lane, edge))
        ends.append((edge.receiver, True, -lane, edge))
    ports: dict[str, list[_Port]] = {}
    for name, arrives, _, edge in sorted(ends, key=lambda end: end[:3]):
        ports.setdefault(name, []).append((edge, arrives))
    return ports


def _port_y(box: Box, ports: Sequence[_Port], port: _Port) -> float:
    return box.y + box.height * (ports.index(port) + 1) / (len(ports) + 1)


def _feedback(
    edge: FeedbackEdge, x: float, left: float, ys: tuple[float, float], notes: Notes
) -> list[Shape]:
    """A feedback arrow on its lane at x, from and to the stages whose side is at `left`."""
    part = edge_part(edge)
    note, net = notes.get(part), part
    weight = THIN if note is None else note.weight
    points = [(left, ys[0]), (x, ys[0]), (x, ys[1])]
    if note is None:
        return [Wire((*points, (left, ys[1])), "feedback", net, weight, arrow=True)]
    width = text_width(note.text, SMALL) + 14
    box = Box(left - HEAD_ROOM - width, ys[1] - 8, width, 16, (note.text,), note.kind, title=part)
    return [
        Wire((*points, (box.x, ys[1])), "feedback", net, weight),
        box,
        Wire(((box.right, ys[1]), (left, ys[1])), "feedback", net, weight, arrow=True),
    ]


def _beside(node: _Node, box: Box, notes: Notes, shapes: list[Shape]) -> float:
    """Put a stage's cell and the note on the stage on its right; the x where that ends."""
    x = box.right
    beside = [] if node.cell is None else [(shorten(node.cell, NAME_LETTERS), "tag", node.cell)]
    if (note := notes.get(f"stages.{node.name}")) is not None:
        beside.append((note.text, note.kind, node.name))
    for text, kind, title in beside:
        width = text_width(text, SMALL) + 14
        shapes.append(Wire(((x, box.middle), (x + 10, box.middle)), "rail", f"tag {x} {box.y}"))
        shapes.append(Box(x + 10, box.middle - 10, width, 20, (text,), kind, title=title))
        x += 10 + width
    return x


def _box_width(node: _Node) -> float:
    first, *rest = node.lines
    return (
        max(text_width(first, TEXT, bold=True), *(text_width(one, SMALL) for one in rest), 0) + 20
    )


def _list_nodes(genome: Genome) -> list[_Node]:
    size, clock = genome.image.size, genome.clock
    off = "" if clock.image_off is None else f", image off at {clock.image_off}"
    image = _Node(
        "image", ("image", f"{size}{TIMES}{size}, {clock.steps} steps{off}"), is_end=True
    )
    stages = [
        _Node(stage.name, (shorten(stage.name, 24), *_describe_stage(stage)), stage.cell)
        for stage in genome.stages
    ]
    head = _Node(
        HEAD, (HEAD, f"{genome.classes} classes, decoder {genome.decoder.form}"), is_end=True
    )
    return [image, *stages, head]


def _describe_stage(stage: Stage) -> tuple[str, ...]:
    """What a stage does beside its cell, in a line or two."""
    lines = [[_describe_convolution(stage.convolution)]]
    if stage.second is not None:
        lines.append([f"then {_describe_convolution(stage.second)}"])
    if stage.join.kind != "concat":
        lines[0].append("feedback adds" if stage.join.kind == "add" else "feedback multiplies")
    if stage.shortcut is not None:
        lines[-1].append("+ its input")
    if stage.activation != "identity":
        lines[-1].append(stage.activation)
    if stage.pool is not None:
        lines[-1].append(f"{stage.pool.kind} pool {stage.pool.kernel}/{stage.pool.stride}")
    return tuple(", ".join(words) for words in lines)


def _describe_convolution(convolution: Convolution) -> str:
    stride = f"/{convolution.stride}" if convolution.stride > 1 else ""
    words = [f"{convolution.kernel}{TIMES}{convolution.kernel}{stride}, {convolution.width}"]
    if convolution.norm is not None:
        words.append(f"{convolution.norm.kind} norm")
    if convolution.activation != "identity":
        words.append(convolution.activation)
    if convolution.reads_feedback:
        words.append("reads feedback")
    return ", ".join(words)


def edge_part(edge: FeedbackEdge) -> str:
    """The path of a feedback edge."""
    return f"feedback.{edge.sender}->{edge.receiver}"


def assign_lanes(spans: Sequence[tuple[int, int]]) -> list[int]:
    """A lane for each span, from 0 (innermost): short ones within, none on what it touches."""
    lanes = [0] * len(spans)
    taken: list[list[tuple[int, int]]] = []
    for place in sorted(range(len(spans)), key=lambda i: (spans[i][1] - spans[i][0], spans[i], i)):
        low, high = spans[place]
        lane = next(
            (
                number
                for number, others in enumerate(taken)
                if all(high < start or end < low for start, end in others)
            ),
            len(taken),
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[place] = lane
    return lanes
