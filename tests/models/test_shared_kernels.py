"""Kernels that are used many times: one gradient of all uses, equal to PyTorch's own."""

import pytest
import torch
from torch import Tensor

from models.shared_kernels import SharedKernel


@pytest.mark.parametrize(("side", "uses"), [(2, 3), (40, 3), (20, 9)])
def test_a_shared_kernel_has_the_gradient_of_all_its_uses(side: int, uses: int) -> None:
    """Uses that wait for all others (of few positions), that do not, and that wait for enough."""
    generator = torch.Generator().manual_seed(0)
    kernel, x = (
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((3, 3, 2, 2), (2, 3, side, side))
    )

    def through(kernel: Tensor) -> Tensor:
        shared = SharedKernel(kernel, padding=(0, 1))
        out = x
        for _ in range(uses):
            out = torch.tanh(shared.apply_to(out))
        return out.square().sum()

    def plainly(kernel: Tensor) -> Tensor:
        out = x
        for _ in range(uses):
            padded = torch.nn.functional.pad(out, (0, 1, 0, 1))
            out = torch.tanh(torch.nn.functional.conv2d(padded, kernel))
        return out.square().sum()

    expected = torch.autograd.grad(plainly(kernel), (x, kernel))
    total = through(kernel)
    # A pass that asks for the input's gradient only leaves nothing behind for the next one.
    (alone,) = torch.autograd.grad(total, (x,), retain_graph=True)
    found = torch.autograd.grad(total, (x, kernel))
    for a, b in zip((alone, *found), (expected[0], *expected), strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


def test_uses_of_a_kernel_that_does_not_defer_have_gradients_of_their_own() -> None:
    generator = torch.Generator().manual_seed(0)
    kernel, x = (
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((3, 1, 3, 3), (2, 3, 5, 5))
    )
    deferred, plain = (
        SharedKernel(kernel, padding=(1, 1), groups=3, defers=defers) for defers in (True, False)
    )
    assert (deferred.deferred, plain.deferred) == (True, False)
    assert plain.kernel is kernel
    once = plain.apply_to(x)
    assert torch.equal(once, plain.apply_alone(x))
    assert torch.equal(once, deferred.apply_to(x))
    (expected,) = torch.autograd.grad(once.square().sum(), kernel)
    (found,) = torch.autograd.grad(deferred.apply_to(x).square().sum(), kernel)
    assert torch.allclose(found, expected)
