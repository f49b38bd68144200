"""The two classes of the reciprocal gated cell as the reference runs them, written out once more.

Independent of the grammar: plain functions of tensors [B,H,W,C] that ask for their variables by
the reference's names, and so also say which variables there are. Equations: golden/README.md,
section 3.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from workers.reference.files import generate_variable

DEFAULTS: dict[str, Any] = {
    "tau_filter_size": 3,
    "gate_filter_size": 3,
    "ff_filter_size": 3,
    "in_out_filter_size": 3,
    "feedback_filter_size": 3,
    "cell_tau_filter_size": None,
    "tau_nonlinearity": "tanh",
    "gate_nonlinearity": "tanh",
    "tau_offset": 1.0,
    "tau_multiplier": -1.0,
    "gate_offset": 1.0,
    "gate_multiplier": -1.0,
    "tau_bias": 0.0,
    "gate_bias": 0.0,
    "input_activation": "identity",
    "feedback_activation": "identity",
    "cell_activation": "elu",
    "out_activation": "elu",
    "feedback_entry": "out",
}
FLAGS = (
    "tau_depth_separable",
    "gate_depth_separable",
    "ff_depth_separable",
    "in_out_depth_separable",
    "feedback_depth_separable",
    "input_to_cell",
    "input_to_out",
    "cell_to_out",
    "cell_residual",
    "out_residual",
    "input_to_tau",
    "input_to_gate",
    "residual_to_cell_tau",
    "residual_to_cell_gate",
    "residual_to_out_tau",
    "residual_to_out_gate",
    "layer_norm",
)
B_FLAGS = ("ds_repeat", "batch_norm", "batch_norm_cell_out")
FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "elu": functional.elu,
    "relu": functional.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class Variables:
    """Variables by name, made by the formula of the golden files when they are first asked for."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.made: dict[str, np.ndarray] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        name = f"ReciprocalGateCell/{name}"
        if name not in self.made:
            self.made[name] = generate_variable(self.seed, name, shape)
        assert self.made[name].shape == shape, name
        return torch.from_numpy(self.made[name]).double()


