"""Augmentation: off it is nothing, on it keeps what it must keep, and it repeats itself."""

import math
from collections.abc import Callable

import pytest
import torch

from workers.data.augmentation import (
    augment,
    crop_boxes,
    flip_images,
    resize_crops,
)
from workers.job import Augmentation, Crop


def generator(seed: int = 0) -> torch.Generator:
    made = torch.Generator()
    made.manual_seed(seed)
    return made


def images(count: int = 6, channels: int = 3, size: int = 12) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=generator(9))


EVERYTHING = Augmentation(crop=Crop(scale=(0.2, 1.0)), flip=True, noise=0.1)


def test_off_it_is_the_identity() -> None:
    before = images()
    assert torch.equal(augment(before, Augmentation(), generator()), before)


def test_it_repeats_with_the_seed_and_differs_without() -> None:
    first, second, other = (augment(images(), EVERYTHING, generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_flips_mirror_the_chosen_and_undo_themselves() -> None:
    before, chosen = images(), torch.tensor([True, False] * 3)
    once = flip_images(before, chosen)
    assert torch.equal(once[0, :, :, 0], before[0, :, :, -1])
    assert torch.equal(once[1], before[1])
    assert torch.equal(flip_images(once, chosen), before)


def test_about_half_is_flipped() -> None:
    ramp = torch.arange(4.0).expand(2000, 1, 4, 4)
    share = (augment(ramp, Augmentation(flip=True), generator())[:, 0, 0, 0] == 3).float().mean()
    assert abs(float(share) - 0.5) < 0.05


def test_the_whole_image_cropped_is_the_image() -> None:
    whole = torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(6, 1)
    torch.testing.assert_close(resize_crops(images(), whole), images(), atol=1e-5, rtol=0)


def test_a_crop_of_a_constant_is_the_constant() -> None:
    constant = torch.full((50, 2, 9, 9), 0.37)
    cropped = augment(constant, Augmentation(crop=Crop(scale=(0.1, 1.0))), generator())
    torch.testing.assert_close(cropped, constant, atol=1e-6, rtol=0)


def test_a_crop_is_its_box_resized_with_half_pixel_centres() -> None:
    """Against torch's own resize of the sliced box, away from the box's border."""
    before = images(1, 1, 16)
    box = torch.tensor([[0.25, 0.5, 0.5, 0.5]])
    sliced = before[:, :, 4:12, 8:16]
    expected = torch.nn.functional.interpolate(sliced, size=(16, 16), mode="bilinear")
    result = resize_crops(before, box)
    torch.testing.assert_close(result[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def test_boxes_lie_inside_and_have_the_area_and_the_ratio() -> None:
    crop = Crop(scale=(0.3, 0.8), ratio=(0.75, 4 / 3))
    top, left, height, width = crop_boxes(4000, crop, generator()).unbind(1)
    assert float(torch.stack([top, left]).min()) >= 0
    assert float(torch.stack([top + height, left + width]).max()) <= 1 + 1e-6
    area, ratio = height * width, width / height
    assert 0.3 <= float(area.min()) <= 0.32
    assert 0.78 <= float(area.max()) <= 0.8 + 1e-6
    assert float(ratio.min()) >= 0.75 - 1e-5
    assert float(ratio.max()) <= 4 / 3 + 1e-5
    assert abs(float(ratio.log().mean())) < 0.01
    assert math.isclose(float(area.mean()), 0.55, abs_tol=0.01)
    # Where the corner may lie, it lies anywhere.
    assert abs(float((top / (1 - height)).mean()) - 0.5) < 0.02


def test_a_box_that_never_fits_is_the_whole_image() -> None:
    boxes = crop_boxes(10, Crop(scale=(1.0, 1.0), ratio=(2.0, 3.0)), generator())
    assert torch.equal(boxes, torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(10, 1))


def test_noise_has_its_standard_deviation() -> None:
    noise = augment(torch.zeros(64, 1, 32, 32), Augmentation(noise=0.2), generator())
    assert math.isclose(float(noise.std()), 0.2, rel_tol=0.02)
    assert abs(float(noise.mean())) < 0.003


@pytest.mark.parametrize("make", [images, lambda: images(4, 1, 8)])
def test_shapes_are_kept(make: Callable[[], torch.Tensor]) -> None:
    assert augment(make(), EVERYTHING, generator()).shape == make().shape
