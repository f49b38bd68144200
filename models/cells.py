"""The interpreter of the cell grammar: a cell and its sizes -> a module that takes one step.

A cell is compiled, when it is built, to a short list of instructions over numbered slots (old
states, sources, new states, intermediate values). Terms that read the same sources with the same
kernel size become one convolution, whose kernels are joined once a forward pass by `prepare`: an
LSTM's four gates are one convolution of [x, h]. Parameters stay one a term (`models/terms.py`).
Separable terms are not grouped: one wide depthwise convolution was measured to cost no less than
two narrow ones.

Every update reads the values of the step before; `new.NAME` reads this step's (trap 4). A source
that is absent (feedback without an edge) contributes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models import layers
from models.instructions import (
    Activate,
    Convolve,
    Instruction,
    Integrate,
    Join,
    Multiply,
    Normalise,
    Operands,
    Resize,
    Scale,
    Separate,
    Slots,
    Sum,
    Weigh,
    Zeros,
)
from models.parameters import Branch
from models.terms import NormWeights, TermWeights
from space.network.cell_sizes import CellShape, cell_shape, gate_key, multiplying
from space.network.grammar import PUBLISHED_WEIGHTS, Cell, Gate, Norm, Source, State, parse_source
from space.network.maps import Map, same_padding
from space.step.equations import absorbs_constant
from space.step.parameters import Table, cell_parameters
from space.step.terms import Placed, placed_terms

States = dict[str, Tensor]


class CellModule(Branch):
    """One cell with its parameters.

    `sources` are the maps of the external sources that are there: `input` always, `residual`,
    `feedback`. `table` has the cell's tensors; a cell that stands alone makes its own.
    """

    def __init__(
        self,
        cell: Cell,
        sources: Mapping[str, Map],
        *,
        shape: CellShape | None = None,
        table: Table | None = None,
        resize: layers.Resize = "corners",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.cell = cell
        self.shape = shape or cell_shape(cell, sources)
        self.sources = dict(sources)
        if table is None:
            table = cell_parameters(cell, self.shape, sources, PUBLISHED_WEIGHTS)
        program = _Compiler(self, resize, table, dtype)
        self._groups = program.groups
        self._program = program.instructions
        self._slots = program.slots
        self._read = [(name, program.named[name]) for name in sources]
        self._old = [(name, program.named[name]) for name in cell.states]
        self._new = [(name, program.named[f"new.{name}"]) for name in cell.states]

    def prepare(self, layout: torch.memory_format | None = None) -> list[Operands]:
        """The parameters as the steps of one forward pass use them: groups joined, cast and
        laid out once.

        Gradients flow through, so that a kernel's uses at all steps are added up before they are
        divided among the terms.
        """
        return [group.operands(layout) for group in self._groups]

    def step(
        self,
        sources: Mapping[str, Tensor],
        states: Mapping[str, Tensor],
        prepared: Sequence[Operands] | None = None,
    ) -> States:
        """One step: external sources [B,C,h,w] and states [B,depth,H,W] of the step before ->
        states of this step. `residual` and `feedback` may have another size than the cell's map.
        """
        slots: Slots = [None] * self._slots
        for name, slot in self._read:
            slots[slot] = sources[name]
        for name, slot in self._old:
            slots[slot] = states[name]
        operands = self.prepare() if prepared is None else prepared
        for instruction in self._program:
            instruction.run(slots, operands)
        return {name: slots[slot] for name, slot in self._new}

    forward = step

    def zero_states(self, like: Tensor, layout: torch.memory_format | None = None) -> States:
        """The states before the first step, with the batch and type of `like` (and its layout)."""
        size = self.shape.output.size
        return {
            name: layers.zeros(like, depth, size, layout)
            for name, depth in self.shape.depths.items()
        }


@dataclass(frozen=True, slots=True)
class _Group:
    """The parameters of one instruction."""

    parts: tuple[TermWeights, ...]
    kind: str  # convolution, separable, weight

    def operands(self, layout: torch.memory_format | None) -> Operands:
        if self.kind == "separable":
            part = self.parts[0]
            bias = part.biased()
            return (
                layers.working_copy(part.get_parameter("depthwise"), layout),
                layers.working_copy(part.get_parameter("pointwise"), layout),
                None if bias is None else layers.working_copy(bias),
                None
                if "depthwise_first" not in part.starts
                else layers.working_copy(part.get_parameter("depthwise_first"), layout),
            )
        if self.kind == "weight":
            return (self.parts[0].get_parameter(next(iter(self.parts[0].starts))),)
        kernels: list[Tensor] = [part.get_parameter("kernel") for part in self.parts]
        kernel = kernels[0] if len(kernels) == 1 else torch.cat(kernels, 0)
        biases = [part.biased() for part in self.parts]
        bias = None
        if any(b is not None for b in biases):
            filled = [
                k.new_zeros(k.shape[0]) if b is None else b
                for k, b in zip(kernels, biases, strict=True)
            ]
            bias = layers.working_copy(filled[0] if len(filled) == 1 else torch.cat(filled, 0))
        return layers.working_copy(kernel, layout), bias


@dataclass(frozen=True, slots=True)
class _NormGroup:
    weights: NormWeights

    def operands(self, layout: torch.memory_format | None) -> Operands:
        return self.weights.prepare()


# What an expression comes to while the program is made: a slot, or a number known now.
Value = int | float


class _Compiler:
    """Makes the program of a cell, and plants the parameters in its module."""

    def __init__(
        self, module: CellModule, resize: layers.Resize, table: Table, dtype: torch.dtype
    ) -> None:
        self.module, self.cell, self.shape = module, module.cell, module.shape
        self.resize, self.table, self.dtype = resize, table, dtype
        self.size = self.shape.output.size
        self.instructions: list[Instruction] = []
        self.groups: list[_Group | _NormGroup] = []
        self.named: dict[str, int] = {}
        self.slots = 0
        self._sources: dict[Source, int] = {}
        self._resized: dict[str, int] = {}
        self._joined: dict[tuple[Source, ...], int] = {}
        self._convolved: dict[str, int] = {}
        self._gates: dict[str, Value] = {}
        self._complements: dict[str, Value] = {}
        placed = placed_terms(self.cell, self.shape, module.sources)
        self.placed = {p.path: p for p in placed}
        self.weights: dict[str, TermWeights] = {}
        for p in placed:
            self.weights[p.path] = part = TermWeights(p, table.under(p.path), dtype)
            if part.starts:
                module.plant(p.path, part)
        self._fused: dict[tuple[object, ...], list[Placed]] = {}
        for p in placed:
            if p.term.operation == "convolution":
                self._fused.setdefault(self._fusing(p), []).append(p)
        self._compile()

    @staticmethod
    def _fusing(placed: Placed) -> tuple[object, ...]:
        """Terms with equal keys are one convolution."""
        return (*placed.sources, placed.shape.kernel)

    def _compile(self) -> None:
        for name in self.module.sources:
            self.named[name] = self._slot()
        for name in self.cell.states:
            self.named[name] = self._slot()
        for name, state in self.cell.states.items():
            self.named[f"new.{name}"] = self._state(name, state)

    def _slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _emit(self, instruction: Instruction) -> None:
        self.instructions.append(instruction)

    def _operand(self, group: "_Group | _NormGroup") -> int:
        self.groups.append(group)
        return len(self.groups) - 1

    # Sources and terms

    def _source(self, source: Source) -> int:
        """The slot of a source on the cell's map, behind its mask."""
        if source not in self._sources:
            slot = self._plain(source)
            if source.mask is not None:
                depth = self.shape.gate_depths[source.mask]
                gate = self._tensor(self._gate(Gate(shared=source.mask), ""), depth)
                plain, slot = slot, self._slot()
                self._emit(Multiply((plain, gate), slot))
            self._sources[source] = slot
        return self._sources[source]

    def _plain(self, source: Source) -> int:
        """The slot of a source on the cell's map."""
        if source.new:
            return self.named[f"new.{source.name}"]
        external = self.module.sources.get(source.name)
        if external is None or external.size == self.size:
            return self.named[source.name]
        if source.name not in self._resized:
            self._resized[source.name] = out = self._slot()
            self._emit(Resize(self.named[source.name], out, self.size, self.resize))
        return self._resized[source.name]

    def _joined_sources(self, sources: tuple[Source, ...]) -> int:
        if len(sources) == 1:
            return self._source(sources[0])
        if sources not in self._joined:
            ins = tuple(self._source(source) for source in sources)
            self._joined[sources] = out = self._slot()
            self._emit(Join(ins, out))
        return self._joined[sources]

    def _term(self, placed: Placed) -> int:
        """The slot of activation(norm(op(sources)) + sources), as far as given."""
        out, norm = self._operation(placed), self.weights[placed.path].norm
        if norm is not None:
            out = self._normalised(out, norm)
        if placed.term.skip:
            out = self._added((self._joined_sources(placed.sources), out), 0.0)
        if placed.term.activation == "identity":
            return out
        acted = self._slot()
        self._emit(Activate(out, placed.term.activation, acted))
        return acted

    def _operation(self, placed: Placed) -> int:
        source = self._joined_sources(placed.sources)
        operation, weights = placed.term.operation, self.weights[placed.path]
        if operation == "convolution":
            return self._convolution(placed, source)
        if operation == "identity" or (operation == "match" and not placed.shape.projects):
            return source
        out = self._slot()
        if operation == "separable":
            operand = self._operand(_Group((weights,), "separable"))
            padding = same_padding(self.size, placed.shape.kernel, 1)
            self._emit(Separate(source, operand, padding, out))
        elif operation == "match":
            operand = self._operand(_Group((weights,), "convolution"))
            self._emit(Convolve(source, operand, (0, 0), (out,), [weights.outs]))
        else:
            operand = self._operand(_Group((weights,), "weight"))
            self._emit(Weigh(source, operand, out))
        return out

    def _convolution(self, placed: Placed, source: int) -> int:
        """The slot of one term of a group; the first that is asked for computes them all."""
        if placed.path not in self._convolved:
            members = self._fused[self._fusing(placed)]
            outs = tuple(self._slot() for _ in members)
            parts = tuple(self.weights[member.path] for member in members)
            operand = self._operand(_Group(parts, "convolution"))
            padding = same_padding(self.size, placed.shape.kernel, 1)
            widths = [part.outs for part in parts]
            self._emit(Convolve(source, operand, padding, outs, widths))
            self._convolved.update(zip((m.path for m in members), outs, strict=True))
        return self._convolved[placed.path]

    # Sums and gates

    def _sum(
        self, placed: Sequence[Placed], norm: Norm | None, path: str, bias: float, depth: int
    ) -> Value:
        """norm(sum of terms) + sum of the terms after the norm + bias."""
        late = [p for p in placed if p.term.after_norm or norm is None]
        early = [p for p in placed if norm is not None and not p.term.after_norm]
        slots = [self._term(p) for p in late]
        if norm is not None:
            slots.insert(0, self._norm(self._total(early, depth), norm, path))
        bias = self._absorbed(late, bias)
        if not slots:
            return bias
        return self._added(tuple(slots), bias)

    def _absorbed(self, late: Sequence[Placed], bias: float) -> float:
        """What is left of a constant when a convolution of the sum can add it with its bias."""
        if not bias:
            return bias
        for p in late:
            if absorbs_constant(p.term):
                self.weights[p.path].added = bias
                return 0.0
        return bias

    def _total(self, placed: Sequence[Placed], depth: int) -> int:
        if not placed:
            return self._tensor(0.0, depth)
        return self._added(tuple(self._term(p) for p in placed), 0.0)

    def _added(self, slots: tuple[int, ...], constant: float) -> int:
        if len(slots) == 1 and not constant:
            return slots[0]
        out = self._slot()
        self._emit(Sum(slots, constant, out))
        return out

    def _norm(self, slot: int, norm: Norm, path: str) -> int:
        path = f"{path}.norm"
        weights = NormWeights(norm, self.table.under(path), self.dtype)
        self.module.plant(path, weights)
        return self._normalised(slot, weights)

    def _normalised(self, slot: int, weights: NormWeights) -> int:
        out = self._slot()
        operand = self._operand(_NormGroup(weights))
        self._emit(Normalise(slot, operand, weights.how, out))
        return out

    def _tensor(self, value: Value, depth: int) -> int:
        """The slot of a value that may be a number."""
        if isinstance(value, int):
            return value
        out = self._slot()
        self._emit(Zeros(self.named["input"], out, depth, self.size))
        return self._added((out,), value)

    def _activated(self, value: Value, name: str) -> Value:
        if isinstance(value, float):
            number = torch.tensor(value, dtype=torch.float64, device="cpu")
            return float(layers.activate(number, name))
        if name == "identity":
            return value
        out = self._slot()
        self._emit(Activate(value, name, out))
        return out

    def _scaled(self, value: Value, offset: float, scale: float) -> Value:
        if isinstance(value, float):
            return offset + scale * value
        if offset == 0.0 and scale == 1.0:
            return value
        out = self._slot()
        self._emit(Scale(value, offset, scale, out))
        return out

    def _gate(self, gate: Gate, key: str, path: str = "") -> Value:
        """The value of a gate; each is computed once a step, also if several parts share it."""
        if gate.complement is not None:
            if gate.complement not in self._complements:
                plain = self._gate(Gate(shared=gate.complement), "")
                self._complements[gate.complement] = self._scaled(plain, 1.0, -1.0)
            return self._complements[gate.complement]
        if gate.shared is not None:
            key, path, gate = gate.shared, f"gates.{gate.shared}", self.cell.gates[gate.shared]
        if key not in self._gates:
            placed = self._under(f"{path}.terms.")
            bias = float(gate.acting_bias)
            depth = self.shape.gate_depths[key]
            argument = self._sum(placed, gate.norm, path, bias, depth)
            value = self._activated(argument, gate.nonlinearity)
            self._gates[key] = self._scaled(value, gate.offset, gate.scale)
        return self._gates[key]

    def _under(self, prefix: str) -> list[Placed]:
        return [p for path, p in self.placed.items() if path.startswith(prefix)]

    # States

    def _state(self, name: str, state: State) -> int:
        depth = self.shape.depths[name]
        value = self._integrated(self._carry(name, state), self._drive(name, state), depth)
        if state.norm is not None:
            value = self._norm(value, state.norm, f"states.{name}")
        activated = self._activated(value, state.activation)
        assert isinstance(activated, int)
        return activated

    def _carry(self, name: str, state: State) -> tuple[Value, int] | None:
        """(gate, source), or None where the state keeps nothing."""
        if state.carry is None:
            return None
        source = parse_source(state.carry.of or name)
        if source.name not in self.named:
            return None
        gate: Value = 1.0
        if state.carry.gate is not None:
            gate = self._gate(state.carry.gate, gate_key(name, 0), f"states.{name}.carry")
        return gate, self._source(source)

    def _drive(self, name: str, state: State) -> Value:
        """product of gates * activation(norm(sum of terms) + bias)."""
        drive, depth = state.drive, self.shape.depths[name]
        path = f"states.{name}.drive"
        placed = [p for p in self._under(f"{path}.") if p.role == "add"]
        total = self._sum(placed, drive.norm, path, float(drive.acting_bias), depth)
        factors = [self._activated(total, drive.activation)]
        gates = multiplying(name, drive)
        factors += [self._gate(gate, key, f"{path}.{i}") for key, i, gate in gates]
        constant = 1.0
        for factor in factors:
            constant *= factor if isinstance(factor, float) else 1.0
        slots = tuple(factor for factor in factors if isinstance(factor, int))
        if not slots or constant == 0.0:
            return constant
        product = slots[0]
        if len(slots) > 1:
            product = self._slot()
            self._emit(Multiply(slots, product))
        return self._scaled(product, 0.0, constant)

    def _integrated(self, carry: tuple[Value, int] | None, drive: Value, depth: int) -> int:
        """gate * source + drive."""
        if carry is None:
            return self._tensor(drive, depth)
        gate, source = carry
        if isinstance(gate, float):
            kept = self._scaled(source, 0.0, gate)
        elif isinstance(drive, int):
            out = self._slot()
            self._emit(Integrate(gate, source, drive, out))
            return out
        else:
            kept = self._slot()
            self._emit(Multiply((gate, source), kept))
        assert isinstance(kept, int)
        if isinstance(drive, int):
            return self._added((drive, kept), 0.0)
        return self._added((kept,), drive)
