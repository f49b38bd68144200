"""Do dynamics agree? The linear operator of a population's trajectories, and its likeness.

Responses [stimuli, bins, units] are trajectories. Each is embedded with `delays` of its own past,
the embedded rows are written in their principal coordinates of unit variance, and the operator
[rank, rank] that takes each row to the next is fitted by least squares (dynamic mode decomposition
in eigen-time-delay coordinates). Two operators are one dynamics if a rotation or reflection of the
coordinates takes the one to the other:

    distance = min over orthogonal C of || A - C B C' || / sqrt(rank)
    angle    = arccos( <A, C B C'> / (|| A || || B ||) )         at the same C, in radians

A rotation of the units, or any other linear map of them that loses nothing, leaves both at 0, and
a population that is like another only in what it represents does not. `eigenvalues` is the root
mean square distance of matched eigenvalues; operators that commute with their transpose are never
nearer than that, and symmetric ones exactly so far apart (Hoffman and Wielandt 1953).

Source: Ostrow et al., NeurIPS 2023 ("Beyond geometry"). The operators are those of their package
dsa-metric, whose search for C begins at one random point; ours ends at the best of many, and is
the same in every run.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError
from workers.brains.correlation import Floats

UNITS = 50
"""More units are reduced to so many principal components before they are embedded."""

SHARE = 0.99
MOST = 20
"""Without a rank, as many coordinates as hold this share of the variance, and at most so many."""

TOLERANCE = 1e-6
"""Coordinates of less than this share of the largest one's deviation are rounding."""

SEED = 1
STARTS, CALLS = 12, 200
"""An alignment begins at so many random rotations at least, and at more of a small rank: CALLS by
the rank.
"""


@dataclass(frozen=True, kw_only=True)
class Trajectories:
    """Embedded trajectories in coordinates of unit variance, as sums over each stimulus.

    rows [stimuli, rank, rank]: sums of v v' over all rows; before: over the rows but the last;
    after: sums of w v', where w follows v. shares [rank]: of the variance that the coordinates up
    to each hold.
    """

    rows: Floats
    before: Floats
    after: Floats
    shares: Floats

    @property
    def rank(self) -> int:
        """The number of coordinates."""
        return len(self.shares)

    @property
    def needed(self) -> int:
        """How many coordinates hold 99 % of the variance; all, if these hold less."""
        return min(int(np.searchsorted(self.shares, SHARE)) + 1, self.rank)

    def fit(self, counts: Floats | None = None) -> Floats:
        """The operator [rank, rank], each stimulus as often as `counts` [stimuli] say.

        In coordinates that have unit variance over these stimuli: those of all, scaled by the root
        of what the variance is over these.
        """
        weights = np.ones(len(self.before)) if counts is None else counts
        rows, before, after = (
            np.tensordot(weights, sums, 1) for sums in (self.rows, self.before, self.after)
        )
        operator = np.linalg.lstsq(before, after.T, rcond=1e-12)[0].T
        if counts is not None:
            sizes, axes = np.linalg.eigh(rows)
            roots = np.sqrt(np.maximum(sizes, 1e-12 * max(float(sizes[-1]), 1e-300)))
            operator = (axes / roots) @ axes.T @ operator @ (axes * roots) @ axes.T
        return np.asarray(operator, dtype=np.float64)

    def keep(self, rank: int) -> "Trajectories":
        """The first `rank` coordinates."""
        rows, before, after = (
            sums[:, :rank, :rank] for sums in (self.rows, self.before, self.after)
        )
        return Trajectories(rows=rows, before=before, after=after, shares=self.shares[:rank])


