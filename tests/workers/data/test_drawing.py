"""Draws that are the same on every machine, and parts with every class in proportion."""

import contextlib
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.errors import DataError
from workers.data.drawing import (
    carve_validation,
    draw_part,
    draw_stratified,
    random_bits,
    share_out,
)
from workers.data.source import Integers, Split

LABELS = st.lists(st.integers(0, 3), min_size=1, max_size=40).map(
    lambda labels: np.array(labels, dtype=np.int64)
)
SEEDS = st.integers(0, 2**32)


def test_bits_are_what_they_were() -> None:
    """Packs of earlier versions are made again by these."""
    expected = [1928097604716796797, 450235259685548556, 11294798983493000316]
    assert random_bits(3, 9, 3).tolist() == expected


@given(SEEDS, SEEDS, st.integers(0, 20))
def test_bits_depend_on_seed_and_stream_and_fewer_are_the_first(
    seed: int, stream: int, count: int
) -> None:
    bits = random_bits(seed, stream, 24)
    assert bits[:count].tolist() == random_bits(seed, stream, count).tolist()
    assert bits.tolist() != random_bits(seed + 1, stream, 24).tolist()
    assert bits.tolist() != random_bits(seed, stream + 1, 24).tolist()


@given(LABELS, SEEDS, st.data())
def test_a_part_has_its_number_and_every_class_about_its_share(
    labels: Integers, seed: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, len(labels)))
    kept = draw_stratified(labels, count, seed, stream=9)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert len(kept) == count
    there, drawn = np.bincount(labels, minlength=4), np.bincount(labels[kept], minlength=4)
    # Half an image for a class itself, and half of one for each of the three others.
    assert np.abs(drawn - there * count / len(labels)).max() <= 1.5 + 1e-9
    more = draw_stratified(labels, data.draw(st.integers(count, len(labels))), seed, stream=9)
    assert set(kept.tolist()) <= set(more.tolist())


def test_a_part_is_exact_where_the_proportions_are_whole() -> None:
    labels = np.repeat(np.arange(4), [400, 200, 100, 100])
    kept = draw_stratified(labels, 80, seed=3, stream=9)
    np.testing.assert_array_equal(np.bincount(labels[kept]), [40, 20, 10, 10])


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6).filter(sum), st.data())
def test_a_number_is_shared_out_by_largest_remainders(
    sizes: list[int], data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, sum(sizes)))
    parts = share_out(count, np.array(sizes)).tolist()
    quotas = [Fraction(count * size, sum(sizes)) for size in sizes]
    assert sum(parts) == count
    assert all(
        part in (math.floor(q), math.ceil(q)) for part, q in zip(parts, quotas, strict=True)
    )
    up = [q - part for part, q in zip(parts, quotas, strict=True) if part > q]
    down = [q - part for part, q in zip(parts, quotas, strict=True) if part < q]
    assert not up or not down or min(1 + over for over in up) >= max(down)


@given(
    st.lists(st.integers(0, 3), min_size=8, max_size=40),
    st.integers(1, 3),
    SEEDS,
    st.floats(0.05, 0.95),
)
def test_validation_images_are_taken_whole_by_origin_and_from_every_class(
    drawn: list[int], copies: int, seed: int, part: float
) -> None:
    """Of each class its proportion, and in the two splits every image once; else an error."""
    labels = np.tile(np.array(drawn, dtype=np.int64), copies)
    origins = np.tile(np.arange(len(drawn)), copies)
    train = replace(numbered(len(labels)), labels=labels, origins=origins)
    with contextlib.suppress(DataError):
        left, carved = carve_validation(train, part, seed, "abcd")
        _check_division(train, left, carved, round(part * len(drawn)) * copies)


def _check_division(train: Split, left: Split, carved: Split, count: int) -> None:
    labels, origins = train.labels, train.origins
    assert origins is not None
    parts = [split.read(np.arange(len(split.labels))).ravel() for split in (left, carved)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    assert not set(origins[parts[0]]) & set(origins[parts[1]])
    assert set(left.labels) == set(carved.labels) == set(labels)
    assert len(carved.labels) == count


def test_validation_images_are_what_they_were() -> None:
    """Packs are made again on other machines, by other versions."""
    left, carved = carve_validation(numbered(40), 0.2, 7, "ab")
    assert carved.read(np.arange(8)).ravel().tolist() == PINNED
    again, same = carve_validation(numbered(40), 8, 7, "ab")
    assert same.read(np.arange(8)).ravel().tolist() == PINNED
    assert again.labels.tolist() == left.labels.tolist()


PINNED = [1, 7, 14, 16, 25, 27, 32, 38]


def numbered(count: int) -> Split:
    """Images of one pixel, each its own number, in two classes."""
    labels = np.arange(count) % 2
    return Split(labels=labels, read=lambda at: at.astype(np.uint8).reshape(-1, 1, 1, 1))


def test_a_part_reads_the_images_of_its_labels() -> None:
    whole = numbered(20)
    part = draw_part(whole, 6, seed=1, field="data.train_images")
    pixels = part.read(np.array([5, 0, 3])).ravel()
    numbers = part.read(np.arange(6)).ravel()
    assert pixels.tolist() == numbers[[5, 0, 3]].tolist()
    assert part.labels.tolist() == (numbers % 2).tolist()
    assert sorted(part.labels.tolist()) == [0, 0, 0, 1, 1, 1]
    assert draw_part(whole, None, seed=1, field="") is whole
    assert draw_part(whole, 20, seed=1, field="").labels.tolist() == whole.labels.tolist()


def test_more_than_there_are_is_refused_at_its_field() -> None:
    with pytest.raises(DataError, match=r"data\.test_images: 21 asked for, 20 there; write 20 or"):
        draw_part(numbered(20), 21, seed=1, field="data.test_images")
