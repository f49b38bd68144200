"""The decoder: from the logits that the head put out at the steps of a window to one set.

The head itself is a node of the graph like the stages; it reads the last stage's output of the
step before.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor

from models.parameters import Part
from space.network.architecture import Decoder
from space.step.parameters import Table


class DecoderModule(Part):
    """From the logits of the steps that a decoder reads, [B,T',N], to the network's, [B,N].

    `space.network.architecture.Decoder` defines each form.
    """

    def __init__(self, decoder: Decoder, table: Table, dtype: torch.dtype) -> None:
        super().__init__(table, dtype)
        self.decoder = decoder
        self.layers = [self.below(name) for name in table.parts]

    def forward(self, logits: Tensor) -> Tensor:  # type: ignore[override]
        """[B,T',N] -> [B,N]. Called once, by the network itself."""
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
        return self.tensor(name) if name in self.starts else otherwise

    def _shares(self, logits: Tensor) -> Tensor:
        """What each step weighs: [B,T',N], [T',N] or [B,T',1], of sum 1 over steps."""
        if self.decoder.form == "w_avg_t":
            positive = self.tensor("weights").sigmoid()
            return positive / positive.sum(0)
        beta = self._scalar("beta", self.decoder.beta)
        if self.decoder.form == "w_avg":
            return (beta * logits).softmax(1)
        largest = (beta * logits).softmax(2).amax(2, keepdim=True)
        return (self._scalar("time_beta", self.decoder.beta) * largest).softmax(1)

    def _perceptron(self, logits: Tensor) -> Tensor:
        x = logits.flatten(1)
        for i, part in enumerate(self.layers):
            x = functional.linear(x, part.tensor("kernel"), part.tensor("bias"))
            if i < len(self.layers) - 1:
                x = functional.elu(x)
        return x

    def _convolved(self, logits: Tensor) -> Tensor:
        over_time, pooled = logits.transpose(1, 2), []
        *windows, linear = self.layers
        for part in windows:
            kernel, bias = part.tensor("kernel"), part.tensor("bias")
            x = functional.conv1d(over_time, kernel, bias)
            pooled.append(x.amax(2) if self.decoder.pool == "max" else x.mean(2))
        kernel, bias = linear.tensor("kernel"), linear.tensor("bias")
        return functional.linear(torch.cat(pooled, 1), kernel, bias)
