"""A network's whole picture: the chain of stages, a panel for each cell, and the key."""

from collections.abc import Container, Sequence
from dataclasses import replace

from space.circuits.cell_layout import make_chip, place_cell
from space.circuits.chain_layout import place_chain
from space.circuits.metric import shorten
from space.circuits.notes import Notes
from space.circuits.present import present_cells
from space.circuits.shapes import (
    RADIUS,
    Frame,
    Label,
    Mark,
    Picture,
    Shape,
    Wire,
    join_pictures,
    shift,
)
from space.circuits.wiring import MINUS, TIMES, Chip, read_wiring
from space.genome import Genome

MARGIN = 16.0
TITLE = 34.0


def place_network(genome: Genome, notes: Notes, title: str = "") -> Picture:
    """The picture of a network with its key, without margins."""
    picture = place_panels(genome, notes, title)
    x = 0.0
    room = picture.width
    if len(picture.frames) > 1:  # under the cells, beside the stages
        x = picture.frames[1].x
        room -= x
    bottom = max(frame.y + frame.height for frame in picture.frames if frame.x >= x)
    key = place_key(list_kinds(picture), room)
    return join_pictures((picture, shift(key, x, bottom + MARGIN, "key")))


def place_panels(genome: Genome, notes: Notes, title: str = "") -> Picture:
    """The chain of stages on the left, the cells beside it, without a key."""
    top = TITLE if title else 0.0
    chain = shift(place_chain(genome, notes), 0, top, "chain")
    pictures, x, y = [chain], chain.width + MARGIN, top
    for number, cell in enumerate(present_cells(genome)):
        panel = shift(place_cell(read_wiring(cell), notes), x, y, f"cell {number}")
        pictures.append(panel)
        y = panel.height + MARGIN
    wide = max(picture.width for picture in pictures)
    pictures = [chain, *(_widen(picture, wide) for picture in pictures[1:])]
    if title:
        label = Label(4, 20, shorten(title, 60), 16, bold=True)
        pictures.append(Picture(label.x + label.width, 24, (label,)))
    return join_pictures(pictures)


def _widen(picture: Picture, width: float) -> Picture:
    """A panel whose ground reaches to x = width."""
    frames = tuple(replace(frame, width=width - frame.x) for frame in picture.frames)
    return replace(picture, width=width, frames=frames)


def list_kinds(picture: Picture) -> set[str]:
    """The kinds of the shapes in a picture."""
    return {shape.kind for shape in picture.shapes if not isinstance(shape, Label)}


def place_key(kinds: Container[str], room: float) -> Picture:
    """What the marks mean, of those kinds of shapes that are there; in columns within `room`.

    It is empty where none of them is there.
    """
    entries = [(kind, text) for kind, text in KEY if kind in kinds]
    if not entries:
        return Picture(0, 0, ())
    wide = SAMPLE + max(Label(0, 0, text).width for _, text in entries) + 20
    columns = min(max(int((room - 18) // wide), 1), len(entries))
    rows = -(-len(entries) // columns)
    shapes: list[Shape] = [Label(18, 26, "key", 14, bold=True)]
    for place, (kind, text) in enumerate(entries):
        x, y = 18 + wide * (place // rows), 52 + 28.0 * (place % rows)
        shapes += _sample(kind, x, y)
        shapes.append(Label(x + SAMPLE, y + 4, text))
    width, height = max(18 + wide * columns, 80, room), 52 + 28.0 * rows - 8
    return Picture(width, height, tuple(shapes), (Frame(0, 0, width, height),))


SAMPLE = 104.0
KEY = (
    ("plus", "adds"),
    ("times", "multiplies: a gate"),
    ("kept", "carried on: kept, or passed through"),
    ("dot", "reads this line"),
    ("before", "value of the step before"),
    ("shared_rail", "gate that is shared"),
    ("feedback", "feedback, one step later"),
    ("full", "convolution"),
    ("separable", "depth-separable convolution"),
    ("activation", "nonlinearity"),
    ("norm", "normalisation"),
    ("put_out", "state that is put out"),
    ("effect", "effect of the part"),
    ("only", "only in this network"),
    ("changed", "otherwise in the other network"),
)
_CHIPS = {
    "full": f"3{TIMES}3",
    "separable": f"sep 3{TIMES}3",
    "activation": "tanh",
    "norm": "norm",
    "put_out": "out",
    "effect": f"{MINUS}0.1",
    "only": "only here",
    "changed": "changed",
}


def _sample(kind: str, x: float, y: float) -> Sequence[Shape]:
    """What an entry of the key shows, from x to x + SAMPLE."""
    if kind in _CHIPS:
        return [make_chip(x, y, Chip(_CHIPS[kind], kind))]
    right = x + SAMPLE - 30
    match kind:
        case "plus" | "times":
            wire, ends = ("add" if kind == "plus" else "multiply"), ((x, y), (x + 28, y))
            return [Wire(ends, wire, f"{kind}", arrow=True), Mark(x + 28 + RADIUS, y, kind)]
        case "dot":
            rail = Wire(((x + 10, y - 10), (x + 10, y + 10)), "rail", kind)
            return [rail, Wire(((x + 10, y), (right, y)), "add", kind), Mark(x + 10, y, kind)]
        case _:
            return [Wire(((x, y), (right, y)), kind, kind, arrow=kind == "feedback")]
