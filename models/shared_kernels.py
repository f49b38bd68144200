"""Convolutions with a kernel that is used many times: one weight gradient for all uses together.

A recurrent kernel is used once a step. Left to itself, the backward pass computes a gradient of
the whole kernel at every step and adds them up, which on small maps is most of its time. Here a
use of few positions keeps what it read and the gradient of what it put out, until there are
enough of them for one gradient of all, stacked along the batch. A use of many positions does not
wait, since stacking would cost more than it saves.

`SharedKernel` stands for a kernel (and its bias) in one forward pass. Second derivatives are not
supported.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models import arithmetic

# Positions (batch x height x width) from which a use's own weight gradient costs less than to
# stack it, and at which those that wait are enough: more would gain little and hold their maps.
ENOUGH = 1024
FULL = 4096


class SharedKernel:
    """A kernel [O,I/groups,k,k] with its bias [O], and how it is used; `apply_to` is one use.

    Where `defers` is false every use has a gradient of its own, as PyTorch does it.
    """

    def __init__(
        self,
        kernel: Tensor,
        bias: Tensor | None = None,
        *,
        padding: tuple[int, int],
        stride: int = 1,
        groups: int = 1,
        defers: bool = True,
    ) -> None:
        self.bias, self.padding, self.stride, self.groups = bias, padding, stride, groups
        self.uses = _Uses()
        self.deferred = defers and torch.is_grad_enabled() and kernel.requires_grad and _eager()
        self.kernel: Tensor = _gathered(kernel, self) if self.deferred else kernel

    def apply_to(self, x: Tensor) -> Tensor:
        """x [B,I,H,W] -> [B,O,H',W']: one of several uses."""
        before, after = self.padding
        if before != after:
            x = torch.nn.functional.pad(x, (before, after, before, after))
        if not self.deferred:
            side = 0 if before != after else before
            return torch.nn.functional.conv2d(
                x, self.kernel, self.bias, self.stride, side, 1, self.groups
            )
        return _used(x.to(self.kernel.dtype), self.kernel, self.bias, self)

    def apply_alone(self, x: Tensor) -> Tensor:
        """x [B,I,H,W] -> [B,O,H',W'], with a gradient of the kernel for itself."""
        return arithmetic.convolve(
            x,
            self.kernel,
            self.bias,
            padding=self.padding,
            stride=self.stride,
            groups=self.groups,
        )

    @property
    def side(self) -> int:
        """The padding on both sides, after an uneven one was put on the map itself."""
        return self.padding[0] if self.padding[0] == self.padding[1] else 0

    def gradients(
        self, gradient: Tensor, x: Tensor, kernel: Tensor, wanted: tuple[bool, bool]
    ) -> tuple[Tensor | None, Tensor | None]:
        """Of the input and of the kernel, as far as wanted, given that of the output."""
        stride, side = [self.stride] * 2, [self.side] * 2
        of_input = of_kernel = None
        if wanted[1] and self._wide_depthwise(x, kernel):
            of_kernel = arithmetic.depthwise_gradient(x, gradient, kernel, self.side)
            wanted = (wanted[0], False)
        if any(wanted):
            gradients = torch.ops.aten.convolution_backward(
                gradient, x, kernel, None, stride, side, [1, 1], False, [0, 0], self.groups,
                [*wanted, False],
            )  # fmt: skip
            of_input = gradients[0]
            of_kernel = gradients[1] if wanted[1] else of_kernel
        return of_input, of_kernel

    def gather(self, kernel: Tensor) -> None:
        """Add up the kernel's gradient of the uses that wait."""
        stacked = self.uses.stacked()
        if stacked is not None:
            x, gradient = stacked
            _, of_kernel = self.gradients(gradient, x, kernel, (False, True))
            assert of_kernel is not None
            self.uses.add(of_kernel)

    def _wide_depthwise(self, x: Tensor, kernel: Tensor) -> bool:
        """Whether PyTorch's own gradient of this kernel is the slow one."""
        wide = kernel.shape[-1] > 3 and kernel.shape[:2] == (self.groups, 1) and self.stride == 1
        return wide and x.device.type == "cpu" and x.dtype == torch.float32


