"""Backgrounds: noise with the spectrum that it should have, photographs that no splits share."""

import numpy as np
import pytest

from space.errors import DataError
from workers.data import backgrounds
from workers.data.backgrounds import crop_photograph, draw_noise, read_photographs
from workers.data.random_numbers import RandomNumbers


def test_noise_has_an_amplitude_that_falls_with_frequency() -> None:
    """About as 1/f: two octaves higher about a quarter of it."""
    power = np.zeros((64, 64))
    for number in range(60):
        noise = draw_noise(64, RandomNumbers(0, number)).astype(float)
        power += abs(np.fft.fft2(noise - noise.mean())) ** 2
    row, column = np.meshgrid(*[np.fft.fftfreq(64) * 64] * 2)
    radius = np.hypot(row, column)
    frequencies = [3, 6, 12, 24]
    amplitude = [
        np.sqrt(power[(radius > f / 1.3) & (radius < f * 1.3)].mean()) for f in frequencies
    ]
    slope = np.polyfit(np.log(frequencies), np.log(amplitude), 1)[0]
    assert -1.4 < slope < -0.7


def test_noise_is_grey_on_average_and_rarely_cut_off() -> None:
    noise = np.stack([draw_noise(32, RandomNumbers(1, number)) for number in range(100)])
    assert abs(noise.mean() - 128) < 4
    assert np.isin(noise, (0, 255)).mean() < 0.02


def test_splits_take_parts_of_the_photographs_that_do_not_meet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In photographs whose grey is the number of their column, in tenths of the width."""
    columns = np.repeat(np.arange(10, dtype=np.uint8) * 25, 64)
    monkeypatch.setattr(backgrounds, "read_photographs", lambda: (np.tile(columns, (427, 1)),))
    shown = {}
    for split in ("train", "validation", "test"):
        crops = [crop_photograph(split, 32, RandomNumbers(0, number)) for number in range(150)]
        shown[split] = {int(low) for crop in crops for low in (crop.min(), crop.max())}
    ranges = {split: (min(greys), max(greys)) for split, greys in shown.items()}
    assert ranges == {"train": (0, 125), "validation": (150, 175), "test": (200, 225)}


def test_the_photographs_are_grey_levels_of_the_files() -> None:
    assert [grey.shape for grey in read_photographs()] == [(427, 640), (427, 640)]
    assert all(grey.std() > 40 for grey in read_photographs())


def test_a_missing_photograph_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backgrounds, "PHOTOGRAPHS", ("moon.jpg",))
    read_photographs.cache_clear()
    try:
        with pytest.raises(DataError, match=r"photograph moon\.jpg cannot be read"):
            read_photographs()
    finally:
        read_photographs.cache_clear()
