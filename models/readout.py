"""The read-out: from the last stage's map to logits, and from the logits of all steps to one set.

The head is a node of the graph like the stages, and reads the last stage's output of the step
before. The decoder reads what the head put out at the steps of its window.
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor

from models import layers
from models.initial import Part, Start, constant
from models.instructions import Operands
from space.genome import Decoder, Genome
from space.geometry import HeadShape
from space.grammar import Initial

UNIT = Initial(scheme="uniform", scale=1.0)  # of a decoder's scalars and weights, as published
DECAY = 1e-4  # of a decoder's kernels and biases, as published


class HeadModule(Part):
    """The classifier of a genome's form.

    `mean_linear`: kernel [N,C]. `flatten_linear`: kernel [N,H*W*C], columns in the order of
    height, width, channel. `convolution_mean`: kernel [N,C,k,k]. bias [N].
    """

    def __init__(self, genome: Genome, shape: HeadShape, dtype: torch.dtype) -> None:
        super().__init__()
        self.form = genome.head.form
        weights = genome.head.weights.over(genome.base_weights)
        sides: tuple[int, ...] = (genome.classes, shape.inputs)
        side = 1
        if self.form == "convolution_mean":
            side = genome.head.kernel
            sides = (genome.classes, shape.reads.channels, side, side)
        start = Start(
            initial=weights.initial or Initial(),
            fan_in=shape.inputs,
            fan_out=genome.classes * side * side,
            decay=weights.decay or 0.0,
        )
        self.declare("kernel", sides, start, dtype)
        self.declare_bias("bias", genome.classes, weights, dtype)

    def prepare(self, layout: torch.memory_format) -> Operands:
        """Kernel and bias as the steps of one forward pass use them."""
        kernel = layers.working_copy(self.get_parameter("kernel"), layout)
        return kernel, layers.working_copy(self.get_parameter("bias"))

    def step(self, x: Tensor, prepared: Operands) -> Tensor:
        """The last stage's output [B,C,H,W] -> logits [B,N]."""
        kernel, bias = prepared
        assert kernel is not None
        if self.form == "convolution_mean":
            return functional.conv2d(x, kernel, bias).mean((2, 3))
        if self.form == "flatten_linear":
            x = x.permute(0, 2, 3, 1).flatten(1)
        else:
            x = x.mean((2, 3))
        return functional.linear(x, kernel, bias)

    forward = step


def blank_logits(x: Tensor, classes: int) -> Tensor:
    """What a head that no image has reached puts out under `start: masked`: zeros [B,N]."""
    return torch.zeros((x.shape[0], classes), dtype=x.dtype, device=x.device)


