"""The golden values are those of rsatoolbox 0.3.2: `calc_rdm_movie` of a TemporalDataset of
`draw()`, `compare` of two movies, `boot_noise_ceiling` of each bin's three.
"""

from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.correlation import Floats
from workers.brains.intervals import count_drawn, find_interval
from workers.brains.similarity import (
    Comparison,
    Dissimilarity,
    average_animals,
    bound_similarity,
    compare_drawn,
    compare_movies,
    compare_times,
    measure_dissimilarities,
)

EUCLIDEAN = """
2.081084580792481 0.876911941274684 1.105533129340817 0.182877409632535 2.89955934894634
1.923942862286076 1.972906393519004 1.007590358048069 0.379575297895257 1.025648091108596
3.883144582453884 3.846457610151288 2.772758684221761 2.311301085751337 3.488644142310934
3.985936192225069 3.879077871092736 3.091679818290443 1.176942237202971 1.696409010415092
0.436234805616045 1.191333126702782 2.089581600414538 1.782990422565359 1.521451409346037
2.592483122656465 1.301741683340415 1.756894126996773 0.960699701558399 1.893871813505653
"""
CORRELATION = """
1.126147756966389 0.792401745424344 1.040004115173762 0.216098541333056 1.330289737796883
1.029812913543589 1.150413886487491 0.382495076104025 0.386000799235825 0.964095630158904
0.975367524144024 1.00382597579788  0.677077068205715 0.578790286852565 1.237322103071073
1.653736444034358 1.451544246583882 1.102288034291721 0.484216487943958 0.581287684894576
0.367443431800515 1.394528347667469 0.921569408951425 1.201172451225981 1.421919623756293
1.428496937945277 0.888695565946408 0.824374857217564 0.537599883670753 1.14072489030498
"""
COMPARED: list[tuple[Dissimilarity, Comparison, list[float]]] = [
    ("euclidean", "cosine", [0.905557286383583, 0.948206738013676, 0.848736052085142]),
    ("euclidean", "corr", [0.562040832246294, 0.698531451736489, 0.218304783871965]),
    ("euclidean", "spearman", [0.624242424242424, 0.721212121212121, 0.236363636363636]),
    ("correlation", "cosine", [0.927840068503442, 0.963023438414011, 0.854383420089463]),
    ("correlation", "corr", [0.480972657969688, 0.677837164053493, -0.155542316404037]),
    ("correlation", "spearman", [0.660606060606061, 0.539393939393939, -0.042424242424242]),
]

TIMES = """
0.562040832246294 0.915180359207507 -0.502217979928314
0.364998698196205 0.698531451736489 -0.650729474634546
-0.043669839421852 0.001665078219826 0.218304783871965
"""
BOUNDS: list[tuple[Comparison, list[float], list[float]]] = [
    (
        "cosine",
        [0.9149644671483642, 0.9496788423663824, 0.8709112774162767],
        [0.9622724024672175, 0.9775252379057174, 0.9428019484146514],
    ),
    (
        "corr",
        [0.5945314455286984, 0.6646395633103709, 0.15643589811421502],
        [0.8191959930493363, 0.8465270230812753, 0.6382560317014376],
    ),
    (
        "spearman",
        [0.6221532279301968, 0.6179895743020954, 0.05539241690432802],
        [0.8044616694699521, 0.8085143730944858, 0.5937210809941963],
    ),
]


COMPARISONS: list[Comparison] = ["cosine", "corr", "spearman"]


def draw() -> tuple[Floats, Floats]:
    """Responses [5 stimuli, 7 units, 3 bins] of two populations."""
    random = np.random.RandomState(6)
    first = random.randn(5, 7, 3)
    return first, first + random.randn(5, 7, 3)


@pytest.mark.parametrize(
    ("method", "golden"), [("euclidean", EUCLIDEAN), ("correlation", CORRELATION)]
)
def test_movies_are_those_of_rsatoolbox(method: Dissimilarity, golden: str) -> None:
    expected = np.array(golden.split(), dtype=float).reshape(3, 10)
    responses, _ = draw()
    assert measure_dissimilarities(responses, method) == pytest.approx(expected, abs=1e-10)
    # What all units, or all stimuli, have in common is no difference.
    moved = responses + (1e3 if method == "correlation" else 1e3 * np.ones((7, 3)))
    assert measure_dissimilarities(moved, method) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("dissimilarity", "comparison", "expected"), COMPARED)
def test_comparisons_are_those_of_rsatoolbox(
    dissimilarity: Dissimilarity, comparison: Comparison, expected: list[float]
) -> None:
    first, second = (measure_dissimilarities(part, dissimilarity) for part in draw())
    assert compare_movies(first, second, comparison) == pytest.approx(expected, abs=1e-10)
    assert compare_movies(first, first, comparison) == pytest.approx([1, 1, 1])


def test_every_bin_is_compared_with_every_bin() -> None:
    first, second = (measure_dissimilarities(part, "euclidean") for part in draw())
    expected = np.array(TIMES.split(), dtype=float).reshape(3, 3)
    assert compare_times(first, second) == pytest.approx(expected, abs=1e-10)
    for comparison in COMPARISONS:
        square = compare_times(first, second, comparison)
        assert np.diag(square) == pytest.approx(compare_movies(first, second, comparison))
    silent = first.copy()
    silent[1] = np.nan
    silent[2] = 0.5
    assert np.isnan(compare_times(silent, second)).sum(axis=1).tolist() == [0, 3, 3]
    late = compare_times(first, np.concatenate([second[1:], first[:1]]))
    assert late[0, 2] == pytest.approx(1)


