from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from tests.support.recordings import Floats
from workers.brains import partial_least_squares
from workers.brains.maps import Pls
from workers.brains.partial_least_squares import fit_by_products


def draw(samples: int, features: int, neurons: int, noise: float = 1) -> tuple[Floats, Floats]:
    random = np.random.RandomState(samples + features)
    x = random.randn(samples, features) * np.logspace(0, -1, features) + 2
    return x, x @ random.randn(features, neurons) + noise * random.randn(samples, neurons) - 1


@pytest.mark.parametrize(
    ("samples", "features", "neurons", "components"),
    [(200, 40, 12, 25), (200, 40, 1, 10), (500, 60, 30, 25), (90, 30, 5, 30)],
)
def test_it_is_that_of_scikit_learn(
    samples: int, features: int, neurons: int, components: int
) -> None:
    x, y = draw(samples, features, neurons)
    ours = fit_by_products(x, y, components)
    assert ours is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a component has not converged
        theirs = PLSRegression(n_components=components, scale=False).fit(x, y)
    unseen, _ = draw(20, features, neurons)
    assert ours.predict(unseen) == pytest.approx(
        theirs.predict(unseen).reshape(20, -1), abs=1e-7 * np.abs(y).max()
    )


def test_a_component_that_has_not_converged_is_the_same_one() -> None:
    random = np.random.RandomState(0)
    x = random.randn(400, 8)
    # Two directions that explain alike: the power method does not tell them apart in 500 turns.
    x, _ = np.linalg.qr(x - x.mean(axis=0))
    y = x[:, :2] * [1, 1 - 1e-6] + 1e-3 * x[:, 2:4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = PLSRegression(n_components=1, scale=False).fit(x, y)
    ours = fit_by_products(x, y, 1)
    assert ours is not None
    assert ours.predict(x) == pytest.approx(theirs.predict(x), abs=1e-9)


def test_what_products_cannot_tell_is_left_to_the_samples() -> None:
    x, y = draw(200, 10, 3)
    even, _ = np.linalg.qr(x - x.mean(axis=0))
    assert fit_by_products(even, even[:, :1], 1) is not None
    assert fit_by_products(even, even[:, :1], 2) is None  # nothing is left for a second one
    flat = np.concatenate([x[:, :3], 1e-7 * x[:, 3:6]], axis=1)
    assert fit_by_products(flat, y, 6) is None


def test_the_map_takes_it_for_many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = draw(200, 30, 4)
    fast = Pls().fit(x, y).predict(x)
    monkeypatch.setattr(partial_least_squares, "fit_by_products", lambda *_: None)
    slow = Pls().fit(x, y)
    assert slow.components == 25
    assert fast == pytest.approx(slow.predict(x), abs=1e-7 * np.abs(y).max())
    monkeypatch.setattr(
        partial_least_squares, "fit_by_products", lambda *_: pytest.fail("few samples")
    )
    Pls().fit(x[:40], y[:40])
