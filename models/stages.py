"""One stage of the chain: its inputs joined, convolution, cell, second convolution, residual,
activation, pool.

A stage knows its sizes and its parameters, and takes one step at a time; what it reads of the
step before is handed to it (`models/unroll.py`). Parts are called as modules, so that PyTorch's
hooks see every step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from models import layers
from models.cells import CellModule, States
from models.instructions import Operands
from models.parameters import Branch, Part
from models.terms import NormWeights
from space.genome import Genome
from space.network.architecture import Convolution
from space.network.maps import same_padding
from space.network.sizes import Arrival, StageShape
from space.step.parameters import Table


class ConvolutionBlock(Part):
    """Convolution with SAME padding of a map of `size`, then norm, then activation."""

    def __init__(self, part: Convolution, size: int, table: Table, dtype: torch.dtype) -> None:
        super().__init__(table, dtype)
        norm = part.norm
        self.norm = None if norm is None else NormWeights(norm, table.under("norm"), dtype)
        self.stride, self.activation = part.stride, part.activation
        self.padding = same_padding(size, part.kernel, part.stride)

    def prepare(self, layout: torch.memory_format) -> Operands:
        """Kernel, bias and the norm's operands as the steps of one forward pass use them."""
        bias = self._parameters.get("bias")
        return (
            layers.working_copy(self.get_parameter("kernel"), layout),
            None if bias is None else layers.working_copy(bias),
            *(() if self.norm is None else self.norm.prepare()),
        )

    def apply_to(self, x: Tensor, operands: Operands) -> Tensor:
        """[B,I,H,W] -> [B,O,ceil(H/stride),ceil(W/stride)]."""
        kernel, bias, *norm = operands
        assert kernel is not None
        x = layers.convolve(x, kernel, bias, padding=self.padding, stride=self.stride)
        if self.norm is not None:
            x = layers.normalise(x, self.norm.how, tuple(norm))
        return layers.activate(x, self.activation)

    forward = apply_to


class Projection(Part):
    """1x1 convolution without bias, and its norm.

    With a `stride` of 0 the map is resized before it, to `size`.
    """

    def __init__(
        self, shape: StageShape, size: int, resize: layers.Resize, table: Table, dtype: torch.dtype
    ) -> None:
        super().__init__(table, dtype)
        shortcut = shape.stage.shortcut
        assert shortcut is not None
        self.size, self.resize = size, resize
        self.stride = shape.stage.stride if shortcut.by == "stride" else 0
        norm = shortcut.norm
        self.norm = None if norm is None else NormWeights(norm, table.under("norm"), dtype)

    def prepare(self, layout: torch.memory_format) -> Operands:
        """Kernel and the norm's operands as the steps of one forward pass use them."""
        kernel = layers.working_copy(self.get_parameter("kernel"), layout)
        return (kernel, *(() if self.norm is None else self.norm.prepare()))

    def apply_to(self, x: Tensor, operands: Operands) -> Tensor:
        """[B,I,h,w] -> [B,O,H,W]."""
        kernel, *norm = operands
        assert kernel is not None
        if not self.stride:
            x = layers.resize(x, self.size, self.resize)
        x = layers.convolve(x, kernel, None, padding=(0, 0), stride=self.stride or 1)
        if self.norm is not None:
            x = layers.normalise(x, self.norm.how, tuple(norm))
        return x

    forward = apply_to


class JoinedInputs(Branch):
    """The inputs of a stage, summed or multiplied: each through a 1x1 convolution with bias where
    its channels differ, under its sender's name.
    """

    def __init__(
        self,
        kind: Literal["add", "multiply"],
        arrivals: Sequence[Arrival],
        table: Table,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.kind, self.arrivals = kind, tuple(arrivals)
        for arrival in self.arrivals:
            if arrival.projects:
                self.plant(arrival.name, Part(table.under(arrival.name), dtype))

    def prepare(self, layout: torch.memory_format) -> Sequence[Operands]:
        """(kernel, bias) of every input, nothing for one that is taken as it is."""
        return [
            (
                layers.working_copy(self[arrival.name].get_parameter("kernel"), layout),
                layers.working_copy(self[arrival.name].get_parameter("bias")),
            )
            if arrival.projects
            else ()
            for arrival in self.arrivals
        ]

    def apply_to(self, inputs: Sequence[Tensor], prepared: Sequence[Operands]) -> Tensor:
        """Inputs [B,I,H,W] in the order of the arrivals, resized already -> [B,O,H,W]."""
        total: Tensor | None = None
        for x, operands in zip(inputs, prepared, strict=True):
            if operands:
                kernel, bias = operands
                assert kernel is not None
                x = layers.convolve(x, kernel, bias, padding=(0, 0))
            if total is None:
                total = x
            else:
                total = total + x if self.kind == "add" else total * x
        assert total is not None
        return total

    forward = apply_to


@dataclass(frozen=True, kw_only=True)
class PreparedStage:
    """The parameters of one stage as the steps of one forward pass use them."""

    convolution: Operands
    cell: Sequence[Operands]
    second: Operands
    residual: Operands
    join: Sequence[Operands]


@dataclass(frozen=True, kw_only=True)
class StageStep:
    """What a stage computed at one step: what the cell read, the cell's states, the output."""

    input: Tensor
    states: States
    output: Tensor


class StageModule(Branch):
    """One stage with its parameters: `join`, `convolution`, `cell`, `second`, `residual`."""

    def __init__(
        self, genome: Genome, shape: StageShape, table: Table, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.shape = shape
        stage = shape.stage
        self.join: JoinedInputs | None = None
        if stage.join.kind != "concat":
            self.join = JoinedInputs(stage.join.kind, shape.arrivals, table.under("join"), dtype)
        self.convolution = ConvolutionBlock(
            stage.convolution, shape.input.size, table.under("convolution"), dtype
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
                table=table.under("cell"),
                resize=genome.resize,
                dtype=dtype,
            )
            current = shape.cell.output
        self.second: ConvolutionBlock | None = None
        if stage.second is not None and shape.second is not None:
            self.second = ConvolutionBlock(
                stage.second, current.size, table.under("second"), dtype
            )
            current = shape.second
        self.residual = (
            Projection(shape, current.size, genome.resize, table.under("residual"), dtype)
            if shape.projects
            else None
        )
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
            residual=() if self.residual is None else self.residual.prepare(layout),
            join=() if self.join is None else self.join.prepare(layout),
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
        if self.join is not None:
            before, feedback = self._joined(before, feedback, prepared), None
        read = before
        if self.joins_feedback:
            assert feedback is not None
            read = torch.cat((before, feedback), 1)
        x = convolved = self.convolution(read, prepared.convolution)
        if self.cell is not None:
            sources = {"input": x, "residual": before}
            if feedback is not None:
                sources["feedback"] = feedback
            states = self.cell(sources, states, prepared.cell)
            x = states[self.cell.cell.output]
        if self.second is not None:
            x = self.second(x, prepared.second)
        if self.residual is not None:
            x = x + self.residual(before, prepared.residual)
        elif stage.residual:
            x = x + before
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

    forward = step

    def _joined(self, before: Tensor, feedback: Tensor | None, prepared: PreparedStage) -> Tensor:
        """The sum or product of the inputs, which takes the feedforward input's place."""
        assert self.join is not None
        inputs = [before]
        if feedback is not None:
            widths = [arrival.map.channels for arrival in self.shape.arrivals[1:]]
            inputs += torch.split(feedback, widths, 1)
        joined: Tensor = self.join(inputs, prepared.join)
        return joined