def _eager() -> bool:
    return not torch.compiler.is_compiling()


class _Uses:
    """What a backward pass has gone through of a kernel's uses."""

    def __init__(self) -> None:
        self._of: int | None = None
        self._waiting: list[tuple[Tensor, Tensor]] = []  # (input, gradient of the output)
        self._positions = 0  # of those
        self._total: Tensor | None = None  # the kernel's gradient of all other uses

    def _start(self) -> None:
        """Forget what an earlier backward pass left that did not ask for the kernel's gradient."""
        task = torch._C._current_graph_task_id()  # noqa: SLF001 - there is no public way to ask
        if task != self._of:
            self._of, self._waiting, self._positions, self._total = task, [], 0, None

    def wait(self, x: Tensor, gradient: Tensor) -> bool:
        """Put a use off; true if there are enough now to be taken together."""
        self._start()
        self._waiting.append((x, gradient))
        self._positions += gradient.numel() // gradient.shape[1]
        return self._positions >= FULL

    def stacked(self) -> tuple[Tensor, Tensor] | None:
        """The inputs and the gradients of all that wait, which then wait no more."""
        self._start()
        waiting, self._waiting, self._positions = self._waiting, [], 0
        if not waiting:
            return None
        inputs, gradients = zip(*waiting, strict=True)
        return (
            (*inputs, *gradients)
            if len(waiting) == 1
            else (torch.cat(inputs), torch.cat(gradients))
        )

    def add(self, gradient: Tensor) -> None:
        self._start()
        self._total = gradient if self._total is None else self._total.add_(gradient)

    def take(self) -> Tensor | None:
        """The gradient that was added up, which is begun anew."""
        self._start()
        total, self._total = self._total, None
        return total


class _Gathered(torch.autograd.Function):
    """The kernel itself; its gradient is that of all uses together."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor, shared: SharedKernel) -> Tensor:
        ctx.shared = shared
        ctx.save_for_backward(kernel)
        ctx.set_materialize_grads(False)
        return kernel.view_as(kernel)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None) -> tuple[Tensor | None, None]:
        (kernel,) = ctx.saved_tensors
        ctx.shared.gather(kernel)
        total = ctx.shared.uses.take()
        if total is None or gradient is None:
            return gradient if total is None else total, None
        return total + gradient, None


class _Use(torch.autograd.Function):
    """One convolution with the kernel."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, kernel: Tensor, bias: Tensor | None, shared: SharedKernel
    ) -> Tensor:
        ctx.shared = shared
        ctx.save_for_backward(x, kernel)
        side = shared.side
        return torch.nn.functional.conv2d(x, kernel, bias, shared.stride, side, 1, shared.groups)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, Tensor | None, None]:
        x, kernel = ctx.saved_tensors
        shared: SharedKernel = ctx.shared
        layout = arithmetic.layout_of(x)
        gradient = arithmetic.laid_out(gradient, layout)
        of_input = ctx.needs_input_grad[0]
        of_bias = gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        if gradient.numel() // gradient.shape[1] < ENOUGH:
            if shared.uses.wait(x, gradient):
                shared.gather(kernel)
            if not of_input:
                return None, None, of_bias, None
            of_x, _ = shared.gradients(gradient, x, kernel, (True, False))
            return of_x, None, of_bias, None
        of_x, of_kernel = shared.gradients(gradient, x, kernel, (of_input, True))
        assert of_kernel is not None
        shared.uses.add(of_kernel)
        return of_x, None, of_bias, None


_gathered: Callable[[Tensor, SharedKernel], Tensor] = _Gathered.apply
_used: Callable[[Tensor, Tensor, Tensor | None, SharedKernel], Tensor] = _Use.apply
