"""A cell's wiring with places: rails on the left, rows from left to right, states on the right.

The rows of a state stand one below the other: what is added to its drive, then the gates that
multiply the drive, then what is kept and its gate. The sums and products stand on the first row,
each further to the right than the one before and than all that ends below it; so no line that
comes up to them meets anything. From a state its value goes back, below its rows, to its rails.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from space.circuits.metric import shorten, text_width
from space.circuits.notes import THIN, Notes
from space.circuits.shapes import (
    RADIUS,
    SMALL,
    TEXT,
    Box,
    Frame,
    Label,
    Mark,
    Picture,
    Point,
    Shape,
    Wire,
)
from space.circuits.wiring import NAME_LETTERS, Block, Chip, Row, Sum, Wiring, list_rows

PADDING = 18.0
PITCH = 34.0  # from row to row
HEIGHT = 22.0  # of a chip
STATE_HEIGHT = 38.0
GAP = 16.0  # between two chips of a row
RAIL = 15.0  # from rail to rail
LANE = 28.0  # below the last row, and from lane to lane
TOP = 72.0  # of the first row, below the title
DELAY = Chip("one step later", "delay")
MARGIN = 14.0  # between a line upwards and what ends left of it


def place_cell(wiring: Wiring, notes: Notes) -> Picture:
    """The picture of a cell."""
    return _Placing(wiring, notes).picture()


def make_chip(x: float, middle: float, chip: Chip) -> Box:
    """The box of an operation whose left side is at x."""
    width = text_width(chip.text, SMALL) + 16
    return Box(x, middle - HEIGHT / 2, width, HEIGHT, (chip.text,), chip.kind)


def _source(row: Row) -> Box:
    """A row's first box, at (0, 0)."""
    kind = "shared" if row.rails[0].startswith("gate ") else "read"
    width = text_width(row.text, SMALL) + 14
    return Box(0, 0, width, HEIGHT, (row.text,), kind, title=row.title)


@dataclass(slots=True)
class _Placed:
    """Where the rows of a sum ended: the x of the value's wire, its y, the next free row, and how
    thick the wire is.
    """

    x: float
    y: float
    below: float
    weight: float = THIN


