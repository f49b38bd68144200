from __future__ import annotations

import numpy as np
import pytest

from space.errors import DataError
from tests.workers.brains.test_dynamic_modes import OTHER, SYSTEM, run
from workers.brains.correlation import Floats
from workers.brains.dynamic_scores import score_flows, score_similarity, score_times
from workers.brains.populations import Pairing, Reference


def pair(responses: Floats, *animals: Floats) -> Pairing:
    """Responses [stimuli, bins, units] of a layer and of animals."""
    rows = {f"m{i}": values.transpose(0, 2, 1) for i, values in enumerate(animals)}
    bins = [f"{70 + 10 * i}-{80 + 10 * i}" for i in range(responses.shape[1])]
    reference = Reference(name="IT", animals=rows, bins=bins, source="it.nc")
    return Pairing(
        layer="conv5",
        responses=responses.transpose(0, 2, 1),
        reference=reference,
        source="features.npz",
    )


def draw(seed: int, noise: float) -> Floats:
    """An animal or a model with the same latent dissimilarities, [25 stimuli, 3 bins, 30]."""
    latent = np.random.RandomState(0).randn(25, 3, 4)
    random = np.random.RandomState(seed)
    seen: Floats = latent @ random.randn(4, 30) + noise * random.randn(25, 3, 30)
    return seen


def test_a_model_of_the_animals_kind_lies_between_the_ceilings() -> None:
    pairing = pair(draw(1, 1.0), draw(2, 1.0), draw(3, 1.0), draw(4, 1.0))
    rows = score_similarity([pairing], "euclidean", draws=50)
    assert [row.bin for row in rows] == ["70-80", "80-90", "90-100"]
    for row in rows:
        assert row.lower - 0.1 < row.similarity < row.upper
        assert row.low < row.similarity < row.high
        assert row.animals == 3
    noise = np.random.RandomState(5).randn(25, 3, 30)
    for row in score_similarity([pair(noise, draw(2, 1.0), draw(3, 1.0))], draws=50):
        assert row.low < 0.1
        assert row.similarity < row.lower
    (alone, *_) = score_similarity([pair(draw(1, 1.0), draw(2, 1.0))], draws=20)
    assert np.isnan([alone.lower, alone.upper]).all()
    assert alone.document()["animals"] == 1


def test_a_network_that_is_ahead_is_like_a_later_bin() -> None:
    animal = draw(2, 0.1)
    ahead = np.roll(draw(2, 0.1), -1, axis=1)
    rows = score_times([pair(ahead, animal)])
    assert len(rows) == 9
    best = {
        row.bin: max((one for one in rows if one.bin == row.bin), key=lambda one: one.similarity)
        for row in rows
    }
    assert best["70-80"].against_bin == "80-90"
    assert best["80-90"].against_bin == "90-100"
    assert best["70-80"].document()["similarity"] == pytest.approx(1)


def test_dynamics_are_compared_over_the_neurons_that_have_every_stimulus() -> None:
    system, other = run(SYSTEM, 8, 10, 0), run(OTHER, 8, 10, 0)
    lacking = system.copy()
    lacking[0, 0, :3] = np.nan
    (same,) = score_flows([pair(system, lacking, 2 * system)], rank=5, draws=20)
    (apart,) = score_flows([pair(system, other)], rank=5, draws=20)
    assert same.agreement.distance == pytest.approx(0, abs=1e-6)
    assert apart.agreement.distance > 0.1
    assert apart.document()["against"] == "IT"
    with pytest.raises(DataError, match=r"it.nc: has no neuron with all stimuli; leave out"):
        score_flows([pair(system, system * np.nan)], draws=20)
    with pytest.raises(DataError, match=r"features.npz: conv5: rank: is 9, and the responses"):
        score_flows([pair(system, other)], rank=9, draws=20)
