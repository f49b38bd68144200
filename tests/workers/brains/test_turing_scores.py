"""Simulated animals, and models that are one more of them, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from space.errors import DataError
from workers.brains.assembly import Assembly, make_assembly
from workers.brains.correlation import Floats
from workers.brains.maps import Ridge
from workers.brains.scores import Features
from workers.brains.splits import split_stimuli
from workers.brains.turing_scores import (
    Distance,
    add_noise,
    find_powers,
    map_distance,
    score_turing,
    similarity_distance,
    split_recording,
    take_animals,
)

STIMULI, NEURONS, REPETITIONS, BINS = 24, 15, 6, 2
IDS = np.array([f"s{i:02}" for i in range(STIMULI)])


def draw_subject(random: np.random.RandomState, own: float = 0.5) -> Floats:
    """A subject's responses without noise, [stimuli, neurons, bins]: random neurons of what all
    subjects share, and of what is its own.
    """
    shared = np.random.RandomState(0).randn(STIMULI, BINS, 8)
    latent = np.concatenate([shared, own * random.randn(STIMULI, BINS, 8)], axis=2)
    responses: Floats = (latent @ random.randn(16, NEURONS)).transpose(0, 2, 1)
    return responses


def record(random: np.random.RandomState, animals: int = 4) -> Assembly:
    """A recording of animals, with noise in every repetition."""
    responses = np.concatenate([draw_subject(random) for _ in range(animals)], axis=1)
    shape = (REPETITIONS, *responses.shape)
    shown = responses + 6 * random.randn(*shape)
    start = 70 + 10 * np.arange(BINS)
    return make_assembly(
        "it.nc",
        "netCDF",
        shown.reshape(-1, *responses.shape[1:]),
        {
            "presentation": {
                "stimulus_id": np.tile(IDS, REPETITIONS),
                "repetition": np.repeat(np.arange(REPETITIONS), STIMULI),
            },
            "neuroid": {
                "neuroid_id": np.arange(animals * NEURONS),
                "animal": np.repeat([f"m{i}" for i in range(animals)], NEURONS),
                "region": np.full(animals * NEURONS, "IT"),
            },
            "time_bin": {"time_bin_start": start, "time_bin_end": start + 10},
        },
    )


def present(**layers: Any) -> Features:
    order = np.random.RandomState(1).permutation(STIMULI)
    rows = {name: values.transpose(0, 2, 1)[order] for name, values in layers.items()}
    return Features(stimuli=IDS[order], layers=rows, source="features.npz")


def reject(distance: Distance, draws: int, samples: int) -> tuple[float, float]:
    """How often a model like the animals, and one unlike them, is rejected in both directions."""
    rejected = np.zeros((draws, 2))
    for draw in range(draws):
        random = np.random.RandomState(100 + draw)
        features = present(like=draw_subject(random), unlike=random.randn(STIMULI, NEURONS, BINS))
        scores = score_turing(features, record(random), [], [], distance, samples=samples)
        verdicts = {one.layer: one.verdict for one in scores if one.verdict.direction == "both"}
        rejected[draw] = verdicts["like"].rejected, verdicts["unlike"].rejected
    like, unlike = rejected.mean(axis=0)
    return float(like), float(unlike)


def test_a_model_like_the_animals_passes_and_another_fails() -> None:
    like, unlike = reject(similarity_distance(), draws=60, samples=1)
    assert like <= 0.12
    assert unlike >= 0.9


@pytest.mark.slow
def test_the_rate_of_rejections_is_the_nominal_one() -> None:
    like, unlike = reject(similarity_distance(), draws=400, samples=1)
    assert 0.02 <= like <= 0.085
    assert unlike >= 0.95
    splits = split_stimuli(STIMULI, splits=2, train=0.5)
    mapped, others = reject(map_distance(splits, Ridge(folds=3)), 100, samples=1)
    assert mapped <= 0.12
    assert others >= 0.9


def test_every_layer_has_both_directions_and_power() -> None:
    random = np.random.RandomState(7)
    features = present(like=draw_subject(random), unlike=random.randn(STIMULI, NEURONS, BINS))
    assembly = record(random, 3)
    distance = map_distance(split_recording(assembly, 2), Ridge(folds=3))
    scores = score_turing(
        features, assembly, ["IT"], [], distance, neurons=[5, 15], samples=1, level=0.1
    )
    rows = [(one.layer, one.neurons, one.verdict.direction) for one in scores]
    assert rows[:4] == [
        ("like", 5, "out"),
        ("like", 5, "in"),
        ("like", 5, "both"),
        ("unlike", 5, "out"),
    ]
    assert len(rows) == 12
    by_row = dict(zip(rows, scores, strict=True))
    unlike, like = by_row["unlike", 15, "out"].verdict, by_row["like", 15, "out"].verdict
    assert unlike.model == pytest.approx(1, abs=0.25)  # 1 - r of what predicts nothing
    assert like.model < unlike.model
    assert like.others == pytest.approx(like.model, abs=0.3)
    # More neurons predict more.
    assert like.others < by_row["like", 5, "out"].verdict.others
    powers = find_powers(scores, [3, 10, 30], level=0.1)
    assert [(one.layer, one.neurons, one.animals) for one in powers[:4]] == [
        ("like", 5, 3),
        ("like", 5, 10),
        ("like", 5, 30),
        ("unlike", 5, 3),
    ]
    curve = [one.power for one in powers if (one.layer, one.neurons) == ("unlike", 15)]
    assert curve == sorted(curve)
    assert curve[-1] > 0.8
    assert scores[0].document()["noise"] is True
    assert powers[0].document()["animals"] == 3


def test_a_model_is_made_as_noisy_as_the_animals() -> None:
    random = np.random.RandomState(0)
    animals = take_animals(record(random), "IT")
    assert [animal.name for animal in animals] == ["m0", "m1", "m2", "m3"]
    # 8 shared latents of variance 1, 8 of 0.25; noise of variance 36 in each of 6 repetitions.
    assert np.mean([animal.noise for animal in animals]) == pytest.approx(6 / 10, abs=0.1)
    whole = np.random.RandomState(1).randn(400, 40, 1)
    generator = np.random.default_rng(0)
    one, other = (add_noise(whole, 0.5, generator) for _ in range(2))
    correlations = [np.corrcoef(one[:, i, 0], other[:, i, 0])[0, 1] for i in range(40)]
    assert np.mean(correlations) == pytest.approx(1 / 1.5, abs=0.02)
    assert (add_noise(whole, np.nan, generator) == whole).all()


def test_the_noise_of_averages_is_that_of_their_reliability() -> None:
    assembly = record(np.random.RandomState(0), 3)
    first = assembly.presentations["repetition"] == 0
    average = replace(
        assembly,
        values=assembly.values[first],
        presentations={key: values[first] for key, values in assembly.presentations.items()},
    )
    assert np.isnan([animal.noise for animal in take_animals(average, "IT")]).all()
    known = {**average.neurons, "reliability": np.array([*[0.5, 0.7] * 22, np.nan])}
    noises = [animal.noise for animal in take_animals(replace(average, neurons=known), "IT")]
    assert noises == pytest.approx([0.4 / 0.6] * 3, rel=0.05)
    silent = replace(assembly, values=np.random.RandomState(0).randn(*assembly.values.shape))
    assert max(animal.noise for animal in take_animals(silent, "IT")) <= 20
    # A stimulus that was shown once says nothing of noise.
    once = replace(assembly, values=np.where(first[:, None, None], assembly.values, np.nan))
    assert np.isnan([animal.noise for animal in take_animals(once, "IT")]).all()


def test_subjects_that_are_no_test() -> None:
    random = np.random.RandomState(0)
    features = present(it=draw_subject(random), few=draw_subject(random)[:, :4])
    two = record(random, 2)
    with pytest.raises(
        DataError, match=r"it.nc: has neurons of 2 animals in IT; the test needs 3"
    ):
        score_turing(features, two, [], [], similarity_distance())
    three = record(random, 3)
    with pytest.raises(DataError, match=r"neurons: are 20, and animal m0 has 15; give at most 15"):
        score_turing(features, three, [], ["it"], similarity_distance(), neurons=[20])
    with pytest.raises(DataError, match=r"npz: few: has 4 units, fewer than 15 neurons"):
        score_turing(features, three, [], ["few"], similarity_distance())
    with pytest.raises(DataError, match=r"npz: it: has 1 time bins, and the recording has 2"):
        score_turing(
            present(it=draw_subject(random)[:, :, :1]), three, [], [], similarity_distance()
        )
    lost = draw_subject(random)
    lost[0, 0, 0] = np.nan
    with pytest.raises(DataError, match=r"npz: it: has 1 numbers that are not finite"):
        score_turing(present(it=lost), three, [], [], similarity_distance())
    three.values[three.stimulus_ids == "s03", :15] = np.nan
    with pytest.raises(DataError, match=r"it.nc: has no neuron of animal m0 that has every"):
        take_animals(three, "IT")
