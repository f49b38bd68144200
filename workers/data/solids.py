"""Solids and what a camera far away sees of them: where they are, and how their surface lies.

Rays are parallel, so that one direction holds for all of them: with d the direction and o the
rays' origins in the solid's own frame, the nearest hit p = o + t d is where

- of a convex polyhedron {p: n_i p <= c_i} the last of the planes that lead in is passed before the
  first that leads out (Kay & Kajiya 1986, SIGGRAPH 20:269);
- of a surface of revolution x^2 + y^2 = (a + b z)^2, |z| <= 1, or of a sphere, a quadratic
  equation has its smaller valid root, or a cap is met;
- of a torus (sqrt(x^2 + y^2) - 1)^2 + z^2 = r^2 steps of the distance to the surface end (Hart
  1996, The Visual Computer 12:527).

A solid may be stretched: rays are divided by the stretch s, normals too. Only +, -, *, / and
square roots are used, which every machine rounds alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.data.random_numbers import RandomNumbers, Reals

_STEPS, _CLOSE = 40, 2e-3  # of sphere tracing
_FAR = 3.0  # where rays start: solids lie within 1 of their centre
_FLAT = 1e-12


@dataclass(frozen=True, kw_only=True)
class Hits:
    """By ray [n]: how far the surface is (infinite: none), and its unit normal [n,3]."""

    distance: Reals
    normals: Reals


Cast = Callable[[Reals, Reals], Hits]
"""Rays from origins [n,3] in a direction [3] -> hits. Normals need not be of length 1 here."""


@dataclass(frozen=True, kw_only=True)
class Solid:
    """A shape of a class, stretched by `stretch` [3]; it lies within 1 of its centre."""

    cast: Cast
    stretch: Reals


def see(solid: Solid, rotation: Reals, side: int) -> tuple[NDArray[np.bool_], Reals]:
    """Where a solid turned by `rotation` [3,3] is seen, [side,side], and its normals there,
    [side,side,3]: x to the right, y down, z to the viewer. The picture reaches from -1 to 1.
    """
    grid = (np.arange(side) + 0.5) * (2 / side) - 1
    x, y = np.tile(grid, side)[:, None], np.repeat(grid, side)[:, None]
    # Rows of the rotation are the axes of the picture in the solid's frame.
    origins = x * rotation[0] + y * rotation[1] + _FAR * rotation[2]
    near = np.flatnonzero((x * x + y * y)[:, 0] <= 1)
    hits = solid.cast(origins[near] / solid.stretch, -rotation[2] / solid.stretch)
    seen = np.zeros(side * side, dtype=bool)
    seen[near] = np.isfinite(hits.distance)
    normals = np.zeros((side * side, 3))
    inner = hits.normals / solid.stretch
    for axis in range(3):
        normals[near, axis] = dot(inner, rotation[axis])
    normals /= np.maximum(np.sqrt(dot(normals, normals)), _FLAT)[:, None]
    return seen.reshape(side, side), normals.reshape(side, side, 3)


def dot(one: Reals, other: Reals) -> Reals:
    """The products of vectors [...,3], summed in one order on every machine."""
    product: Reals = (
        one[..., 0] * other[..., 0] + one[..., 1] * other[..., 1] + one[..., 2] * other[..., 2]
    )
    return product


# ------------------------------------------------------------------------------------ primitives


def _polyhedron(planes: Sequence[tuple[Sequence[float], float]]) -> Cast:
    normals = np.array([normal for normal, _ in planes], dtype=np.float64)
    offsets = np.array([offset for _, offset in planes], dtype=np.float64)

    def cast(origins: Reals, direction: Reals) -> Hits:
        steepness = dot(normals, direction)
        steepness = np.where(abs(steepness) < _FLAT, _FLAT, steepness)
        times = (offsets - dot(origins[:, None], normals)) / steepness
        into, out_of = steepness < 0, steepness > 0
        entry = np.where(into, times, -np.inf)
        first = entry.argmax(axis=1)
        start = entry.max(axis=1)
        end = np.where(out_of, times, np.inf).min(axis=1)
        return Hits(distance=np.where(start < end, start, np.inf), normals=normals[first])

    return cast


def _nearest(candidates: Sequence[Hits]) -> Hits:
    distances = np.stack([hits.distance for hits in candidates])
    first = distances.argmin(axis=0)
    rays = np.arange(distances.shape[1])
    normals = np.stack([hits.normals for hits in candidates])
    return Hits(distance=distances[first, rays], normals=normals[first, rays])


def _union(parts: Sequence[Cast]) -> Cast:
    return lambda origins, direction: _nearest([part(origins, direction) for part in parts])


def _roots(square: float, half: Reals, constant: Reals) -> tuple[Reals, Reals]:
    """Both solutions of square t^2 + 2 half t + constant = 0; infinite where there is none."""
    square = square if abs(square) > _FLAT else _FLAT
    inside = half * half - square * constant
    root = np.sqrt(np.maximum(inside, 0))
    missing = inside < 0
    low, high = (-half - root) / square, (-half + root) / square
    return np.where(missing, np.inf, low), np.where(missing, np.inf, high)


def _sphere(origins: Reals, direction: Reals) -> Hits:
    square = float(dot(direction, direction))
    distance = np.minimum(*_roots(square, dot(origins, direction), dot(origins, origins) - 1))
    reach = np.where(np.isfinite(distance), distance, 0)
    return Hits(distance=distance, normals=origins + reach[:, None] * direction)


def _revolved(radius: float, slope: float) -> Cast:
    """x^2 + y^2 = (radius + slope z)^2 between z = -1 and 1, closed by caps."""

    def cast(origins: Reals, direction: Reals) -> Hits:
        (dx, dy, dz), (ox, oy, oz) = direction.tolist(), origins.T
        ring = radius + slope * oz
        square = dx * dx + dy * dy - slope * slope * dz * dz
        half = ox * dx + oy * dy - slope * dz * ring
        candidates = []
        for time in _roots(square, half, ox * ox + oy * oy - ring * ring):
            reach = np.where(np.isfinite(time), time, 0)
            x, y, z = ox + reach * dx, oy + reach * dy, oz + reach * dz
            valid = np.isfinite(time) & (abs(z) <= 1)
            normals = np.stack([x, y, -slope * (radius + slope * z)], axis=1)
            candidates.append(Hits(distance=np.where(valid, time, np.inf), normals=normals))
        for end in (-1.0, 1.0):
            time = (end - oz) / (dz if abs(dz) > _FLAT else _FLAT)
            x, y, cap = ox + time * dx, oy + time * dy, radius + slope * end
            normals = np.broadcast_to(np.array([0.0, 0.0, end]), origins.shape)
            valid = x * x + y * y <= cap * cap
            candidates.append(Hits(distance=np.where(valid, time, np.inf), normals=normals))
        return _nearest(candidates)

    return cast


def _torus(thickness: float) -> Cast:
    """A ring of radius 1 round the z axis, `thickness` its tube's radius."""

    def cast(origins: Reals, direction: Reals) -> Hits:
        length = np.sqrt(dot(direction, direction))
        ahead, points = direction / length, origins
        passed = np.zeros(len(origins))
        for _ in range(_STEPS):
            x, y, z = points.T
            flat = np.sqrt(x * x + y * y)
            gap = np.sqrt((flat - 1) * (flat - 1) + z * z) - thickness
            passed = passed + gap
            points = origins + passed[:, None] * ahead
        x, y, z = points.T
        around = 1 - 1 / np.maximum(np.sqrt(x * x + y * y), _FLAT)
        normals = np.stack([x * around, y * around, z], axis=1)
        return Hits(distance=np.where(gap < _CLOSE, passed / length, np.inf), normals=normals)

    return cast


