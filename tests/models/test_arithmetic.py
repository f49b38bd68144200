"""Padding, pooling, resizing and norms against arithmetic written out in numpy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from models import arithmetic
from space.network.maps import same_padding, same_size


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def literal_windows(size: int, kernel: int, stride: int) -> list[list[int]]:
    """The pixels (or -1, outside) under each window of SAME padding, along one axis."""
    outs = -(-size // stride)
    total = max((outs - 1) * stride + kernel - size, 0)
    starts = [o * stride - total // 2 for o in range(outs)]
    return [[p if 0 <= p < size else -1 for p in range(s, s + kernel)] for s in starts]


def literal_convolution(
    x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int
) -> np.ndarray:
    windows = literal_windows(x.shape[-1], kernel.shape[-1], stride)
    out = np.zeros((x.shape[0], kernel.shape[0], len(windows), len(windows)))
    for i, rows in enumerate(windows):
        for j, columns in enumerate(windows):
            for a, row in enumerate(rows):
                for b, column in enumerate(columns):
                    if row >= 0 and column >= 0:
                        out[:, :, i, j] += x[:, :, row, column] @ kernel[:, :, a, b].T
    return np.asarray(out + bias[:, None, None])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("size", [1, 4, 7, 8])
def test_convolution_is_same_with_the_odd_pixel_after(size: int, kernel: int, stride: int) -> None:
    x, weight, bias = random(2, 3, size, size), random(4, 3, kernel, kernel), random(4)
    padding = same_padding(size, kernel, stride)
    ours = arithmetic.convolve(x, weight, bias, padding=padding, stride=stride)
    assert ours.shape[-1] == same_size(size, stride)
    theirs = literal_convolution(x.numpy(), weight.numpy(), bias.numpy(), stride)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride"),
    [(7, 2, 2), (8, 2, 2), (8, 3, 2), (7, 3, 2), (5, 2, 1), (9, 4, 3), (8, 1, 2), (1, 2, 2)],
)
def test_pool_sees_only_pixels_of_the_map(kind: str, size: int, kernel: int, stride: int) -> None:
    """Maps of negative numbers: a padding of zeros would win every maximum at the edge."""
    x = -1 - random(2, 3, size, size).abs()
    windows = literal_windows(size, kernel, stride)
    pool = arithmetic.max_pool if kind == "max" else arithmetic.mean_pool
    padding = same_padding(size, kernel, stride)
    ours = pool(x, kernel=kernel, stride=stride, padding=padding)
    theirs = np.zeros((2, 3, len(windows), len(windows)))
    for i, rows in enumerate(windows):
        for j, columns in enumerate(windows):
            seen = [x[:, :, r, c].numpy() for r in rows for c in columns if r >= 0 and c >= 0]
            theirs[:, :, i, j] = np.max(seen, 0) if kind == "max" else np.mean(seen, 0)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


def test_pool_of_seven_gives_four() -> None:
    x = -random(1, 1, 7, 7).abs()
    pooled = arithmetic.max_pool(x, kernel=2, stride=2, padding=same_padding(7, 2, 2))
    assert pooled.shape[-1] == 4
    assert pooled[0, 0, 3, 3] == x[0, 0, 6, 6]


@pytest.mark.parametrize("mode", ["corners", "half_pixel"])
@pytest.mark.parametrize(("size", "to"), [(4, 7), (3, 7), (1, 5), (7, 4), (2, 8), (5, 1)])
def test_resize_is_bilinear(mode: str, size: int, to: int) -> None:
    def weights() -> np.ndarray:
        rows = np.zeros((to, size))
        for o in range(to):
            if mode == "corners":
                at = o * (size - 1) / (to - 1) if to > 1 else 0.0
            else:
                at = min(max((o + 0.5) * size / to - 0.5, 0.0), size - 1.0)
            low = min(int(at), size - 1)
            high = min(low + 1, size - 1)
            rows[o, low] += 1 - (at - low)
            rows[o, high] += at - low
        return rows

    x = random(2, 3, size, size)
    theirs = np.einsum("oi,bcij,pj->bcop", weights(), x.numpy(), weights())
    np.testing.assert_allclose(arithmetic.resize(x, to, mode).numpy(), theirs, atol=1e-12)


def test_resize_to_the_same_size_is_the_identity() -> None:
    x = random(1, 2, 5, 5)
    assert arithmetic.resize(x, 5, "corners") is x


def test_corner_aligned_resize_keeps_the_corners() -> None:
    x = random(1, 1, 4, 4)
    resized = arithmetic.resize(x, 7, "corners")
    assert torch.allclose(resized[..., ::6, ::6], x[..., ::3, ::3])


def test_layer_norm_spans_height_width_and_channels() -> None:
    x, gain, shift = random(3, 4, 5, 5), random(4, seed=1), random(4, seed=2)
    ours = arithmetic.group_norm(x, gain, shift, epsilon=1e-12)
    mean, variance = x.mean((1, 2, 3), keepdim=True), x.var((1, 2, 3), keepdim=True, correction=0)
    plain = (x - mean) / (variance + 1e-12).sqrt()
    assert torch.allclose(ours, plain * gain[:, None, None] + shift[:, None, None])


ONE, NOTHING = torch.ones(6).double(), torch.zeros(6).double()


def test_group_norm_takes_contiguous_blocks() -> None:
    x = random(3, 6, 5, 5)
    ours = arithmetic.group_norm(x, ONE, NOTHING, groups=2, epsilon=0)
    halves = [functional.layer_norm(h, h.shape[1:], eps=0) for h in (x[:, :3], x[:, 3:])]
    assert torch.allclose(ours, torch.cat(halves, 1))


def test_interleaved_group_norm_takes_channels_of_equal_index_modulo_the_groups() -> None:
    x, gain, shift = random(3, 6, 5, 5), random(6, seed=1), random(6, seed=2)
    ours = arithmetic.group_norm(x, gain, shift, groups=2, interleaved=True, epsilon=1e-5)
    for start in (0, 1):
        part = x[:, start::2]
        plain = functional.layer_norm(part, part.shape[1:], eps=1e-5)
        expected = plain * gain[start::2, None, None] + shift[start::2, None, None]
        assert torch.allclose(ours[:, start::2], expected)


def test_batch_norm_takes_each_channel_over_batch_and_map_and_moves_its_averages() -> None:
    """As TensorFlow's fused op: the running variance takes the unbiased one, decay 0.9."""
    x, gain, shift = 3 + random(4, 6, 5, 5), random(6, seed=1), random(6, seed=2)
    mean, variance = NOTHING.clone(), ONE.clone()
    ours = arithmetic.batch_norm(x, gain, shift, mean, variance, epsilon=1e-5, momentum=0.1)
    plain = (x - x.mean((0, 2, 3), keepdim=True)) / (
        x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5
    ).sqrt()
    assert torch.allclose(ours, plain * gain[:, None, None] + shift[:, None, None])
    assert torch.allclose(mean, 0.1 * x.mean((0, 2, 3)))
    assert torch.allclose(variance, 0.9 + 0.1 * x.var((0, 2, 3)))