def embed_trajectories(
    responses: NDArray[Any], *, delays: int = 1, rank: int | None = None
) -> Trajectories:
    """The trajectories of responses [stimuli, bins, units], with `delays` bins in each row.

    Without a rank, with all coordinates that vary, at most 20. Raises DataError for responses
    without time or that are not finite, and for a rank that they do not have.
    """
    if responses.ndim != 3 or responses.shape[1] < delays + 1:
        shape = list(responses.shape)
        cure = f"give [stimuli, bins, units] of {delays + 1} bins or more, or fewer delays"
        raise DataError("responses", f"have the shape {shape}", cure)
    if not np.isfinite(responses).all():
        count = int((~np.isfinite(responses)).sum())
        cure = "leave out the units that have them"
        raise DataError("responses", f"have {count:,} numbers that are not finite", cure)
    reduced = _reduce_units(np.asarray(responses, dtype=np.float64))
    stimuli, bins, _ = reduced.shape
    length = bins - delays + 1
    rows = np.concatenate([reduced[:, lag : lag + length] for lag in range(delays)], axis=2)
    left, sizes, _ = np.linalg.svd(rows.reshape(stimuli * length, -1), full_matrices=False)
    there = int((sizes > TOLERANCE * sizes[0]).sum()) if sizes[0] else 0
    if not there:
        raise DataError("responses", "are all 0", "leave out the layer")
    if rank is not None and rank > there:
        problem = f"is {rank}, and the responses have {there} coordinates that vary"
        raise DataError("rank", problem, "give a smaller one, or more delays")
    kept = rank or min(there, MOST)
    coordinates = left[:, :kept].reshape(stimuli, length, kept)
    past, future = coordinates[:, :-1], coordinates[:, 1:]
    squares = np.square(sizes)
    return Trajectories(
        rows=np.einsum("sti,stj->sij", coordinates, coordinates),
        before=np.einsum("sti,stj->sij", past, past),
        after=np.einsum("sti,stj->sij", future, past),
        shares=(np.cumsum(squares) / squares.sum())[:kept],
    )


def _reduce_units(responses: Floats) -> Floats:
    """[stimuli, bins, at most `UNITS` components], about 0 and not about the mean."""
    stimuli, bins, units = responses.shape
    rows = responses.reshape(stimuli * bins, units)
    if units <= UNITS:
        return responses
    if min(rows.shape) <= 1000:
        _, _, axes = np.linalg.svd(rows, full_matrices=False)
        components = rows @ axes[:UNITS].T
    else:
        from sklearn.decomposition import TruncatedSVD

        components = TruncatedSVD(UNITS, random_state=SEED).fit_transform(rows)
    return np.asarray(components, dtype=np.float64).reshape(stimuli, bins, -1)


# ------------------------------------------------------------------------------ two operators


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """How alike two operators are at best: `angle` in radians (0 to pi), `distance`, and the
    `rotation` C [rank, rank] at which they are; and the distance of their `eigenvalues`.
    """

    angle: float
    distance: float
    eigenvalues: float
    rotation: Floats


def align_operators(
    first: Floats, second: Floats, starts: NDArray[Any] | None = None
) -> Alignment:
    """The best alignment of two operators [rank, rank] from many starts, or from those given.

    starts [starts, rank, rank]: orthogonal matrices. The best one found is no proof that there is
    no better; it is never worse than any start.
    """
    if first.shape != second.shape or first.shape[0] != first.shape[1]:
        shapes = f"{list(first.shape)} and {list(second.shape)}"
        raise DataError("operators", f"have the shapes {shapes}", "give them one rank")
    if starts is None:
        starts = _draw_starts(first, second)
    sizes = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    product, rotation = -np.inf, starts[0]
    for start in starts:
        reached, there = _climb(first, second, start)
        if reached > product:
            product, rotation = reached, there
        if product >= (1 - 1e-13) * sizes[0] * sizes[1]:  # nothing is more alike
            break
    moved = rotation @ second @ rotation.T
    angle = np.pi / 2
    if all(sizes):  # by the chord, which keeps its digits near 0
        chord = float(np.linalg.norm(first / sizes[0] - moved / sizes[1]))
        angle = 2 * float(np.arcsin(min(chord / 2, 1)))
    return Alignment(
        angle=angle,
        distance=float(np.linalg.norm(first - moved) / np.sqrt(len(first))),
        eigenvalues=match_eigenvalues(first, second),
        rotation=rotation,
    )


