from __future__ import annotations

import numpy as np
import pytest

from workers.brains.gram_ridge import GramRidge
from workers.brains.maps import PENALTIES, Ridge


@pytest.mark.parametrize("samples", [23, 60])
def test_it_is_ridge(samples: int) -> None:
    random = np.random.RandomState(0)
    features = 3 + random.randn(samples, 9)
    features[:, 4] = 0.5  # a dead unit
    responses = (
        10
        + features @ random.randn(9, 6)
        + np.array([0.1, 1, 3, 10, 30, 100]) * random.randn(samples, 6)
    )
    unseen = 3 + random.randn(7, 9)
    ours, theirs = GramRidge().fit(features, responses), Ridge().fit(features, responses)
    assert ours.penalties is not None
    assert theirs.penalties is not None
    assert ours.penalties == pytest.approx(theirs.penalties)
    assert len(np.unique(ours.penalties)) > 2
    assert set(ours.penalties.tolist()) <= set(PENALTIES)
    assert ours.predict(unseen) == pytest.approx(theirs.predict(unseen), abs=1e-6)


def test_without_units_or_folds_the_mean_is_predicted() -> None:
    responses = np.array([[1.0, 2], [3, 4]])
    for features in (np.ones((2, 3)), np.ones((1, 3))):
        targets = responses[: len(features)]
        fitted = GramRidge().fit(features, targets)
        assert fitted.predict(np.zeros((4, 3))) == pytest.approx(
            np.tile(targets.mean(axis=0), (4, 1))
        )