@pytest.mark.parametrize(("comparison", "lower", "upper"), BOUNDS)
def test_ceilings_are_those_of_rsatoolbox(
    comparison: Comparison, lower: list[float], upper: list[float]
) -> None:
    random = np.random.RandomState(6)
    first = random.randn(5, 7, 3)
    animals = [first, first + random.randn(5, 7, 3), first + random.randn(5, 7, 3)]
    movies = np.stack([measure_dissimilarities(one, "euclidean") for one in animals])
    bounds = bound_similarity(movies, comparison)
    assert bounds[0] == pytest.approx(lower, abs=1e-10)
    assert bounds[1] == pytest.approx(upper, abs=1e-10)


def draw_again(movie: Floats, rows: list[int]) -> Floats:
    """The movie of stimuli drawn with replacement, without pairs of one stimulus with itself."""
    squares = np.full((len(movie), 5, 5), np.nan)
    squares[:, *np.triu_indices(5, 1)] = movie
    pairs = [
        squares[:, min(a, b), max(a, b)]
        for place, a in enumerate(rows)
        for b in rows[place + 1 :]
        if a != b
    ]
    return np.stack(pairs, axis=1)


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_a_draw_is_a_movie_of_the_stimuli_drawn(comparison: Comparison) -> None:
    first, second = (measure_dissimilarities(part) for part in draw())
    counts = count_drawn(5, 20)
    drawn = compare_drawn(first, second, counts, comparison)
    assert drawn.shape == (20, 3)
    compared = 0
    for row, count in zip(drawn, counts, strict=True):
        if np.count_nonzero(count) < 3:
            continue
        rows = np.repeat(np.arange(5), count.astype(int)).tolist()
        one, other = (draw_again(movie, rows) for movie in (first, second))
        assert row == pytest.approx(compare_movies(one, other, comparison), abs=1e-9)
        compared += 1
    assert compared > 10
    once = compare_drawn(first, second, np.ones((1, 5)), comparison)
    assert once[0] == pytest.approx(compare_movies(first, second, comparison), abs=1e-12)
    # A movie whose pairs are all alike has no correlation, however they are drawn.
    flat = compare_drawn(np.full((3, 10), 0.1), second, counts, comparison)
    assert np.isnan(flat).all() == (comparison != "cosine")


def test_units_without_a_stimulus_are_left_out_of_the_bin() -> None:
    first, _ = draw()
    lacking = first.copy()
    lacking[2, 3, 1] = np.nan
    lacking[:, :, 2] = np.nan
    movie = measure_dissimilarities(lacking, "euclidean")
    whole = measure_dissimilarities(np.delete(first, 3, axis=1), "euclidean")
    assert movie[1] == pytest.approx(whole[1])
    assert movie[0] == pytest.approx(measure_dissimilarities(first, "euclidean")[0])
    assert np.isnan(movie[2]).all()
    counts = count_drawn(5, 4)
    assert np.isnan(compare_drawn(movie, whole, counts)[:, 2]).all()
    averages = average_animals(np.array([[0.5, np.nan], [0.7, 0.2]]))
    assert averages == pytest.approx([0.6, np.nan], nan_ok=True)


def test_silent_bins_and_stimuli_are_undefined() -> None:
    first, second = draw()
    first[:, :, 1] = 0.3  # a bin without responses
    first[2, :, 2] = 0.1  # a stimulus to which all units respond alike
    movie = measure_dissimilarities(first)
    assert np.isnan(movie).sum(axis=1).tolist() == [0, 10, 4]
    other = measure_dissimilarities(second)
    for comparison in ("cosine", "corr", "spearman"):
        similar = compare_movies(movie, other, comparison)
        assert np.isnan(similar).tolist() == [False, True, True]
    flat = measure_dissimilarities(first, "euclidean")
    assert (flat[1] == 0).all()
    assert np.isnan(compare_movies(flat, other, "cosine")).tolist() == [False, True, False]


def test_what_is_no_movie_is_one_error() -> None:
    with pytest.raises(DataError, match=r"shape \[2, 7, 3\]; give \[stimuli, units, bins\]"):
        measure_dissimilarities(draw()[0][:2])
    with pytest.raises(DataError, match=r"shapes \[2, 10\] and \[3, 10\]; take the same"):
        compare_movies(np.ones((2, 10)), np.ones((3, 10)))
    with pytest.raises(DataError, match=r"shapes \[2, 10\] and \[3, 9\]; take the same stimuli$"):
        compare_times(np.ones((2, 10)), np.ones((3, 9)))
    with pytest.raises(DataError, match="animals: there is 1 only; the ceiling of similarity"):
        bound_similarity(np.ones((1, 2, 10)))


def test_the_interval_holds_the_similarity_of_all_stimuli() -> None:
    shared, own = np.random.RandomState(0).randn(2, 6, 40)

    def measure(seed: int, stimuli: int) -> tuple[Floats, Floats]:
        random = np.random.RandomState(seed)
        latent = random.randn(stimuli, 6)
        noise = random.randn(2, stimuli, 40)
        one, other = latent @ shared + noise[0], latent @ own + 1.5 * noise[1]
        first, second = (part[:, :, None] for part in (one, other))
        return measure_dissimilarities(first), measure_dissimilarities(second)

    truth = float(compare_movies(*measure(1, 1000))[0])
    held = 0
    for seed in range(60):
        first, second = measure(100 + seed, 40)
        low, high = find_interval(compare_drawn(first, second, count_drawn(40, 200)))
        held += bool(low[0] < truth < high[0])
        assert high[0] - low[0] < 0.25
    assert held >= 54