def match_eigenvalues(first: Floats, second: Floats) -> float:
    """The root mean square distance of the eigenvalues of two operators, matched at best."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    values = [np.linalg.eigvals(operator) for operator in (first, second)]
    squares = np.square(np.abs(values[0][:, None] - values[1]))
    return float(np.sqrt(squares[linear_sum_assignment(squares)].mean()))


def _draw_starts(first: Floats, second: Floats) -> Floats:
    """Orthogonal matrices to begin at: the identity, the one that takes eigenvectors to matched
    ones, and random ones, half of which are reflections.
    """
    random = np.random.default_rng(SEED)
    number = max(STARTS, CALLS // len(first))
    guesses = [np.eye(len(first)), _match_vectors(first, second)]
    guesses += list(random.standard_normal((number, *first.shape)))
    starts: list[Floats] = []
    for place, guess in enumerate(guesses):
        left, _, right = np.linalg.svd(guess)
        start: Floats = np.asarray(left @ right, dtype=np.float64)
        if place > 1 and (np.linalg.det(start) < 0) != bool(place % 2):
            start[:, 0] *= -1
        starts.append(start)
    return np.stack(starts)


def _match_vectors(first: Floats, second: Floats) -> Floats:
    """The map that takes eigenvectors of `second` to those of `first` with matched eigenvalues.

    If A = C B C' the eigenvectors of A are those of B rotated, each times a phase of its own. The
    phases follow from the angles between eigenvectors, which a rotation keeps: the leading
    eigenvector of the products of both sets' angles has them.
    """
    from scipy.optimize import linear_sum_assignment

    (values, vectors), (others, basis) = np.linalg.eig(first), np.linalg.eig(second)
    _, order = linear_sum_assignment(np.square(np.abs(values[:, None] - others)))
    basis = basis[:, order]
    angles = (vectors.conj().T @ vectors) * (basis.conj().T @ basis).conj()
    _, leading = np.linalg.eigh(angles)
    phases = np.exp(1j * np.angle(leading[:, -1]))
    taken = (vectors * phases) @ np.linalg.pinv(basis)
    turn = np.exp(-0.5j * np.angle(np.square(taken).sum()))  # to where it is most nearly real
    return np.real(taken * turn)


def _climb(first: Floats, second: Floats, start: Floats) -> tuple[float, Floats]:
    """The largest <A, C B C'> that can be reached uphill from C = start, and that C.

    C = start Q with Q = (1 - K)^-1 (1 + K), K antisymmetric (Cayley), so that C stays orthogonal.
    """
    from scipy.optimize import minimize

    rank = len(first)
    if rank == 1:
        return float(first[0, 0] * second[0, 0]), start
    upper = np.triu_indices(rank, 1)
    identity = np.eye(rank)
    scale = float(np.linalg.norm(first) * np.linalg.norm(second)) or 1.0

    def turn(numbers: Floats) -> tuple[Floats, Floats]:
        antisymmetric = np.zeros((rank, rank))
        antisymmetric[upper] = numbers
        antisymmetric -= antisymmetric.T
        inverse: Floats = np.asarray(np.linalg.inv(identity - antisymmetric), dtype=np.float64)
        return inverse, inverse @ (identity + antisymmetric)

    def descend(numbers: Floats) -> tuple[float, Floats]:
        inverse, turned = turn(numbers)
        rotation = start @ turned
        moved = rotation @ second
        slope = first @ rotation @ second.T + first.T @ moved
        by_entry = inverse.T @ start.T @ slope @ (identity + turned).T
        gradient = by_entry[upper] - by_entry.T[upper]
        return -float(np.sum(first * (moved @ rotation.T))) / scale, -gradient / scale

    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-9}
    end = minimize(descend, np.zeros(len(upper[0])), jac=True, method="L-BFGS-B", options=options)
    return -float(end.fun) * scale, start @ turn(end.x)[1]
