"""The parameters of a cell's terms and of norms, as the steps of a forward pass use them."""

import torch
from torch import Tensor

from models import layers
from models.parameters import Part
from space.network.grammar import Norm
from space.step.parameters import Table
from space.step.terms import Placed


class TermWeights(Part):
    """The parameters of one term. `added` is a constant that acts with the bias [O] (a forget
    bias).
    """

    def __init__(self, placed: Placed, table: Table, dtype: torch.dtype) -> None:
        super().__init__(table, dtype)
        self.added = 0.0
        self.outs = placed.shape.writes.channels
        norm = placed.shape.norm
        self.norm = None if norm is None else NormWeights(norm, table.under("norm"), dtype)

    def biased(self) -> Tensor | None:
        """The bias [O] with the added constant, or None if there is neither."""
        bias = self._parameters.get("bias")
        if bias is not None:
            return bias + self.added if self.added else bias
        if not self.added:
            return None
        kernel = next(iter(self._parameters.values()))
        assert kernel is not None
        return torch.full((self.outs,), self.added, dtype=kernel.dtype, device=kernel.device)


class NormWeights(Part):
    """Gain [C] and shift [C] of a norm, and the running mean and variance [C] of a batch norm."""

    def __init__(self, norm: Norm, table: Table, dtype: torch.dtype) -> None:
        super().__init__(table, dtype)
        self.how = layers.Normalisation(
            groups=norm.groups or 1,
            interleaved=norm.interleaved,
            batch=norm.kind == "batch",
            epsilon=norm.added_epsilon,
            momentum=norm.momentum,
        )

    def prepare(self) -> layers.Operands:
        """What `layers.normalise` takes for the steps of one forward pass."""
        gain, shift = self.get_parameter("gain"), self.get_parameter("shift")
        if not self.how.batch:
            return gain, shift
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_variance")
        if self.training:
            return gain, shift, mean, variance
        return layers.folded(gain, shift, mean, variance, self.how.epsilon)