# --------------------------------------------------------------------------------------- classes


def _box(x: float, y: float, z: float) -> Cast:
    axes = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    opposite = [tuple(-part for part in axis) for axis in axes]
    return _polyhedron(
        [*zip(axes, (x, y, z), strict=True), *zip(opposite, (x, y, z), strict=True)]
    )


_ROOT3 = float(np.sqrt(3.0))


def _prism() -> Cast:
    """A triangle of circumradius 1, from z = -1 to 1."""
    sides = ((0.0, -1.0, 0.0), (_ROOT3 / 2, 0.5, 0.0), (-_ROOT3 / 2, 0.5, 0.0))
    caps = (((0.0, 0.0, 1.0), 1.0), ((0.0, 0.0, -1.0), 1.0))
    return _polyhedron([*((side, 0.5) for side in sides), *caps])


def _pyramid() -> Cast:
    """A square of half-diagonal 1 at z = -1, its tip at z = 1."""
    half = float(np.sqrt(0.5))
    # Each side holds the tip (0, 0, 1) and an edge at distance `half` from the axis.
    sides = [
        ((2 * x, 2 * y, half), half) for x, y in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
    ]
    return _polyhedron([*sides, ((0.0, 0.0, -1.0), 1.0)])


def _stretched(cast: Cast, extent: Sequence[float], stretch: Sequence[float]) -> Solid:
    """A solid that reaches to `extent` [3] in a corner, stretched, then scaled to fit into 1."""
    reach = np.array(extent) * np.array(stretch)
    return Solid(cast=cast, stretch=np.array(stretch) / np.sqrt(dot(reach, reach)))


