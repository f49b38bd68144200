"""A loss for hard images, and a metric for classes of unequal size."""

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn.functional import log_softmax


class FocalLoss:
    """-(1 - p)^gamma log p of the right class (Lin et al. 2017, eq. 4)."""

    class Options(BaseModel, extra="forbid"):
        gamma: float = Field(default=2.0, ge=0)

    def __init__(self, options: Options) -> None:
        self._gamma = options.gamma

    def compute(self, logits: Tensor, labels: Tensor) -> Tensor:
        right = log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
        return -((1 - right.exp()) ** self._gamma * right).mean()


class BalancedAccuracy:
    """The mean over classes of the part of a class's images that is named rightly."""

    class Options(BaseModel, extra="forbid"):
        pass

    def __init__(self, options: Options) -> None:
        pass

    def compute(self, logits: Tensor, labels: Tensor) -> float:
        right = (logits.argmax(dim=1) == labels).double()
        parts = [right[labels == label].mean() for label in labels.unique()]
        return float(torch.stack(parts).mean())
