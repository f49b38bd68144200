"""Real features of networks against each other: values that Brain-Score's procedure gave.

The files are in the wheel `brainscore-vision` 2.4.2 (`pip install --no-deps brainscore-vision`, or
unpack it and name the folder in BRAINSCORE_FIXTURES): features of 2,400 images of objects by
ResNet-18 and ResNet-34 (avgpool, 512 units) and AlexNet (classifier.5, 4,096 units, of which 111
are 0 for every image). No image and no recording is in it. The values are those of scikit-learn
1.9.1 alone: PLSRegression and RidgeCV over ShuffleSplit(10, train_size=0.9, random_state=1).
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from tests.support.recordings import Floats
from workers.brains.correlation import find_varying
from workers.brains.maps import Fitted, Pls, Ridge
from workers.brains.predictivity import predict_neurons
from workers.brains.splits import split_stimuli
from workers.brains.summary import Summary

BELOW = Path("benchmarks", "rajalingham2018", "test_resources")


def find_fixtures() -> Path | None:
    """The folder with the files, named or in the installed package; the package is not loaded."""
    if named := os.environ.get("BRAINSCORE_FIXTURES"):
        return Path(named)
    spec = importlib.util.find_spec("brainscore_vision")
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / BELOW if places else None
    return folder if folder is not None and folder.is_dir() else None


FIXTURES = find_fixtures()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIXTURES is None, reason="needs the files of brainscore-vision"),
]


def read(network: str) -> Floats:
    """[2400 images, units], images in the order of their files' names."""
    import h5py

    assert FIXTURES is not None
    with h5py.File(FIXTURES / f"identifier={network},stimuli_identifier=objectome-240.nc") as file:
        values = np.asarray(file["__xarray_dataarray_variable__"], dtype=np.float64)
        names = [Path(str(path)).name for path in file["stimulus_path"].asstr()[:]]
    return values[np.argsort(names)]


def score(features: Floats, units: Floats, mapping: object, splits: int = 10) -> Summary:
    drawn = split_stimuli(len(features), splits=splits)
    fitted = predict_neurons(features, units[:, :, None], drawn, mapping, shared=True)  # type: ignore[arg-type]
    return fitted.summary


def choose_units() -> Floats:
    """The first 64 units of AlexNet that are above 0 for more than 0.3 of the images."""
    units = read("alexnet")
    return units[:, np.flatnonzero((units > 0).mean(axis=0) > 0.3)[:64]]


def test_partial_least_squares_between_networks() -> None:
    features = read("resnet18")
    assert features.shape == (2400, 512)
    alexnet = score(features, choose_units(), Pls())
    assert alexnet.center == pytest.approx([0.61167], abs=6e-6)
    assert alexnet.error == pytest.approx([0.00199], abs=6e-6)
    deeper = score(features, read("resnet34")[:, :64], Pls())
    assert deeper.center == pytest.approx([0.57197], abs=6e-6)
    assert deeper.error == pytest.approx([0.00447], abs=6e-6)


class RidgeCv:
    """scikit-learn's, one penalty for all units."""

    def fit(self, features: Floats, responses: Floats) -> Fitted:
        from sklearn.linear_model import RidgeCV

        return Fitted(RidgeCV(np.logspace(-2, 5, 15)).fit(features, responses).predict)


def test_ridge_between_networks() -> None:
    features, units = read("resnet18"), choose_units()
    theirs = score(features, units, RidgeCv())
    assert theirs.center == pytest.approx([0.67675], abs=6e-6)
    # Ours has a penalty a unit, by five folds: another procedure, and no worse.
    ours = score(features, units, Ridge(tuple(map(float, np.logspace(-2, 5, 15)))))
    assert ours.center == pytest.approx(theirs.center, abs=0.003)


def test_images_in_another_order_predict_nothing() -> None:
    features = np.random.RandomState(0).permutation(read("resnet18"))
    shuffled = score(features, choose_units(), Pls(), splits=3)
    assert shuffled.center == pytest.approx([0.00096], abs=6e-6)


def test_units_that_are_always_0_are_left_out() -> None:
    features, alexnet = read("resnet18"), read("alexnet")
    assert int((~find_varying(alexnet)).sum()) == 111
    few = alexnet[:300, ~find_varying(alexnet)][:, :3]
    mixed = np.concatenate(
        [few, alexnet[:300, np.flatnonzero(find_varying(alexnet))[:20]]], axis=1
    )
    summary = score(features[:300], mixed, Pls(), splits=2)
    assert summary.neurons[0] <= 20
    assert np.isfinite(summary.center).all()
