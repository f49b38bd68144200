"""Pathfinder: do two dots lie on one dashed curve, or on two?

The task of Linsley et al. 2018 ("Learning long-range spatial dependencies with horizontal
gated-recurrent units", NeurIPS), after Houtkamp & Roelfsema 2010 ("Parallel and serial grouping of
image elements in visual perception", J. Exp. Psychol. HPP 36). Every image has two long curves and
short ones as distractors; one dot lies at an end of a long curve, the other at its other end
(class `one`) or at an end of the other long curve (class `two`).

A curve is a chain of dashes: p' = p + (dash + gap) d, and d turns by an angle whose half has a
tangent uniform in +-0.4 (+-44 degrees), drawn again where it would leave free ground. Both classes
are the same scene but for the second dot, and most of what could give the answer away without
following a curve is alike by construction. With a the first dot, h the curve's direction there and
e its other end, the second curve starts at the mirror image of e in the line through a along h, in
the mirrored direction:

    e' = a + 2 ((e - a) . h) h - (e - a)

so the distance of the dots, the angles of both first dashes to the line between them, the dashes
in number and length, and the ink are the same whichever of e and e' bears the dot. No two curves
come closer than a gap and two pixels, their gaps included.

What is left: where dots of two curves lie in the image, and the ink along the line between the
dots, since curves rarely stray far from it (docs/tasks.md measures both).
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.data.images import Images
from workers.data.random_numbers import RandomNumbers, Reals, rotate, turn
from workers.data.source import DatasetInfo, Integers, Source, Split
from workers.data.specs import Pathfinder

CLASSES = ("two", "one")
COUNTS = {"train": 100_000, "validation": 1_000, "test": 20_000}

_BEND = 0.4  # tangent of half of the greatest turn between two dashes
_WIDTH, _DOT = 0.6, 1.7  # half of a dash's width, and a dot's radius, in pixels
_EDGE = 2.0  # pixels from a curve to the image's edge
_TRIES, _TURNS = 32, 4  # curves that are drawn at once, and turns that a dash may choose from
_SCENES = 1000  # before giving up
_QUARTERS = np.array([0.25, 0.5, 0.75, 1.0])


def open_pathfinder(spec: Pathfinder) -> Source:
    """The scenes that `spec` asks for, every other one of the class `one`.

    Raises DataError if its curves find no place.
    """
    splits = {
        name: Split(labels=np.arange(count, dtype=np.int64) % 2, read=partial(_read, spec, name))
        for name, count in COUNTS.items()
    }
    _read(spec, "train", np.arange(4))
    return Source(classes=CLASSES, channels=1, fingerprint="pathfinder-1", splits=splits)


def _read(spec: Pathfinder, split: str, numbers: Integers) -> Images:
    made = [
        draw_scene(spec, RandomNumbers.of_image(spec.seed, split, int(number)), int(number) % 2)
        for number in numbers
    ]
    return np.stack(made)[..., None]


def draw_scene(spec: Pathfinder, random: RandomNumbers, label: int) -> Images:
    """One image [size,size] of the class `label`. Raises DataError if there is no room."""
    return _draw(spec, place_curves(spec, random), label)


# ------------------------------------------------------------------------------------- the scene


def place_curves(spec: Pathfinder, random: RandomNumbers) -> list[Reals]:
    """Where the dashes of each curve start, and its end, [dashes+1,2]: the two long ones, then the
    distractors. Raises DataError if there is no room for them.
    """
    for _ in range(_SCENES):
        curves = _try_scene(spec, random)
        if curves is not None:
            return curves
    problem = f"the curves found no place in {_SCENES} scenes"
    cure = f"write a larger size than {spec.size}, shorter curves or fewer distractors"
    raise DataError("pathfinder", problem, cure)


def _try_scene(spec: Pathfinder, random: RandomNumbers) -> list[Reals] | None:
    """The curves of one scene; None as soon as one of them finds no place."""
    empty = _Ground(spec)
    drawn = empty.grow(spec.curve_length, *empty.draw_starts(random), random)
    for first in drawn:
        ground = _Ground(spec)
        second = _grow_second(spec, ground, first, random)
        if second is not None:
            break
    else:
        return None
    curves = [first, second]
    for _ in range(spec.distractors):
        ground.take(curves[-1])
        starts, headings = ground.draw_starts(random)
        short = next(ground.grow(spec.distractor_length, starts, headings, random), None)
        if short is None:
            return None
        curves.append(short)
    return curves


def _grow_second(
    spec: Pathfinder, ground: "_Ground", first: Reals, random: RandomNumbers
) -> Reals | None:
    """The second long curve, from where the first one's end is mirrored; None without room.

    The first one takes its own.
    """
    end, away = _mirror_end(first)
    if not ground.is_free(end[None]).all():
        return None
    ground.take(first)
    if not ground.is_free(end[None]).all():
        return None
    starts, headings = (np.broadcast_to(vector, (_TRIES, 2)) for vector in (end, away))
    return next(ground.grow(spec.curve_length, starts, headings, random), None)


def _mirror_end(curve: Reals) -> tuple[Reals, Reals]:
    """The end of a curve [k+1,2] and the direction back from it, as unit vector, both mirrored in
    the line along its first dash.
    """
    axis, back = _unit(curve[1] - curve[0]), _unit(curve[-2] - curve[-1])
    return curve[0] + _mirror(curve[-1] - curve[0], axis), _mirror(back, axis)


def _unit(vector: Reals) -> Reals:
    unit: Reals = vector / np.sqrt(vector[0] * vector[0] + vector[1] * vector[1])
    return unit


def _mirror(vector: Reals, axis: Reals) -> Reals:
    """A vector [2] mirrored in a line through 0 along the unit vector `axis` [2]."""
    along = vector[0] * axis[0] + vector[1] * axis[1]
    mirrored: Reals = 2 * along * axis - vector
    return mirrored


class _Ground:
    """Where curves may still lie, which keep a margin from one another and from themselves."""

    def __init__(self, spec: Pathfinder) -> None:
        self._size, self._pace, self._gap = spec.size, spec.dash + spec.gap, spec.gap
        self._margin = spec.gap + 2 + 2 * _WIDTH
        self._free = np.ones((spec.size, spec.size), dtype=bool)

    def draw_starts(self, random: RandomNumbers) -> tuple[Reals, Reals]:
        """Places [n,2] on the whole ground, and directions [n,2]."""
        places = random.uniform(_EDGE, self._size - _EDGE, _TRIES, 2)
        return places, random.directions(_TRIES)

    def is_free(self, points: Reals) -> NDArray[np.bool_]:
        """Whether points [...,2] lie inside and far enough from what is there, [...]."""
        inside = ((points >= _EDGE) & (points <= self._size - _EDGE)).all(axis=-1)
        pixels = np.clip(points, 0, self._size - 1).astype(np.int64)
        free: NDArray[np.bool_] = inside & self._free[pixels[..., 1], pixels[..., 0]]
        return free

    def grow(
        self, count: int, starts: Reals, headings: Reals, random: RandomNumbers
    ) -> Iterator[Reals]:
        """Curves [count+1,2] of `count` dashes from `starts` [n,2], the first along `headings`.

        Each further dash takes the first of four drawn turns that leads to free ground; a curve
        with none is given up.
        """
        drawn = turn(random.uniform(-_BEND, _BEND, count - 1, len(starts), _TURNS))
        points, heading = [starts], headings
        alive = self.is_free(starts)
        rows = np.arange(len(starts))
        for step in range(count):
            # [n,options,2] of directions, and of four points along each dash and its gap
            options = rotate(heading[:, None], drawn[step - 1]) if step else heading[:, None]
            reach = self._pace if step < count - 1 else self._pace - self._gap
            along = reach * _QUARTERS[:, None, None, None] * options
            free = np.all(self.is_free(points[-1][:, None] + along), axis=0)
            alive = alive & np.any(free, axis=1)
            heading = options[rows, np.argmax(free, axis=1)]
            points.append(points[-1] + reach * heading)
        grown = np.stack(points, axis=1)[alive]
        return (curve for curve in grown if _keeps_off_itself(curve, self._margin))

    def take(self, curve: Reals) -> None:
        """Keep others from a curve [k+1,2] and its gaps."""
        self._free &= _distance(curve[:-1], curve[1:], self._size) >= self._margin


def _keeps_off_itself(chain: Reals, margin: float) -> bool:
    """Whether no two points of a chain [k+1,2] that are no neighbours come close."""
    apart = chain[:, None] - chain[None]
    square = apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1]
    places = np.arange(len(chain))
    distant = abs(places[:, None] - places[None]) > 2
    return bool((square[distant] >= 4 * margin * margin).all())


# ----------------------------------------------------------------------------------- the picture


def _draw(spec: Pathfinder, curves: list[Reals], label: int) -> Images:
    share = spec.dash / (spec.dash + spec.gap)
    starts = np.concatenate([curve[:-1] for curve in curves])
    ends = np.concatenate([_dash_ends(curve, share) for curve in curves])
    shades = spec.contrast * _cover(_distance(starts, ends, spec.size), _WIDTH)
    first, second = curves[0], curves[1]
    dots = np.stack([first[0], first[-1] if label else second[0]])
    light = np.maximum(shades, _cover(_distance(dots, dots, spec.size), _DOT))
    image: Images = np.rint(255 * light).astype(np.uint8)
    return image


def _dash_ends(curve: Reals, share: float) -> Reals:
    """Where the dashes of a curve [k+1,2] end; the last one has no gap behind it."""
    ends = curve[:-1] + share * (curve[1:] - curve[:-1])
    ends[-1] = curve[-1]
    return ends


def _cover(distance: Reals, reach: float) -> Reals:
    """How much of a pixel lies within `reach`, with an edge one pixel wide, 0..1."""
    covered: Reals = np.clip(reach + 0.5 - distance, 0, 1)
    return covered


def _distance(starts: Reals, ends: Reals, size: int) -> Reals:
    """[size,size]: from each pixel's centre to the nearest of the segments [n,2] to [n,2]."""
    centres = np.arange(size) + 0.5
    along = ends - starts
    square = along[:, 0] * along[:, 0] + along[:, 1] * along[:, 1]
    dx = centres[None, None, :] - starts[:, 0, None, None]
    dy = centres[None, :, None] - starts[:, 1, None, None]
    projected = dx * along[:, 0, None, None] + dy * along[:, 1, None, None]
    part = np.clip(projected / np.maximum(square, 1e-12)[:, None, None], 0, 1)
    x, y = dx - part * along[:, 0, None, None], dy - part * along[:, 1, None, None]
    nearest: Reals = np.sqrt((x * x + y * y).min(axis=0))
    return nearest


def describe_pathfinder() -> DatasetInfo:
    """The line of `ventral data list`."""
    return DatasetInfo(
        name="pathfinder",
        images="4,000 of 100,000 + 1,000 + 2,000 of 20,000",
        classes="2",
        sizes="multiples of 8 from 24 (32)",
        origin="generated",
        available=True,
        note="are two dots on one dashed curve: long-range grouping",
    )
