"""The read-out: from the last stage's map to logits, and from the logits of all steps to one set.

The head is a node of the graph like the stages, and reads the last stage's output of the step
before. The decoder reads what the head put out.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor

from models import layers
from models.initial import Part, Start
from models.instructions import Operands
from space.genome import Genome
from space.geometry import HeadShape
from space.grammar import Initial


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


def decode(step_logits: Tensor, decoder: str) -> Tensor:
    """Logits of every step [B,T,N] -> the network's logits [B,N]. `last`: those of step T - 1."""
    if decoder == "last":
        return step_logits[:, -1]
    raise ValueError(f"no decoder is called {decoder!r}")


def blank_logits(x: Tensor, classes: int) -> Tensor:
    """What a head that no image has reached puts out under `start: masked`: zeros [B,N]."""
    return torch.zeros((x.shape[0], classes), dtype=x.dtype, device=x.device)