def _make_ellipsoid(random: RandomNumbers) -> Solid:
    _, y, z = random.uniform(0.5, 0.95, 3).tolist()
    return Solid(cast=_sphere, stretch=np.array([1.0, y, z]))


def _make_box(random: RandomNumbers) -> Solid:
    return _stretched(_box(1, 1, 1), (1, 1, 1), random.uniform(0.5, 1, 3).tolist())


def _make_cylinder(random: RandomNumbers) -> Solid:
    flat, length = random.uniform(0.75, 1, 2).tolist()
    return _stretched(_revolved(1, 0), (1, 0, 1), (1, flat, 2 * length))


def _make_cone(random: RandomNumbers) -> Solid:
    tip, length = random.uniform(0, 0.25, 1).item(), random.uniform(0.8, 1.4, 1).item()
    return _stretched(_revolved((1 + tip) / 2, (tip - 1) / 2), (1, 0, 1), (1, 1, length))


def _make_torus(random: RandomNumbers) -> Solid:
    thickness, flat = random.uniform(0.25, 0.45, 1).item(), random.uniform(0.75, 1, 1).item()
    return _stretched(_torus(thickness), (1 + thickness, 0, 0), (1, flat, 1))


def _make_pyramid(random: RandomNumbers) -> Solid:
    flat, length = random.uniform(0.7, 1, 1).item(), random.uniform(0.7, 1.2, 1).item()
    return _stretched(_pyramid(), (1, 0, 1), (1, flat, length))


def _make_prism(random: RandomNumbers) -> Solid:
    flat, length = random.uniform(0.7, 1.2, 1).item(), random.uniform(0.6, 1.4, 1).item()
    return _stretched(_prism(), (0, 1, 1), (1, flat, length))


def _make_cross(random: RandomNumbers) -> Solid:
    """Three bars at right angles."""
    thin = random.uniform(0.2, 0.34, 1).item()
    a, b, c = random.uniform(0.7, 1, 3).tolist()
    bars = _union([_box(a, thin, thin), _box(thin, b, thin), _box(thin, thin, c)])
    return _stretched(bars, (1, thin, thin), (1, 1, 1))


SOLIDS: Mapping[str, Callable[[RandomNumbers], Solid]] = {
    "ellipsoid": _make_ellipsoid,
    "box": _make_box,
    "cylinder": _make_cylinder,
    "cone": _make_cone,
    "torus": _make_torus,
    "pyramid": _make_pyramid,
    "prism": _make_prism,
    "cross": _make_cross,
}
"""By class: a solid of it, of drawn proportions."""


def draw_rotation(random: RandomNumbers, variation: float) -> Reals:
    """A rotation [3,3]: of a unit quaternion, all alike likely for `variation` 1; for 0 that in
    which the z axis is seen from 30 degrees above, turned by 30 degrees.
    """
    drawn = random.normal(1, 4)
    drawn = drawn / np.maximum(np.sqrt((drawn * drawn).cumsum()[-1]), _FLAT)
    drawn = -drawn if drawn[0] < 0 else drawn
    w, x, y, z = variation * drawn + (1 - variation) * _UPRIGHT
    length = np.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = (part / max(length, _FLAT) for part in (w, x, y, z))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _upright() -> Reals:
    """The quaternion of 60 degrees about x after 30 degrees about z: halves 1/2 and (roots)."""
    tilt = (_ROOT3 / 2, 0.5)  # cosine and sine of 30 degrees, half of 60
    spin = (float(np.sqrt(2 + _ROOT3)) / 2, float(np.sqrt(2 - _ROOT3)) / 2)  # of 15 degrees
    return np.array([tilt[0] * spin[0], tilt[1] * spin[0], -tilt[1] * spin[1], tilt[0] * spin[1]])


_UPRIGHT = _upright()
