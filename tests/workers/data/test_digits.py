"""The digits: how they are split."""

import numpy as np

from tests.support.datasets import pixels
from workers.data.datasets import open_source
from workers.data.specs import Digits


def test_digits_are_split_1200_to_597_with_every_class_in_proportion() -> None:
    source = open_source(Digits(validation=0))
    train, test = (source.splits[name].labels for name in ("train", "test"))
    assert (len(train), len(test)) == (1200, 597)
    share = np.bincount(train) / (np.bincount(train) + np.bincount(test))
    np.testing.assert_allclose(share, 1200 / 1797, atol=0.01)
    everything = np.concatenate([pixels(source, "train"), pixels(source, "test")])
    assert everything.shape == (1797, 8, 8, 1)
    assert everything.max() == 255
