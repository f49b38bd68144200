"""What a picture is made of: values with places in pixels, x to the right and y downwards."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from space.circuits.metric import text_width

Point = tuple[float, float]
TEXT = 12.0
SMALL = 10.5
RADIUS = 9.0
"""Of the marks of a sum and a product."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box with lines of text in its middle; `kind` says how it is drawn."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    kind: str
    title: str = ""

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """The y of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text without a box; `y` is its base line."""

    x: float
    y: float
    text: str
    size: float = SMALL
    bold: bool = False

    @property
    def width(self) -> float:
        """At most what it takes."""
        return text_width(self.text, self.size, bold=self.bold)


@dataclass(frozen=True, slots=True)
class Wire:
    """A line through points, each straight above or beside the one before; an arrow at its end.

    Wires of one `net` are connected with each other where they meet; others only cross.
    """

    points: tuple[Point, ...]
    kind: str
    net: str
    weight: float = 1.5
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """`plus` and `times` are circles in which wires end; `dot` and `joint` sit on wires."""

    x: float
    y: float
    kind: str

    @property
    def radius(self) -> float:
        """Of its circle."""
        return {"plus": RADIUS, "times": RADIUS, "dot": 3.2}.get(self.kind, 2.2)


Shape = Box | Label | Wire | Mark


@dataclass(frozen=True, slots=True)
class Frame:
    """The ground on which the shapes of a part of a picture lie."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes on grounds, in an area from (0, 0) to (width, height)."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    frames: tuple[Frame, ...] = ()


def shift(picture: Picture, x: float, y: float, net: str) -> Picture:
    """The picture moved; `net` tells its wires from those of others."""
    return Picture(
        width=picture.width + x,
        height=picture.height + y,
        shapes=tuple(_shift(shape, x, y, net) for shape in picture.shapes),
        frames=tuple(replace(frame, x=frame.x + x, y=frame.y + y) for frame in picture.frames),
    )


def _shift(shape: Shape, x: float, y: float, net: str) -> Shape:
    # Written out: `replace` takes a third of the time of a whole picture.
    if isinstance(shape, Wire):
        points = tuple((one + x, other + y) for one, other in shape.points)
        return Wire(points, shape.kind, f"{net} {shape.net}", shape.weight, shape.arrow)
    if isinstance(shape, Mark):
        return Mark(shape.x + x, shape.y + y, shape.kind)
    if isinstance(shape, Label):
        return Label(shape.x + x, shape.y + y, shape.text, shape.size, shape.bold)
    size = (shape.width, shape.height)
    return Box(shape.x + x, shape.y + y, *size, shape.lines, shape.kind, shape.title)


def join_pictures(pictures: Iterable[Picture]) -> Picture:
    """Pictures that were moved to their places, as one."""
    all_of_them = tuple(pictures)
    return Picture(
        width=max(picture.width for picture in all_of_them),
        height=max(picture.height for picture in all_of_them),
        shapes=tuple(shape for picture in all_of_them for shape in picture.shapes),
        frames=tuple(frame for picture in all_of_them for frame in picture.frames),
    )