def convolve(x: Tensor, kernel: Tensor, groups: int = 1) -> Tensor:
    """x [B,H,W,I] * kernel [k,k,I,O] (depthwise: [k,k,I,1]), SAME."""
    total = kernel.shape[0] - 1
    pad = (total // 2, total - total // 2)
    weight = kernel.permute(2, 3, 0, 1) if groups > 1 else kernel.permute(3, 2, 0, 1)
    return functional.conv2d(
        functional.pad(x.permute(0, 3, 1, 2), (*pad, *pad)), weight, groups=groups
    ).permute(0, 2, 3, 1)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    mean = x.mean((1, 2, 3), keepdim=True)
    variance = x.var((1, 2, 3), keepdim=True, unbiased=False)
    return (x - mean) / torch.sqrt(variance + 1e-12) * gamma + beta


class Cell:
    """One reciprocal gated cell of class A or B; `step` gives (output, cell state)."""

    def __init__(
        self, variant: str, options: Mapping[str, Any], out: int, cell: int, seed: int
    ) -> None:
        self.b = variant == "B"
        flags = dict.fromkeys((*FLAGS, *B_FLAGS), False)
        self.o = DEFAULTS | flags | dict(options)
        self.out, self.cell = out, cell
        self.get = Variables(seed)

    def size(self, name: str) -> int:
        return int(self.o[f"{name}_filter_size"])

    def batch_norm(self, x: Tensor, scope: str) -> Tensor:
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (
            self.get(f"{scope}/post_conv_BN/{part}", x.shape[-1]) for part in parts
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * gamma + beta

    def full(self, x: Tensor, name: str, size: int, depth: int, *, bias: bool = True) -> Tensor:
        """A full convolution: of class A `name_weights` and `name_bias`, of B `name/weights`."""
        if self.b:
            size = min(size, x.shape[1])
            x = convolve(x, self.get(f"{name}/weights", size, size, x.shape[-1], depth))
            return self.batch_norm(x, name) if self.o["batch_norm"] else x
        x = convolve(x, self.get(f"{name}_weights", size, size, x.shape[-1], depth))
        return x + self.get(f"{name}_bias", depth) if bias else x

    def separable(
        self, x: Tensor, name: str, size: int, depth: int, *, bias: bool = True
    ) -> Tensor:
        channels, size = x.shape[-1], min(size, x.shape[1])
        sides = (size, size, channels, 1)
        if self.o["ds_repeat"]:
            first = self.get(f"{name}/depthwise_weights_0", *sides)
            x = functional.elu(convolve(x, first, channels))
        x = convolve(x, self.get(f"{name}/depthwise_weights", *sides), channels)
        x = convolve(x, self.get(f"{name}/pointwise_weights", 1, 1, channels, depth))
        if self.o["batch_norm"]:
            return self.batch_norm(x, name)
        return x + self.get(f"{name}/bias", depth) if bias else x

    def kernel(self, x: Tensor, role: str, names: tuple[str, str, str], depth: int) -> Tensor:
        """A kernel of a role. `names`: of class A separable, of A full, of B."""
        size = self.size(role)
        if role == "cell_tau":
            role = "tau"
        if self.o[f"{role}_depth_separable"]:
            return self.separable(x, names[2] if self.b else names[0], size, depth)
        return self.full(x, names[2] if self.b else names[1], size, depth)

    def feedback(self, fb: Tensor | None, entry: str, depth: int) -> Tensor | float:
        if fb is None or self.o["feedback_entry"] != entry:
            return 0.0
        names = (f"{entry}/feedback", f"{entry}/feedback_to_{entry}", f"{entry}/feedback")
        found = self.kernel(fb, "feedback", names, depth)
        if self.b and entry == "cell":
            found = found + fb
        return FUNCTIONS[self.o["feedback_activation"]](found)

    def extra(self, x: Tensor | None, name: str, size: int, depth: int) -> Tensor | float:
        """A bias-free full convolution into a gate: class A only."""
        if x is None or self.b or not self.o[_flag(name)]:
            return 0.0
        return self.full(x, name, size, depth, bias=False)

    def normed(self, x: Tensor, half: str) -> Tensor:
        if self.o["layer_norm"]:
            scope = f"{half}/{half}_layer_norm" if self.b else f"{half}/layer_norm"
            depth = x.shape[-1]
            return layer_norm(
                x, self.get(f"{scope}/gamma", depth), self.get(f"{scope}/beta", depth)
            )
        return self.batch_norm(x, half) if self.o["batch_norm_cell_out"] else x

    def constant(self, role: str) -> float:
        acts = not self.b and not self.o[f"{role}_depth_separable"]
        return float(self.o[f"{role}_bias"]) if acts else 0.0

    def integrated(self, old: Tensor, tau: Tensor, gate: Tensor, new: Tensor) -> Tensor:
        o = self.o
        keep: Tensor = o["tau_offset"] + o["tau_multiplier"] * FUNCTIONS[o["tau_nonlinearity"]](
            tau
        )
        admit: Tensor = o["gate_offset"] + o["gate_multiplier"] * FUNCTIONS[
            o["gate_nonlinearity"]
        ](gate)
        return keep * old + admit * new

    def step(
        self, x: Tensor, res: Tensor | None, fb: Tensor | None, c: Tensor | None, h: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        o = self.o
        x = FUNCTIONS[o["input_activation"]](x + self.feedback(fb, "input", x.shape[-1]))
        new_cell = None if c is None else self.cell_half(x, res, fb, c, h)
        return self.out_half(x, res, fb, c, h), new_cell

    def cell_half(
        self, x: Tensor, res: Tensor | None, fb: Tensor | None, c: Tensor, h: Tensor
    ) -> Tensor:
        o, depth = self.o, self.cell
        new: Tensor | float = 0.0
        if o["cell_residual"] and res is not None:
            names = ("cell/res_to_cell", "cell/residual_to_cell", "cell/res_to_cell")
            new = new + self.kernel(res, "ff", names, depth)
        if o["input_to_cell"]:
            new = new + self.kernel(x, "ff", ("cell/input_to_cell",) * 3, depth)
        new = new + self.feedback(fb, "cell", depth)
        size = "tau" if o["cell_tau_filter_size"] is None else "cell_tau"
        tau = self.kernel(c, size, ("cell/tau", "cell/cell_to_cell", "cell/tau"), depth)
        names = ("cell/out_to_cell", "cell/out_to_cell", "cell/gate")
        gate = self.kernel(h, "gate", names, depth)
        tau = tau + self.extra(x, "cell/input_to_cell_tau", self.size(size), depth)
        tau = tau + self.extra(res, "cell/residual_to_cell_tau", self.size(size), depth)
        gate = gate + self.extra(x, "cell/input_to_cell_gate", self.size("gate"), depth)
        gate = gate + self.extra(res, "cell/residual_to_cell_gate", self.size("gate"), depth)
        assert isinstance(new, Tensor)
        total = self.integrated(c, tau + self.constant("tau"), gate + self.constant("gate"), new)
        return FUNCTIONS[o["cell_activation"]](self.normed(total, "cell"))

    def out_half(
        self, x: Tensor, res: Tensor | None, fb: Tensor | None, c: Tensor | None, h: Tensor
    ) -> Tensor:
        o, depth = self.o, self.out
        new = self.input_to_out(x)
        direct = o["cell_to_out"]
        if c is not None and direct:
            names = ("out/cell_to_out", "out/cell_to_out", "out/gate")
            new = new + self.kernel(c, "gate", names, depth) + self.constant("gate")
        if res is not None and o["out_residual"]:
            new = new + self.residual(res)
        new = new + self.feedback(fb, "out", depth)
        tau = self.kernel(h, "tau", ("out/tau", "out/out_to_out", "out/tau"), depth)
        tau = tau + self.constant("tau")
        tau = tau + self.extra(x, "out/input_to_out_tau", self.size("tau"), depth)
        tau = tau + self.extra(res, "out/residual_to_out_tau", self.size("tau"), depth)
        gate = torch.zeros_like(new)
        if c is not None and not direct:
            names = ("out/gate", "out/cell_to_out", "out/gate")
            gate = self.kernel(c, "gate", names, depth) + self.constant("gate")
        gate = gate + self.extra(x, "out/input_to_out_gate", self.size("gate"), depth)
        if res is not None and o["residual_to_out_gate"]:
            name = "out/residual_to_out_gate"
            run = self.separable if o["gate_depth_separable"] else self.full
            gate = gate + run(res, name, self.size("gate"), depth, bias=self.b)
        total = self.integrated(h, tau, gate, new)
        return FUNCTIONS[o["out_activation"]](self.normed(total, "out"))

    def input_to_out(self, x: Tensor) -> Tensor:
        o, name = self.o, "out/input_to_out"
        if not o["input_to_out"]:
            return x
        size = self.size("in_out")
        if o["in_out_depth_separable"]:
            return self.separable(x, name, size, self.out)
        if not self.b:
            return self.full(x, name, size, self.out)
        self.get(f"{name}_bias", self.out)  # made, and never added
        x = convolve(x, self.get(f"{name}_weights", size, size, x.shape[-1], self.out))
        return self.batch_norm(x, "out") if o["batch_norm"] else x

    def residual(self, res: Tensor) -> Tensor:
        if res.shape[-1] == self.out:
            return res
        scope = "out/res_add" if self.b else "out"
        weights = self.get(f"{scope}/residual_add_weights", 1, 1, res.shape[-1], self.out)
        res = convolve(res, weights)
        return self.batch_norm(res, scope) if self.o["batch_norm"] else res


def _flag(name: str) -> str:
    """cell/input_to_cell_tau -> input_to_tau; out/residual_to_out_tau -> residual_to_out_tau."""
    half, _, rest = name.partition("/")
    return rest.replace(f"_{half}_", "_") if rest.startswith("input") else rest


def results(
    variant: str,
    options: Mapping[str, Any],
    *,
    channels: tuple[int, int, int | None, int | None],
    size: int,
    seed: int,
    steps: int = 3,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(entry, arrays) as a folder of published results holds them.

    `channels`: out, cell, residual (None: no residual), feedback (None: no feedback).
    """
    out, depth, residual, fed = channels
    cell = Cell(variant, options, out, depth, seed)
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for name, width in (("x", out), ("res", residual), ("fb", fed)):
        if width is not None:
            value = rng.uniform(-1.5, 1.5, (steps, 2, size, size, width))
            arrays[f"in/{name}"] = value.astype(np.float32)
    h = torch.zeros(2, size, size, out, dtype=torch.float64)
    no_cell = int(cell.o["gate_filter_size"]) == 0
    c = None if no_cell else torch.zeros(2, size, size, depth, dtype=torch.float64)
    outputs, kept = [], []
    for t in range(steps):
        now = {
            name: torch.from_numpy(arrays[f"in/{name}"][t]).double()
            if f"in/{name}" in arrays
            else None
            for name in ("x", "res", "fb")
        }
        assert now["x"] is not None
        h, c = cell.step(now["x"], now["res"], now["fb"], c, h)
        outputs.append(h.numpy())
        kept.append((h if c is None else torch.cat([c, h], -1)).numpy())
    arrays |= {f"w/{name}": value for name, value in cell.get.made.items()}
    arrays |= {"out": np.stack(outputs), "state": np.stack(kept)}
    name = "RGC variant A (median)" if variant == "A" else "RGC variant B"
    entry = {
        "cell": name,
        "options": dict(options),
        "file": "cells/drawn.npz",
        "out_channels": out,
        "cell_channels": None if no_cell else depth,
    }
    return entry, arrays
