"""What may not be in a picture of a circuit: texts without room, things that lie on each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from space.circuits.metric import text_width
from space.circuits.shapes import SMALL, TEXT, Box, Label, Mark, Picture, Shape, Wire

Rectangles = NDArray[np.float64]  # [N, 4]: left, top, right, bottom
CLEAR = 1.0
"""So many pixels at least lie between two things that do not belong together."""


def find_faults(picture: Picture) -> list[str]:
    """What is wrong with a picture, a line each."""
    solids = [shape for shape in picture.shapes if is_solid(shape)]
    wires = [shape for shape in picture.shapes if isinstance(shape, Wire)]
    areas = np.array([_area(shape) for shape in solids])
    return [
        *(f"no room: {box.lines}" for box in solids if isinstance(box, Box) and not has_room(box)),
        *_find_overlaps(solids, areas),
        *_find_wires_through(wires, solids, areas),
        *_find_shared_stretches(wires),
        *_find_outside(picture, areas, wires),
    ]


def is_solid(shape: Shape) -> bool:
    """Whether nothing else may lie where a shape lies: boxes, labels, marks of sum and product."""
    return isinstance(shape, Box | Label) or (
        isinstance(shape, Mark) and shape.kind in ("plus", "times")
    )


def has_room(box: Box) -> bool:
    """Whether a box holds its lines, of which the first may be large and bold."""
    first, *rest = box.lines
    large = box.kind in ("state", "put_out", "gate", "mask", "stage", "source")
    widths = [text_width(first, TEXT if large else SMALL, bold=large and box.kind != "source")]
    widths += [text_width(line, SMALL) for line in rest]
    return max(widths) + 6 <= box.width + 1e-6 and 14 * len(box.lines) <= box.height


def _area(shape: Shape) -> tuple[float, float, float, float]:
    if isinstance(shape, Box):
        return shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
    if isinstance(shape, Label):
        return shape.x, shape.y - shape.size, shape.x + shape.width, shape.y + 0.3 * shape.size
    assert isinstance(shape, Mark)
    r = shape.radius
    return shape.x - r, shape.y - r, shape.x + r, shape.y + r


def _meet(a: Rectangles, b: Rectangles, clear: float) -> NDArray[np.bool_]:
    """[N, M]: whether rectangles of `a` and of `b` come closer than `clear` to each other."""
    a, b = a[:, None, :], b[None, :, :]
    across = (a[..., 0] < b[..., 2] + clear) & (b[..., 0] < a[..., 2] + clear)
    return across & (a[..., 1] < b[..., 3] + clear) & (b[..., 1] < a[..., 3] + clear)


def _find_overlaps(solids: list[Shape], areas: Rectangles) -> list[str]:
    pairs = np.argwhere(np.triu(_meet(areas, areas, CLEAR), 1))
    return [f"overlap: {solids[i]} and {solids[j]}" for i, j in pairs]


def _segments(wires: list[Wire]) -> tuple[list[Wire], Rectangles]:
    """Every straight stretch of the wires, as a rectangle without width."""
    owners, rows = list[Wire](), list[tuple[float, float, float, float]]()
    for wire in wires:
        for (x, y), (x2, y2) in zip(wire.points, wire.points[1:], strict=False):
            assert x == x2 or y == y2, f"askew: {wire}"
            owners.append(wire)
            rows.append((min(x, x2), min(y, y2), max(x, x2), max(y, y2)))
    return owners, np.array(rows)


def _find_wires_through(wires: list[Wire], solids: list[Shape], areas: Rectangles) -> list[str]:
    """Wires that run through a thing, or so close by that they touch it without ending there."""
    owners, rows = _segments(wires)
    through = _meet(rows, areas, -0.01)
    half = np.array([wire.weight / 2 for wire in owners])
    wide = rows + np.stack([-half, -half, half, half], axis=1)
    beside = _meet(wide, areas, 0.0) & ~_meet(rows, areas, 0.01)
    heads = [wire for wire in wires if wire.arrow]
    pointed = _meet(np.array([_head(wire) for wire in heads]).reshape(-1, 4), areas, 0.0)
    faults = [f"through: {owners[i]} and {solids[j]}" for i, j in np.argwhere(through)]
    faults += [f"beside: {owners[i]} and {solids[j]}" for i, j in np.argwhere(beside)]
    for i, j in np.argwhere(pointed):
        x, y = heads[i].points[-1]
        if not _meet(np.array([[x, y, x, y]]), areas[j : j + 1], 0.01).any():
            faults.append(f"arrow on: {heads[i]} and {solids[j]}")
    return faults


def _head(wire: Wire) -> tuple[float, float, float, float]:
    """The area of an arrow's head."""
    (x, y), (x0, y0) = wire.points[-1], wire.points[-2]
    long, half = 6 + wire.weight, 2.6 + 0.75 * wire.weight
    if x == x0:
        back = y - long * np.sign(y - y0)
        return x - half, min(y, back), x + half, max(y, back)
    back = x - long * np.sign(x - x0)
    return min(x, back), y - half, max(x, back), y + half


def _find_shared_stretches(wires: list[Wire]) -> list[str]:
    """Wires that are not connected and run on each other for a while."""
    owners, rows = _segments(wires)
    half = np.array([wire.weight / 2 for wire in owners])
    upright = rows[:, 0] == rows[:, 2]
    # Only along their way do they come that near; a crossing is short.
    faults = []
    for along, across in ((1, 0), (0, 1)):
        chosen = np.flatnonzero(upright if along == 1 else ~upright)
        low, high = rows[chosen][:, along], rows[chosen][:, along + 2]
        shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
        apart = np.abs(rows[chosen][:, across][:, None] - rows[chosen][:, across])
        near = apart < half[chosen][:, None] + half[chosen]
        for i, j in np.argwhere(np.triu((shared > 0.5) & near, 1)):
            one, other = owners[chosen[i]], owners[chosen[j]]
            if one.net != other.net:
                faults.append(f"on each other: {one} and {other}")
    return faults


def _find_outside(picture: Picture, areas: Rectangles, wires: list[Wire]) -> list[str]:
    points = np.array([point for wire in wires for point in wire.points])
    right, bottom = areas[:, 2].max(), areas[:, 3].max()
    left, top = areas[:, 0].min(), areas[:, 1].min()
    if len(points):
        (x, y), (x2, y2) = points.min(axis=0), points.max(axis=0)
        left, top, right, bottom = min(left, x), min(top, y), max(right, x2), max(bottom, y2)
    fits = left >= 0 and top >= 0 and right <= picture.width and bottom <= picture.height
    frames = np.array([(f.x, f.y, f.x + f.width, f.y + f.height) for f in picture.frames])
    apart = not np.triu(_meet(frames, frames, CLEAR), 1).any()
    return [*([] if fits else ["outside the picture"]), *([] if apart else ["grounds overlap"])]