class _Placing:
    """Puts the blocks of a cell one below the other."""

    def __init__(self, wiring: Wiring, notes: Notes) -> None:
        self.wiring, self.notes = wiring, notes
        self.shapes: list[Shape] = []
        self.taps: dict[str, list[float]] = {}  # the ys at which a rail is read
        self.lanes: dict[str, float] = {}  # and the y at which a block's value comes to it
        self.busy: list[float] = []  # the ys of all rows and lanes
        pill = max((text_width(name, TEXT) + 20 for name in wiring.sources), default=0.0)
        first = PADDING + pill + (GAP if wiring.sources else 0)
        order = [*reversed(wiring.sources), *wiring.rails]
        self.rails = {name: first + RAIL * place for place, name in enumerate(order)}
        self.pill = pill
        self.text = first + RAIL * len(order) + 6  # where the rows' first boxes begin
        widths = [_source(row).width for block in wiring.blocks for row in list_rows(block)]
        self.operations = self.text + max(widths, default=0.0) + GAP
        self.nets = 0

    def picture(self) -> Picture:
        """All blocks, the column of states, the rails and the title."""
        ends = list[tuple[Block, float, float, float]]()
        y = TOP
        for block in self.wiring.blocks:
            x, below = self._block(block, y)
            ends.append((block, x, y, below))
            lanes = [below - 6 + LANE * place for place in range(len(block.rails))]
            self.lanes |= dict(zip(block.rails, lanes, strict=True))
            self.busy += lanes
            y = lanes[-1] + 44 if lanes else below + 10
        delay = make_chip(0, 0, DELAY).width
        column = max(self.text + delay + 2 * GAP, *(x + GAP + 8 for _, x, _, _ in ends))
        width = max(_state_width(block) for block in self.wiring.blocks)
        for block, x, top, _ in ends:
            self._end(block, x, top, column, width)
        right = column + width
        if any(block.is_output for block in self.wiring.blocks):
            right += 30 + text_width("output", TEXT) + 20
        self._rails()
        title = Label(PADDING, 26, f"cell {shorten(self.wiring.name, 30)}", 14, bold=True)
        lines = _stage_lines(self.wiring.stages)
        subtitle = Label(PADDING + title.width + 14, 26, lines, SMALL)
        self.shapes += [title, subtitle]
        right = max(right, subtitle.x + subtitle.width)
        bottom = max([*self.lanes.values(), y - 44]) + 26
        pills = [s.y + s.height for s in self.shapes if isinstance(s, Box) and s.kind == "source"]
        bottom = max([bottom, *(low + 14 for low in pills)])
        total = right + PADDING
        return Picture(total, bottom, tuple(self.shapes), (Frame(0, 0, total, bottom),))

    # Rows and sums

    def _net(self) -> str:
        self.nets += 1
        return str(self.nets)

    def _wire(
        self,
        points: Iterable[Point],
        kind: str,
        net: str,
        *,
        weight: float = THIN,
        arrow: bool = False,
    ) -> None:
        self.shapes.append(Wire(tuple(points), kind, net, weight, arrow))

    def _weight(self, row: Row) -> float:
        notes = (self.notes.get(path) for path, _ in ((row.part, ""), *row.reads))
        return max((note.weight for note in notes if note is not None), default=THIN)

    def _row(self, row: Row, y: float, kind: str) -> _Placed:
        """A row from its rails to the end of its last chip."""
        weight = self._weight(row)
        self.busy.append(y)
        taps = sorted(row.rails, key=self.rails.__getitem__)
        for name in taps:
            self.taps.setdefault(name, []).append(y)
            self.shapes.append(Mark(self.rails[name], y, "dot"))
        first = _source(row)
        box = Box(
            self.text, y - HEIGHT / 2, first.width, HEIGHT, first.lines, first.kind, first.title
        )
        net = self._net()
        self._wire([(self.rails[taps[0]], y), (box.x, y)], kind, net, weight=weight)
        self.shapes.append(box)
        chips = (*row.chips, *self._row_notes(row))
        return self._chips(_Placed(box.right, y, y + PITCH, weight), chips, kind)

    def _chips(self, placed: _Placed, chips: tuple[Chip, ...], kind: str) -> _Placed:
        """Operations one after the other on a row, not left of the column of operations."""
        for chip in chips:
            x = max(placed.x + GAP, self.operations)
            box = make_chip(x, placed.y, chip)
            ends = [(placed.x, placed.y), (x, placed.y)]
            self._wire(ends, kind, self._net(), weight=placed.weight)
            self.shapes.append(box)
            placed = replace(placed, x=box.right)
        return placed

    def _row_notes(self, row: Row) -> tuple[Chip, ...]:
        """The notes on a row, and on each of what it reads."""
        noted = [(self.notes.get(path), name) for path, name in ((row.part, ""), *row.reads)]
        chips = dict.fromkeys(
            Chip(f"{name} {note.text}".strip(), note.kind) for note, name in noted if note
        )
        return tuple(chips)

    def _noted(self, part: str) -> tuple[Chip, ...]:
        note = self.notes.get(part)
        return () if note is None else (Chip(note.text, note.kind),)

    def _sum(self, total: Sum, y: float, kind: str) -> _Placed:
        """The rows of a sum, the first of them at y, and its value on the first row."""
        noted = (
            () if any(row.part == total.part for row in total.early) else self._noted(total.part)
        )
        if total.constant is not None:
            self.busy.append(y)
            box = make_chip(self.operations, y, total.constant)
            self.shapes.append(box)
            placed = _Placed(box.right, y, y + PITCH)
        else:
            placed = self._add(total.early, _Placed(0, y, y), kind)
        norm = () if total.norm is None else (total.norm,)
        placed = self._chips(placed, norm, kind)
        if total.late:
            placed = self._add(total.late, placed, kind)
        return self._chips(placed, (*total.chips, *noted), kind)

    def _add(self, rows: tuple[Row, ...], before: _Placed, kind: str) -> _Placed:
        """Rows summed with each other and with what comes on the first row already."""
        y, below, ends = before.y, before.below, list[_Placed]()
        for row in rows:
            end = self._row(row, below, kind)
            ends.append(end)
            below = end.below
        if before.x == 0 and len(rows) == 1:
            return ends[0]
        x = max(before.x, *(end.x for end in ends)) + MARGIN + RADIUS
        self.shapes.append(Mark(x, y, "plus"))
        net = self._net()
        if before.x:
            self._wire([(before.x, y), (x - RADIUS, y)], kind, net, arrow=True)
        risen = False
        for end in reversed(ends):
            if end.y == y:
                points = [(end.x, y), (x - RADIUS, y)]
                self._wire(points, kind, net, weight=end.weight, arrow=True)
                continue
            self._wire([(end.x, end.y), (x, end.y)], kind, net, weight=end.weight)
            if risen:
                self.shapes.append(Mark(x, end.y, "joint"))
            else:
                self._wire([(x, end.y), (x, y + RADIUS)], kind, net, arrow=True)
            risen = True
        return _Placed(x + RADIUS, y, below)

    # Blocks

    def _block(self, block: Block, y: float) -> tuple[float, float]:
        """A block at y: where its value's wire ends, and the y below its rows."""
        drive = self._sum(block.drive, y, _kind(block))
        below = drive.below
        for gate in block.gates:
            factor = self._sum(gate, below, "multiply")
            drive, below = self._meet(drive, factor, "times", "add", "multiply"), factor.below
        if block.kept is not None:
            kept = self._row(block.kept, below, "kept")
            below = kept.below
            if block.kept_gate is not None:
                factor = self._sum(block.kept_gate, below, "multiply")
                kept, below = self._meet(kept, factor, "times", "kept", "multiply"), factor.below
            drive = self._meet(drive, kept, "plus", "add", "kept")
        noted = self._noted(block.part)
        return self._chips(drive, (*block.chips, *noted), _kind(block)).x, below

    def _meet(self, value: _Placed, other: _Placed, mark: str, kind: str, coming: str) -> _Placed:
        """A value, on its row, behind the mark at which another one comes up to it."""
        at = max(value.x + GAP, other.x + MARGIN) + RADIUS
        self.shapes.append(Mark(at, value.y, mark))
        ends = [(value.x, value.y), (at - RADIUS, value.y)]
        self._wire(ends, kind, self._net(), weight=value.weight, arrow=True)
        points = [(other.x, other.y), (at, other.y), (at, value.y + RADIUS)]
        self._wire(points, coming, self._net(), weight=other.weight, arrow=True)
        return _Placed(at + RADIUS, value.y, value.below)

    def _end(self, block: Block, x: float, y: float, column: float, width: float) -> None:
        """A block's box, the way to the cell's output, and the lanes back to its rails."""
        lines = (block.shown, *((block.note,) if block.note else ()))
        kind: str = "put_out" if block.is_output else block.kind
        top = y - STATE_HEIGHT / 2
        self.shapes.append(Box(column, top, width, STATE_HEIGHT, lines, kind, title=block.name))
        self._wire([(x, y), (column, y)], _kind(block), self._net(), arrow=True)
        if block.is_output:
            start, wide = column + width, text_width("output", TEXT) + 20
            self.shapes.append(
                Box(start + 30, y - HEIGHT / 2, wide, HEIGHT, ("output",), "source")
            )
            self._wire([(start, y), (start + 30, y)], "rail", self._net(), arrow=True)
        for place, rail in enumerate(block.rails, start=1):
            port, lane = column + width * place / (len(block.rails) + 1), self.lanes[rail]
            net, kind = f"rail {rail}", _rail_kind(rail)
            points = [(port, y + STATE_HEIGHT / 2), (port, lane)]
            if rail.startswith("old "):
                box = make_chip(column - GAP - make_chip(0, 0, DELAY).width, lane, DELAY)
                self.shapes.append(box)
                self._wire([*points, (box.right, lane)], kind, net, arrow=True)
                points = [(box.x, lane)]
            self._wire([*points, (self.rails[rail], lane)], kind, net)

    def _rails(self) -> None:
        """The rails, from where their value comes to where it is read, and the sources."""
        y = TOP - PITCH / 2 - 2
        for source in self.wiring.sources:
            while any(abs(y - busy) < 4 for busy in self.busy):
                y += 4
            x = self.rails[source]
            box = Box(
                PADDING, y - HEIGHT / 2, self.pill, HEIGHT, (source,), "source", title=source
            )
            self.shapes.append(box)
            self._wire([(box.right, y), (x, y)], _rail_kind(source), f"rail {source}")
            self._rail(source, y)
            y += HEIGHT + 6
        for rail in self.wiring.rails:
            self._rail(rail, self.lanes[rail])

    def _rail(self, rail: str, source: float) -> None:
        x, ys = self.rails[rail], [*self.taps.get(rail, ()), source]
        self._wire([(x, min(ys)), (x, max(ys))], _rail_kind(rail), f"rail {rail}")
        if min(ys) < source < max(ys):
            self.shapes.append(Mark(x, source, "joint"))


def _kind(block: Block) -> str:
    return "multiply" if block.kind == "gate" else "add"


def _rail_kind(rail: str) -> str:
    first, _, _ = rail.partition(" ")
    kinds = {"old": "before", "gate": "shared_rail", "feedback": "feedback"}
    return kinds.get(first, "rail")


def _state_width(block: Block) -> float:
    name = text_width(block.shown, TEXT, bold=True)
    return max(name, text_width(block.note, SMALL), 40) + 20


def _stage_lines(stages: tuple[str, ...]) -> str:
    """`in conv4, conv5`; of many, the first ones and how many more."""
    shown = ", ".join(shorten(stage, NAME_LETTERS) for stage in stages[:8])
    return f"in {shown}" + (f" and {len(stages) - 8} more" if len(stages) > 8 else "")
