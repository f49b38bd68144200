"""What a compiled cell is made of: instructions that read and write numbered slots.

A slot holds a tensor [B,C,H,W] on the cell's map. `operand` is an instruction's place in the list
of parameters that `CellModule.prepare` made for this forward pass. Instructions hold sizes and
names but no tensors, so that a module can be copied, moved and pickled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from models import layers

Slots = list[Any]
Operands = layers.Operands


class Instruction(Protocol):
    def run(self, slots: Slots, operands: Sequence[Operands]) -> None: ...


@dataclass(frozen=True, slots=True)
class Resize:
    slot: int
    out: int
    size: int
    mode: layers.Resize

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = layers.resize(slots[self.slot], self.size, self.mode)


@dataclass(frozen=True, slots=True)
class Zeros:
    like: int
    out: int
    channels: int
    size: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = layers.zeros(slots[self.like], self.channels, self.size)


@dataclass(frozen=True, slots=True)
class Join:
    ins: tuple[int, ...]
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = torch.cat([slots[i] for i in self.ins], 1)


@dataclass(frozen=True, slots=True)
class Convolve:
    """One convolution for all terms of a group; `outs` and `widths` cut its channels."""

    slot: int
    operand: int
    padding: tuple[int, int]
    outs: tuple[int, ...]
    widths: list[int]

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        kernel, bias = operands[self.operand]
        assert kernel is not None
        whole = layers.convolve(slots[self.slot], kernel, bias, padding=self.padding)
        if len(self.outs) == 1:
            slots[self.outs[0]] = whole
            return
        for out, part in zip(self.outs, torch.split(whole, self.widths, 1), strict=True):
            slots[out] = part


@dataclass(frozen=True, slots=True)
class Separate:
    slot: int
    operand: int
    padding: tuple[int, int]
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        depthwise, pointwise, bias, first = operands[self.operand]
        assert depthwise is not None
        assert pointwise is not None
        slots[self.out] = layers.separable(
            slots[self.slot], depthwise, pointwise, bias, padding=self.padding, first=first
        )


@dataclass(frozen=True, slots=True)
class Weigh:
    """A learned scalar, or one weight a position and channel."""

    slot: int
    operand: int
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = slots[self.slot] * operands[self.operand][0]


@dataclass(frozen=True, slots=True)
class Normalise:
    slot: int
    operand: int
    how: layers.Normalisation
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = layers.normalise(slots[self.slot], self.how, operands[self.operand])


@dataclass(frozen=True, slots=True)
class Activate:
    slot: int
    name: str
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = layers.activate(slots[self.slot], self.name)


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of slots, and of a constant."""

    ins: tuple[int, ...]
    constant: float
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        total = slots[self.ins[0]]
        for i in self.ins[1:]:
            total = total + slots[i]
        slots[self.out] = total + self.constant if self.constant else total


@dataclass(frozen=True, slots=True)
class Scale:
    """offset + scale * slot."""

    slot: int
    offset: float
    scale: float
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        # other - alpha * self, in one pass
        slots[self.out] = torch.rsub(slots[self.slot], self.offset, alpha=-self.scale)


@dataclass(frozen=True, slots=True)
class Multiply:
    ins: tuple[int, ...]
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        product = slots[self.ins[0]]
        for i in self.ins[1:]:
            product = product * slots[i]
        slots[self.out] = product


@dataclass(frozen=True, slots=True)
class Integrate:
    """gate * source + drive: what a state keeps and what drives it."""

    gate: int
    source: int
    drive: int
    out: int

    def run(self, slots: Slots, operands: Sequence[Operands]) -> None:
        slots[self.out] = torch.addcmul(slots[self.drive], slots[self.gate], slots[self.source])
