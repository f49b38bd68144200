"""Batches of a pack: in any order, every image with its label."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.data.feed import Feed
from workers.data.manifest import SplitName
from workers.data.pack import Pack

ORDERS = st.lists(st.integers(0, 199), max_size=30)


@given(ORDERS, st.integers(1, 12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_batches_are_the_images_of_the_order_with_their_labels(
    digits: Pack, order: list[int], size: int
) -> None:
    at = np.array(order, dtype=np.int64)
    batches = list(Feed(digits, "test", torch.device("cpu")).batches(at, size))
    full, rest = divmod(len(order), size)
    assert [len(labels) for _, labels in batches] == [size] * full + [rest] * bool(rest)
    images, labels = digits.images("test")[at], digits.labels("test")[at]
    for number, (pixels, classes) in enumerate(batches):
        part = slice(number * size, (number + 1) * size)
        assert pixels.dtype == torch.uint8
        assert classes.dtype == torch.int64
        np.testing.assert_array_equal(pixels.numpy(), images[part])
        np.testing.assert_array_equal(classes.numpy(), labels[part])


@given(st.permutations(range(12)), st.integers(1, 12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_several_splits_are_fed_as_one(digits: Pack, order: list[int], size: int) -> None:
    """The images of the second begin where those of the first end."""
    feed = Feed(digits, ("train", "validation"), torch.device("cpu"))
    assert len(feed) == digits.count("train") + digits.count("validation")
    at = np.array(order) + digits.count("train") - 6
    images, labels = (
        np.concatenate([of(split) for split in ("train", "validation")])[at]
        for of in (digits.images, digits.labels)
    )
    batches = list(feed.batches(at, size))
    np.testing.assert_array_equal(np.concatenate([pixels for pixels, _ in batches]), images)
    np.testing.assert_array_equal(np.concatenate([classes for _, classes in batches]), labels)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_batch_may_be_changed_and_the_pack_stays(digits: Pack, split: SplitName) -> None:
    feed, order = Feed(digits, split, torch.device("cpu")), np.arange(8)
    before = np.array(digits.images(split)[:8])
    ((images, _),) = feed.batches(order, 8)
    images.fill_(7)
    ((again, _),) = feed.batches(order, 8)
    np.testing.assert_array_equal(again.numpy(), before)
