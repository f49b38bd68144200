from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge as PlainRidge
from sklearn.model_selection import GridSearchCV, KFold

from workers.brains.correlation import find_varying
from workers.brains.maps import MAPS, Pls, Ridge, compact


def draw(
    samples: int, features: int, neurons: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.RandomState(5)
    x = random.randn(samples, features) + 3
    y = x @ random.randn(features, neurons) / np.sqrt(features) + random.randn(samples, neurons)
    return x, y


@pytest.mark.parametrize(("samples", "features"), [(60, 30), (40, 90)])
def test_ridge_is_that_of_scikit_learn(samples: int, features: int) -> None:
    x, y = draw(samples, features)
    unseen = draw(20, features)[0] + 1
    mapping = Ridge(penalties=(0.1, 1.0, 10.0, 100.0, 1000.0))
    fitted = mapping.fit(x, y)
    predicted = fitted.predict(unseen)
    assert fitted.penalties is not None
    for neuron in range(3):
        search = GridSearchCV(
            PlainRidge(),
            {"alpha": mapping.penalties},
            cv=KFold(5),
            scoring="neg_mean_squared_error",
        )
        search.fit(x, y[:, neuron])
        assert fitted.penalties[neuron] == pytest.approx(search.best_params_["alpha"])
        assert predicted[:, neuron] == pytest.approx(search.predict(unseen), abs=1e-6)


def test_partial_least_squares_are_those_of_scikit_learn() -> None:
    x, y = draw(60, 40)
    plain = PLSRegression(n_components=25, scale=False).fit(x, y)
    fitted = Pls().fit(x, y)
    assert fitted.components == 25
    assert fitted.predict(x + 1) == pytest.approx(plain.predict(x + 1), abs=1e-10)


@pytest.mark.parametrize(
    ("samples", "features", "components"), [(12, 40, 11), (60, 8, 8), (2, 5, 1), (60, 25, 25)]
)
def test_components_are_clamped_to_what_there_is(
    samples: int, features: int, components: int
) -> None:
    x, y = draw(samples, features)
    fitted = Pls().fit(x, y)
    assert fitted.components == components
    assert np.isfinite(fitted.predict(x)).all()


@pytest.mark.parametrize("name", MAPS)
def test_dead_units_change_nothing(name: str) -> None:
    x, y = draw(40, 20)
    dead = np.concatenate([np.zeros((40, 5)), x, np.full((40, 3), 0.7)], axis=1)
    changed = dead + np.r_[np.ones(5), np.zeros(20), np.ones(3)]
    # What such a unit does elsewhere is not seen.
    plain = MAPS[name]().fit(x, y).predict(x)
    assert MAPS[name]().fit(dead, y).predict(changed) == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("name", MAPS)
def test_without_any_live_unit_the_mean_is_predicted(name: str) -> None:
    y = draw(40, 20)[1]
    fitted = MAPS[name]().fit(np.full((40, 4), 0.1), y)
    predicted = fitted.predict(np.random.RandomState(0).randn(7, 4))
    assert (predicted == y.mean(axis=0)).all()


@pytest.mark.parametrize("name", MAPS)
def test_a_constant_neuron_is_predicted_constant_and_disturbs_no_other(name: str) -> None:
    x, y = draw(40, 20)
    y[:, 1] = 0.1
    predicted = MAPS[name]().fit(x, y).predict(x)
    assert predicted[:, 1] == pytest.approx(np.full(40, 0.1), abs=1e-9)
    others = MAPS[name]().fit(x, y[:, [0, 2]]).predict(x)
    assert predicted[:, [0, 2]] == pytest.approx(others, abs=1e-7)
    assert MAPS[name]().fit(x, y[:, [1]]).predict(x) == pytest.approx(np.full((40, 1), 0.1))


@pytest.mark.parametrize("name", MAPS)
def test_compact_features_give_the_same_predictions(name: str) -> None:
    x, y = draw(50, 300)
    small = compact(x)
    assert small.shape == (50, 50)
    assert small @ small.T == pytest.approx(x @ x.T, abs=1e-9)
    train, test = slice(0, 40), slice(40, 50)
    wide = MAPS[name]().fit(x[train], y[train]).predict(x[test])
    assert MAPS[name]().fit(small[train], y[train]).predict(small[test]) == pytest.approx(
        wide, abs=1e-7
    )
    assert (compact(x[:, :50]) == x[:, :50]).all()


def test_features_that_do_not_vary_do_not_once_they_are_compact() -> None:
    random = np.random.default_rng(0)
    still = np.repeat(random.standard_normal((1, 256)), 40, axis=0)
    assert compact(still).shape == (40, 0)
    fitted = Pls().fit(compact(still), random.standard_normal((40, 3)))
    assert fitted.components == 0
    changed = still.copy()
    changed[:, 7:60] = random.standard_normal((40, 53))
    assert find_varying(compact(changed)).all()
    both = compact(np.concatenate([changed, still]))  # as two time bins under one map
    assert compact(both[40:]).shape == (40, 0)
    for name in MAPS:
        fitted = MAPS[name]().fit(both[40:], random.standard_normal((40, 3)))
        assert np.ptp(fitted.predict(both[40:]), axis=0).max() == 0


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_no_component_is_made_of_roundings(kind: str) -> None:
    random = np.random.default_rng(0)
    few = random.standard_normal((60, 5))
    features = (few @ random.standard_normal((5, 80))).astype(kind)
    responses = few @ random.standard_normal((5, 3)) + random.standard_normal((60, 3))
    fitted = Pls().fit(features[:40].astype(float), responses[:40])
    assert fitted.components == 5
    plain = Pls().fit(few[:40], responses[:40]).predict(few[40:])
    assert fitted.predict(features[40:].astype(float)) == pytest.approx(plain, abs=1e-4)


def test_responses_without_noise_are_fitted() -> None:
    random = np.random.default_rng(0)
    features = random.standard_normal((40, 36))
    responses = features @ random.standard_normal((36, 1))
    fitted = Pls().fit(features[:38], responses[:38])
    assert fitted.components is not None
    assert 0 < fitted.components <= 25
    assert np.isfinite(fitted.predict(features[38:])).all()
