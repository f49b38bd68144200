"""What is done to training images, in batches on the device: crop, flip, noise, average.

All random numbers of a batch come from generators that the caller seeds by (seed, epoch, batch),
so a resumed run sees the same images. Images are [B,C,H,W]; 0..1 before the normalisation.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, grid_sample

from workers.job import Augmentation, Crop

_ATTEMPTS = 10


def average(images: Tensor, size: int | None) -> Tensor:
    """[B,C,H,W] -> [B,C,size,size], each pixel the mean of those that it replaces."""
    if size is None or images.shape[-2:] == (size, size):
        return images
    return adaptive_avg_pool2d(images, size)


def augment(images: Tensor, recipe: Augmentation, generator: torch.Generator) -> Tensor:
    """[B,C,H,W] in 0..1 -> the same shape, changed at random as the recipe says.

    `generator` is a CPU one, whatever the device of the images: the choices (where to crop, what
    to flip) are the same on every machine. Noise is not clipped.
    """
    if recipe.crop is not None:
        boxes = crop_boxes(len(images), recipe.crop, generator)
        images = resize_crops(images, boxes.to(images.device))
    if recipe.flip:
        chosen = torch.rand(len(images), generator=generator) < 0.5
        images = flip_images(images, chosen.to(images.device))
    if recipe.noise:
        noise = torch.Generator(images.device)
        noise.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        drawn = torch.randn(images.shape, generator=noise, device=images.device)
        images = images + recipe.noise * drawn
    return images


def crop_boxes(count: int, crop: Crop, generator: torch.Generator) -> Tensor:
    """Random boxes [count,4]: top, left, height, width, each a part (0..1) of the image's side.

    As in torchvision's RandomResizedCrop: area uniform in `scale`, aspect log-uniform in `ratio`,
    the first of ten attempts that fits, else the whole image.
    """
    low, high = crop.scale
    area = low + (high - low) * torch.rand(count, _ATTEMPTS, generator=generator)
    low, high = (math.log(bound) for bound in crop.ratio)
    aspect = torch.exp(low + (high - low) * torch.rand(count, _ATTEMPTS, generator=generator))
    width, height = torch.sqrt(area * aspect), torch.sqrt(area / aspect)
    # The last column always fits: the whole image.
    whole = torch.ones(count, 1)
    width, height = torch.cat([width, whole], 1), torch.cat([height, whole], 1)
    first = ((width <= 1) & (height <= 1)).int().argmax(dim=1, keepdim=True)
    width, height = width.gather(1, first)[:, 0], height.gather(1, first)[:, 0]
    corner = torch.rand(count, 2, generator=generator)
    return torch.stack([corner[:, 0] * (1 - height), corner[:, 1] * (1 - width), height, width], 1)


def resize_crops(images: Tensor, boxes: Tensor) -> Tensor:
    """Every image's own box ([B,4] as of `crop_boxes`) resized to the whole, bilinear."""
    top, left, height, width = boxes.unbind(1)
    # grid_sample counts from -1 to 1 over the whole image.
    zero = torch.zeros_like(top)
    rows = [
        torch.stack([width, zero, 2 * left + width - 1], 1),
        torch.stack([zero, height, 2 * top + height - 1], 1),
    ]
    grid = torch.nn.functional.affine_grid(
        torch.stack(rows, 1), list(images.shape), align_corners=False
    )
    return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


def flip_images(images: Tensor, chosen: Tensor) -> Tensor:
    """The images [B,C,H,W] with those of the mask `chosen` [B] mirrored left to right."""
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)
