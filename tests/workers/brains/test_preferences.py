from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from space.errors import DataError
from tests.support.recordings import Floats
from workers.brains.preferences import (
    choose_layer,
    count_preferences,
    find_common_bins,
    find_preferences,
)

NAN = np.nan


def spread(*by_neuron: float, splits: int = 4, bins: int = 2) -> Floats:
    """[4 splits, neurons, 2 bins] with one correlation for each neuron."""
    return np.tile(np.array(by_neuron)[None, :, None], (splits, 1, bins))


def test_a_neuron_prefers_the_layer_of_the_largest_mean() -> None:
    low, high = spread(0.5, 0.2, 0.3), spread(0.4, 0.6, 0.3)
    preferences = find_preferences({"low": low, "high": high})
    assert preferences.layers == ("low", "high")
    assert preferences.chosen.tolist() == [0, 1, 0]  # of equals the first
    assert preferences.scores == pytest.approx([0.5, 0.6, 0.3])
    # A lead within a bin or a split does not count by itself.
    high[0, 0, 0] = 0.5
    assert find_preferences({"low": low, "high": high}).chosen[0] == 0
    high[0, 0, 0] = 1
    assert find_preferences({"low": low, "high": high}).chosen[0] == 1


def test_a_layer_is_scored_on_splits_on_which_it_was_not_chosen() -> None:
    random = np.random.RandomState(0)
    layers = {name: 0.3 + 0.2 * random.randn(6, 200, 1) for name in "abcde"}
    preferences = find_preferences(layers)
    # Layers are alike, so what the chosen one gains is chance: it is not in its score.
    chosen = np.stack([layers[name][:3].mean(axis=0)[:, 0] for name in "abcde"]).max(axis=0)
    assert chosen.mean() > 0.4
    assert preferences.scores.mean() == pytest.approx(0.3, abs=0.03)
    changed = {name: values.copy() for name, values in layers.items()}
    for values in changed.values():
        values[3:] = random.randn(3, 200, 1)
    assert (find_preferences(changed).chosen == preferences.chosen).all()
    assert choose_layer(changed) == choose_layer(layers)
    with pytest.raises(DataError, match="splits: 1 is too few"):
        find_preferences({"a": layers["a"][:1]})
    with pytest.raises(DataError, match="layers: there is none"):
        find_preferences({})


def test_what_is_missing_gives_no_layer_an_advantage() -> None:
    early, late = spread(0.9, 0.9, 0.4), spread(0.5, 0.5, 0.5)
    early[..., 1] = 0.1
    late[..., 0] = NAN  # its steps begin in the second bin
    assert find_common_bins({"early": early, "late": late}) == (1,)
    preferences = find_preferences({"early": early, "late": late})
    assert preferences.bins == (1,)
    assert preferences.chosen.tolist() == [1, 1, 1]
    assert preferences.scores == pytest.approx([0.5] * 3)
    # A split in which a neuron has no score in one layer counts in neither.
    early[0, 0, 1] = 5
    late[0, 0, 1] = NAN
    assert find_preferences({"early": early, "late": late}).chosen[0] == 1
    # A layer that has no score for a neuron is not its; one without any does not count.
    late[:, 2] = NAN
    silent = np.full_like(late, NAN)
    assert find_common_bins({"early": early, "late": late, "silent": silent}) == (1,)
    preferences = find_preferences({"early": early, "late": late, "silent": silent})
    assert preferences.chosen.tolist() == [1, 1, 0]


def test_a_neuron_that_nothing_predicts_prefers_nothing() -> None:
    preferences = find_preferences({"a": spread(-0.1, NAN, 0.0), "b": spread(-0.2, NAN, 0.4)})
    assert preferences.chosen.tolist() == [-1, -1, 1]
    assert np.isnan(preferences.scores[:2]).all()
    none = find_preferences({"a": spread(NAN, NAN)})
    assert none.bins == ()
    assert none.chosen.tolist() == [-1, -1]
    (row,) = count_preferences(none)
    assert row.neurons == 0
    assert np.isnan([row.share, row.low, row.high, row.score]).all()
    assert choose_layer({"a": spread(NAN, NAN)}) is None


def test_shares_have_intervals_over_neurons() -> None:
    first = spread(*[0.6] * 30, *[0.1] * 9, -1)
    second = spread(*[0.2] * 30, *[0.5] * 9, -1)
    rows = count_preferences(find_preferences({"a": first, "b": second, "c": second - 0.1}))
    assert [(row.layer, row.neurons) for row in rows] == [("a", 30), ("b", 9), ("c", 0)]
    assert [row.share for row in rows] == pytest.approx([30 / 39, 9 / 39, 0])
    assert [row.score for row in rows[:2]] == pytest.approx([0.6, 0.5])
    assert np.isnan(rows[2].score)
    for row in rows:
        bounds = binomtest(row.neurons, 39).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((bounds.low, bounds.high))
    assert rows[2].high > 0.05  # that none of 39 prefers a layer does not say that no other would


def test_an_area_prefers_the_layer_of_the_largest_median() -> None:
    few = spread(0.9, 0.9, 0.1, 0.1, 0.1)
    most = spread(0.3, 0.3, 0.3, 0.3, NAN)
    assert choose_layer({"few": few, "most": most}) == "most"
    assert choose_layer({"a": most, "b": most}) == "a"
