from __future__ import annotations

import numpy as np
import pytest
from himalaya.ridge import RidgeCV

from workers.brains import gram_ridge
from workers.brains.gram_ridge import fit_by_products
from workers.brains.maps import PENALTIES, Ridge


@pytest.mark.parametrize("samples", [23, 60])
def test_it_is_ridge(samples: int) -> None:
    random = np.random.RandomState(0)
    features = 3 + random.randn(samples, 9)
    responses = (
        10
        + features @ random.randn(9, 6)
        + np.array([0.1, 1, 3, 10, 30, 100]) * random.randn(samples, 6)
    )
    unseen = 3 + random.randn(7, 9)
    theirs = RidgeCV(alphas=np.asarray(PENALTIES), cv=5, fit_intercept=True)
    theirs.fit(features, responses)
    centre, means = features.mean(axis=0), responses.mean(axis=0)
    products = fit_by_products(features - centre, responses - means, PENALTIES, 5)
    assert products is not None
    weights, penalties = products
    assert penalties == pytest.approx(theirs.best_alphas_)
    assert len(np.unique(penalties)) > 2
    assert set(penalties.tolist()) <= set(PENALTIES)
    predicted = (unseen - centre) @ weights + means
    assert predicted == pytest.approx(theirs.predict(unseen), abs=1e-9)


def test_what_products_cannot_tell_is_left_to_the_samples() -> None:
    random = np.random.RandomState(1)
    x = random.randn(60, 6)
    x, y = x - x.mean(axis=0), random.randn(60, 2)
    twice = np.concatenate([x, x], axis=1)
    assert fit_by_products(twice, y, (0.01,), 5) is not None
    assert fit_by_products(1e4 * twice, y, (0.01,), 5) is None
    assert fit_by_products(1e4 * twice, y, (1e6,), 5) is not None
    assert fit_by_products(1e4 * x, y, (0.01,), 5) is not None  # all directions vary


def test_the_map_takes_it_for_many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.RandomState(2)
    x = random.randn(60, 20) + 3
    x[:, 4] = 0.5  # a dead unit
    y = x @ random.randn(20, 3) + random.randn(60, 3)
    fast = Ridge().fit(x, y)
    monkeypatch.setattr(gram_ridge, "fit_by_products", lambda *_: None)
    slow = Ridge().fit(x, y)
    assert fast.penalties == pytest.approx(slow.penalties)
    assert fast.predict(x[:7] + 1) == pytest.approx(slow.predict(x[:7] + 1), abs=1e-9)
    monkeypatch.setattr(gram_ridge, "fit_by_products", lambda *_: pytest.fail("few samples"))
    Ridge().fit(x[:30], y[:30])
