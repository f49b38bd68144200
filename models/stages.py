"""One stage of the chain: convolution, cell, second convolution, residual, activation, pool.

A stage knows its sizes and its parameters, and takes one step at a time; what it reads of the
step before is handed to it (`models/unroll.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models import layers
from models.cells import CellModule, States
from models.initial import Part
from models.instructions import Operands
from models.terms import MATCH, Branch, NormWeights
from space.genome import Convolution, Genome
from space.geometry import StageShape, same_padding


class ConvolutionBlock(Part):
    """Convolution with SAME padding, then norm, then activation.

    kernel [O,I,k,k], bias [O], norm.gain and norm.shift [O].
    """

    def __init__(
        self,
        part: Convolution,
        *,
        channels: int,
        size: int,
        genome: Genome,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        weights = part.weights.over(genome.base_weights)
        shape = (part.width, channels, part.kernel, part.kernel)
        self.declare_kernel("kernel", shape, weights, dtype)
        if part.bias:
            self.declare_bias("bias", part.width, weights, dtype)
        self.norm = None if part.norm is None else NormWeights(part.norm, part.width, dtype)
        self.stride, self.activation = part.stride, part.activation
        self.padding = same_padding(size, part.kernel, part.stride)

    def prepare(self, layout: torch.memory_format) -> Operands:
        """Kernel and bias as the steps of one forward pass use them."""
        bias = self._parameters.get("bias")
        return (
            layers.working_copy(self.get_parameter("kernel"), layout),
            None if bias is None else layers.working_copy(bias),
        )

    def apply_to(self, x: Tensor, operands: Operands) -> Tensor:
        """[B,I,H,W] -> [B,O,ceil(H/stride),ceil(W/stride)]."""
        kernel, bias = operands
        assert kernel is not None
        x = layers.convolve(x, kernel, bias, padding=self.padding, stride=self.stride)
        if self.norm is not None:
            x = self.norm(x)
        return layers.activate(x, self.activation)


class Projection(Part):
    """1x1 convolution without bias: kernel [O,I,1,1]. It starts as the reference's
    `residual_add` does and is not decayed (trap 9).
    """

    def __init__(self, ins: int, outs: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.declare_kernel("kernel", (outs, ins, 1, 1), MATCH, dtype)


@dataclass(frozen=True, kw_only=True)
class PreparedStage:
    """The parameters of one stage as the steps of one forward pass use them."""

    convolution: Operands
    cell: Sequence[Operands]
    second: Operands
    residual: Tensor | None


@dataclass(frozen=True, kw_only=True)
class StageStep:
    """What a stage computed at one step: what the cell read, the cell's states, the output."""

    input: Tensor
    states: States
    output: Tensor


class StageModule(Branch):
    """One stage with its parameters: `convolution`, `cell`, `second`, `residual`."""

    def __init__(self, genome: Genome, shape: StageShape, dtype: torch.dtype) -> None:
        super().__init__()
        self.shape = shape
        stage = shape.stage
        self.resize = genome.resize
        self.convolution = ConvolutionBlock(
            stage.convolution,
            channels=shape.reads.channels,
            size=shape.input.size,
            genome=genome,
            dtype=dtype,
        )
        self.cell: CellModule | None = None
        current = shape.convolution
        if stage.cell is not None and shape.cell is not None:
            sources = {"input": shape.convolution, "residual": shape.input}
            if shape.feedback is not None:
                sources["feedback"] = shape.feedback
            self.cell = CellModule(
                genome.cells[stage.cell],
                sources,
                shape=shape.cell,
                weights=genome.base_weights,
                resize=genome.resize,
                dtype=dtype,
            )
            current = shape.cell.output
        self.second: ConvolutionBlock | None = None
        if stage.second is not None and shape.second is not None:
            self.second = ConvolutionBlock(
                stage.second,
                channels=current.channels,
                size=current.size,
                genome=genome,
                dtype=dtype,
            )
            current = shape.second
        self.residual = (
            Projection(shape.input.channels, current.channels, dtype) if shape.projects else None
        )
        self.size = current.size
        self.joins_feedback = shape.reads.channels != shape.input.channels
        pool = stage.pool
        self.pool_padding = (
            (0, 0) if pool is None else same_padding(current.size, pool.kernel, pool.stride)
        )

    def prepare(self, layout: torch.memory_format) -> PreparedStage:
        """The parameters as the steps of one forward pass use them."""
        return PreparedStage(
            convolution=self.convolution.prepare(layout),
            cell=() if self.cell is None else self.cell.prepare(layout),
            second=() if self.second is None else self.second.prepare(layout),
            residual=None
            if self.residual is None
            else layers.working_copy(self.residual.get_parameter("kernel"), layout),
        )

    def step(
        self, before: Tensor, feedback: Tensor | None, states: States, prepared: PreparedStage
    ) -> StageStep:
        """One step.

        `before` [B,I,H,W] is the feedforward input, `feedback` [B,F,H,W] the joined feedback on
        the same map (None without an edge), `states` those of the step before. The output is
        what others read: after the pool.
        """
        stage = self.shape.stage
        read = before
        if self.joins_feedback:
            assert feedback is not None
            read = torch.cat((before, feedback), 1)
        x = convolved = self.convolution.apply_to(read, prepared.convolution)
        if self.cell is not None:
            sources = {"input": x, "residual": before}
            if feedback is not None:
                sources["feedback"] = feedback
            states = self.cell.step(sources, states, prepared.cell)
            x = states[self.cell.cell.output]
        if self.second is not None:
            x = self.second.apply_to(x, prepared.second)
        if stage.residual:
            added = layers.resize(before, self.size, self.resize)
            if prepared.residual is not None:
                added = layers.convolve(added, prepared.residual, None, padding=(0, 0))
            x = x + added
        x = layers.activate(x, stage.activation)
        if stage.pool is not None:
            pool = layers.max_pool if stage.pool.kind == "max" else layers.mean_pool
            x = pool(
                x,
                kernel=stage.pool.kernel,
                stride=stage.pool.stride,
                padding=self.pool_padding,
            )
        return StageStep(input=convolved, states=states, output=x)