class DecoderModule(Part):
    """From the logits of the steps that a decoder reads, [B,T',N], to the network's, [B,N].

    What each form does is said at `space.genome.Decoder`. Parameters: beta [1] and threshold [1]
    where they are trained, of `w_avg_t` weights [T',N], of the others kernels [outs,ins] and
    biases [outs]; of `conv1d` kernels [filters,N,window].
    """

    def __init__(self, decoder: Decoder, *, steps: int, classes: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.decoder, self.steps = decoder, steps
        self.scalars: tuple[str, ...] = ()
        self.layers: list[Part] = []
        if decoder.trainable:
            second = {"thresh": ("threshold",), "w_time_avg": ("time_beta",)}
            self.scalars = ("beta", *second.get(decoder.form, ()))
            for name in self.scalars:
                self.declare(name, (1,), Start(initial=UNIT), dtype)
        if decoder.form == "w_avg_t":
            self.declare("weights", (steps, classes), Start(initial=UNIT), dtype)
        if decoder.form == "mlp":
            sides = (steps * classes, *decoder.layers, classes)
            for i, (ins, outs) in enumerate(pairwise(sides)):
                last = i == len(decoder.layers)
                self._layer(f"layer{i}", (outs, ins), DECAY if last else 0.0, dtype)
        if decoder.form == "conv1d":
            for window in decoder.windows:
                sides = (decoder.filters, classes, window)
                self._layer(f"window{window}", sides, DECAY, dtype)
            pooled = decoder.filters * len(decoder.windows)
            self._layer("linear", (classes, pooled), DECAY, dtype)

    def _layer(self, name: str, sides: tuple[int, ...], decay: float, dtype: torch.dtype) -> None:
        part, field = Part(), math.prod(sides[2:])
        start = Start(
            initial=Initial(scheme="glorot_uniform"),
            fan_in=sides[1] * field,
            fan_out=sides[0] * field,
            decay=decay,
        )
        part.declare("kernel", sides, start, dtype)
        part.declare("bias", sides[:1], constant(0.0, decay), dtype)
        self.add_module(name, part)
        self.layers.append(part)

    def forward(self, logits: Tensor) -> Tensor:
        """[B,T',N] -> [B,N]."""
        form = self.decoder.form
        if form in ("max_conf", "thresh", "time_max"):
            chosen = self.chosen_steps(logits)
            index = chosen[:, None] if form == "time_max" else chosen[:, None, None]
            return logits.gather(1, index.expand(-1, 1, logits.shape[2]))[:, 0]
        if form in ("w_avg", "w_avg_t", "w_time_avg"):
            return (logits * self._shares(logits)).sum(1)
        if form == "mlp":
            return self._perceptron(logits)
        if form == "conv1d":
            return self._convolved(logits)
        if form in ("sum", "avg"):
            return logits.sum(1) if form == "sum" else logits.mean(1)
        last = logits[:, -1]
        if form == "simple_soft":
            return last.softmax(1)
        return last / last.sum(1, keepdim=True) if form == "simple_linear" else last

    def chosen_steps(self, logits: Tensor) -> Tensor:
        """The step of [0, T') that is read: [B], of `time_max` [B,N] (one a class). Where several
        are as good, the first.
        """
        probabilities = (self._scalar("beta", self.decoder.beta) * logits).softmax(2)
        if self.decoder.form == "time_max":
            return probabilities.argmax(1)
        largest = probabilities.amax(2)
        best = largest.argmax(1)
        if self.decoder.form == "max_conf":
            return best
        crossed = largest >= self._scalar("threshold", self.decoder.threshold)
        return torch.where(crossed.any(1), crossed.byte().argmax(1), best)

    def _scalar(self, name: str, otherwise: float) -> Tensor | float:
        return self.get_parameter(name) if name in self.scalars else otherwise

    def _shares(self, logits: Tensor) -> Tensor:
        """What each step weighs: [B,T',N], [T',N] or [B,T',1], of sum 1 over steps."""
        if self.decoder.form == "w_avg_t":
            positive = self.get_parameter("weights").sigmoid()
            return positive / positive.sum(0)
        beta = self._scalar("beta", self.decoder.beta)
        if self.decoder.form == "w_avg":
            return (beta * logits).softmax(1)
        largest = (beta * logits).softmax(2).amax(2, keepdim=True)
        return (self._scalar("time_beta", self.decoder.beta) * largest).softmax(1)

    def _perceptron(self, logits: Tensor) -> Tensor:
        x = logits.flatten(1)
        for i, part in enumerate(self.layers):
            x = functional.linear(x, part.get_parameter("kernel"), part.get_parameter("bias"))
            if i < len(self.layers) - 1:
                x = functional.elu(x)
        return x

    def _convolved(self, logits: Tensor) -> Tensor:
        over_time, pooled = logits.transpose(1, 2), []
        *windows, linear = self.layers
        for part in windows:
            kernel, bias = part.get_parameter("kernel"), part.get_parameter("bias")
            x = functional.conv1d(over_time, kernel, bias)
            pooled.append(x.amax(2) if self.decoder.pool == "max" else x.mean(2))
        kernel, bias = linear.get_parameter("kernel"), linear.get_parameter("bias")
        return functional.linear(torch.cat(pooled, 1), kernel, bias)