def test_batch_norm_of_the_averages_is_folded() -> None:
    x, gain, shift = random(2, 6, 5, 5), random(6, seed=1), random(6, seed=2)
    mean, variance = random(6, seed=3), random(6, seed=4).square() + 0.5
    folded = arithmetic.fold_batch_norm(gain, shift, mean, variance, 1e-5)
    ours = arithmetic.scale_and_shift(x, *folded)
    expected = functional.batch_norm(x, mean, variance, gain, shift, eps=1e-5)
    assert torch.allclose(ours, expected)


def test_norm_of_half_precision_takes_its_statistics_in_float32() -> None:
    x = (random(2, 6, 5, 5) * 1e-3).bfloat16()
    ours = arithmetic.group_norm(x, ONE.float(), NOTHING.float(), epsilon=1e-12)
    assert ours.dtype == torch.float32
    assert abs(float(ours.std()) - 1) < 0.02


def test_zeros_keep_the_layout() -> None:
    like = random(2, 3, 4, 4).to(memory_format=torch.channels_last)
    made = arithmetic.zeros(like, 5, 2)
    assert made.shape == (2, 5, 2, 2)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert arithmetic.zeros(random(2, 3, 4, 4), 5, 2).is_contiguous()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    ("batch", "channels", "size", "kernel"),
    [(3, 20, 9, 7), (2, 8, 4, 4), (70, 65, 16, 5), (1, 7, 5, 5), (4, 1, 6, 7)],
)
def test_gradient_of_a_depthwise_kernel(
    batch: int, channels: int, size: int, kernel: int, layout: torch.memory_format
) -> None:
    """Against PyTorch's own derivative, also of batches that are taken in pieces."""
    before, after = same_padding(size, kernel, 1)
    x = random(batch, channels, size, size).to(memory_format=layout)
    gradient = random(batch, channels, size, size, seed=1)
    weight = random(channels, 1, kernel, kernel, seed=2).requires_grad_()
    padded = functional.pad(x, (before, after, before, after))
    functional.conv2d(padded, weight, groups=channels).backward(gradient)
    side = before if before == after else 0
    given = x if before == after else padded
    found = arithmetic.depthwise_gradient(given, gradient, weight, side)
    assert weight.grad is not None
    assert torch.allclose(found, weight.grad, rtol=1e-10, atol=1e-10)
