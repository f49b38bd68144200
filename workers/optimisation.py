"""One update of a network's parameters: optimiser, learning rate, L2 terms, decay, clipping.

It does not know what the network is made of, nor where the loss comes from.
"""

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from workers.evaluation import Scored
from workers.failures import Diverged
from workers.job import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The rate of iteration `step` (from 0): linear rise, then constant, cosine or steps."""
    rise = round(recipe.warmup_epochs * steps_per_epoch)
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    if recipe.schedule == "step":
        drops = step // steps_per_epoch // recipe.step_epochs
        return recipe.learning_rate * recipe.factor**drops
    if recipe.schedule == "cosine":
        part = (step - rise) / max(1, recipe.epochs * steps_per_epoch - rise)
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
    return recipe.learning_rate


class Optimisation:
    """The parameters of a network under a recipe. `scaler` scales losses of fp16 trainings."""

    def __init__(self, network: nn.Module, recipe: Recipe, scaler: torch.amp.GradScaler) -> None:
        self._recipe, self._scaler = recipe, scaler
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._names = {id(p): name for name, p in network.named_parameters()}
        self._l2 = _group_by_l2(network)
        self._kernels: list[Tensor] = [p for p in self._parameters if p.ndim > 1]
        self._optimiser = _make_optimiser(recipe, self._parameters)

    def clear(self) -> None:
        """Drop the gradients of the update before."""
        self._optimiser.zero_grad(set_to_none=True)

    def add(self, loss: Tensor) -> None:
        """Add the gradients of `loss`, a scalar, to those of the update."""
        self._scaler.scale(loss).backward()

    def update(self, rate: float) -> None:
        """One update by the gradients that were added, and those of the L2 terms."""
        recipe = self._recipe
        self._scaler.unscale_(self._optimiser)
        self.add_l2()
        if recipe.clip is not None and recipe.clip.norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, recipe.clip.norm)
        elif recipe.clip is not None and recipe.clip.value is not None:
            nn.utils.clip_grad_value_(self._parameters, recipe.clip.value)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        if recipe.weight_decay:
            with torch.no_grad():
                torch._foreach_mul_(self._kernels, 1 - rate * recipe.weight_decay)
        self._scaler.step(self._optimiser)
        self._scaler.update()

    @torch.no_grad()
    def add_l2(self) -> None:
        """Add the gradient of the sum of coefficient * sum(w^2) / 2 to the gradients."""
        for coefficient, parameters in self._l2.items():
            slopes: list[Tensor] = []
            for parameter in parameters:
                if parameter.grad is None:  # it was not used, and decays all the same
                    parameter.grad = torch.zeros_like(parameter)
                slopes.append(parameter.grad)
            torch._foreach_add_(slopes, parameters, alpha=coefficient)

    def check_weights(self, epoch: int) -> None:
        """Raises Diverged, which names the first parameter that is not finite."""
        finite = torch.stack([p.detach().isfinite().all() for p in self._parameters])
        if not bool(finite.all()):
            bad = self._parameters[int((~finite).int().argmax())]
            raise Diverged(f"{self._names[id(bad)]} is not finite at the end of epoch {epoch}")

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """(tensors, numbers) of the optimiser's state, by parameter and key."""
        tensors: dict[str, Tensor] = {}
        numbers: dict[str, Any] = {}
        for parameter, state in self._optimiser.state.items():
            for key, value in state.items():
                name = f"{self._names[id(parameter)]}.{key}"
                if isinstance(value, Tensor):
                    tensors[name] = value
                elif value is not None:
                    numbers[name] = value
        return tensors, numbers

    def load_state(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on from what `state` gave. Raises ValueError or KeyError for another network's."""
        by_parameter: dict[str, dict[str, Any]] = {}
        for name, value in {**tensors, **numbers}.items():
            owner, _, key = name.rpartition(".")
            by_parameter.setdefault(owner, {})[key] = value
        packed = self._optimiser.state_dict()
        order = [self._names[id(p)] for p in self._parameters]
        packed["state"] = {
            place: by_parameter[name] for place, name in enumerate(order) if name in by_parameter
        }
        self._optimiser.load_state_dict(packed)


def _group_by_l2(network: nn.Module) -> dict[float, list[Tensor]]:
    """The parameters under L2 by their coefficient: one call each, not one a parameter."""
    named = dict(network.named_parameters())
    groups: dict[float, list[Tensor]] = {}
    for name, coefficient in cast(Scored, network).decays().items():
        if coefficient and named[name].requires_grad:
            groups.setdefault(coefficient, []).append(named[name])
    return groups


def _make_optimiser(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    # Fused: for the small tensors of small networks four times as fast, on a CPU too.
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov and recipe.momentum > 0,
            fused=True,
        )
    return torch.optim.AdamW(
        parameters, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=0.0, fused=True
    )
