"""Where the terms of a cell stand, and the parameters of each.

`placed_terms` lists what a cell computes, in the order of its document, each term with the path
of its parameters: `states.cell.carry.terms.0` (the carry's gate), `states.cell.drive.0` (edge 0
of the drive, which adds), `states.cell.drive.1.terms.0` (edge 1, which multiplies),
`gates.reset.terms.0` (a gate of the cell). Names of parameters follow the document and nothing
else, so that a file of weights outlives the way in which the work is grouped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models import layers
from models.initial import Part, Start, constant
from space.geometry import CellShape, Map, TermShape, gate_key, multiplying
from space.grammar import MATCH, Cell, Gate, Initial, Norm, Source, State, Term, Weights


class Branch(nn.Module):
    """A node of the tree of parameters. Its children's names are the user's and may be those of
    methods of nn.Module (a gate called `half`): they are reached by [] and never as attributes.
    """

    def __getitem__(self, name: str) -> nn.Module:
        child = self._modules[name]
        assert child is not None
        return child

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def plant(self, path: str, module: nn.Module) -> None:
        """Put `module` under a dotted path below this node."""
        name, _, rest = path.partition(".")
        if not rest:
            self._modules[name] = module
            return
        if name not in self:
            self._modules[name] = Branch()
        child = self[name]
        assert isinstance(child, Branch)
        child.plant(rest, module)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A term in its place. `path` is the prefix of its parameters' names; `state` and `role` say
    what it acts on: it adds to a state's drive, or stands in the gate of its carry, in a gate
    that multiplies its drive, or in a gate of the cell (state None).
    """

    path: str
    state: str | None
    role: str  # add, carry, multiply, or the name of a gate of the cell
    shape: TermShape
    sources: tuple[Source, ...]  # those that are there

    @property
    def term(self) -> Term:
        return self.shape.term


def placed_terms(cell: Cell, shape: CellShape, sources: Mapping[str, Map]) -> tuple[Placed, ...]:
    """Every term that the cell computes, in the order of the document: states, then gates.

    `sources` are the external sources that are there (input, residual, feedback); terms that read
    only absent ones are left out, as they are in `shape`.
    """
    there = {*sources, *cell.states}
    placed: list[Placed] = []

    def place(
        terms: Sequence[tuple[str, Term]],
        shapes: Sequence[TermShape],
        state: str | None,
        role: str,
    ) -> None:
        kept = [(path, t) for path, t in terms if any(s.name in there for s in t.sources)]
        for (path, term), term_shape in zip(kept, shapes, strict=True):
            present = tuple(s for s in term.sources if s.name in there)
            placed.append(
                Placed(path=path, state=state, role=role, shape=term_shape, sources=present)
            )

    for name, state in cell.states.items():
        adding = [
            (f"states.{name}.drive.{i}", edge.add)
            for i, edge in enumerate(state.drive.edges)
            if edge.add is not None
        ]
        place(adding, shape.drives[name], name, "add")
        for key, path, role, gate in own_gates(name, state):
            within = [(f"{path}.terms.{i}", term) for i, term in enumerate(gate.terms)]
            place(within, shape.gates[key], name, role)
    for name, gate in cell.gates.items():
        if name in shape.gates:
            within = [(f"gates.{name}.terms.{i}", term) for i, term in enumerate(gate.terms)]
            place(within, shape.gates[name], None, name)
    return tuple(placed)


def own_gates(name: str, state: State) -> Iterator[tuple[str, str, str, Gate]]:
    """(key in the shape, path of its parameters, role, gate) of a state's own gates."""
    kept = state.carry.gate if state.carry is not None else None
    if kept is not None and kept.reference is None:
        yield gate_key(name, 0), f"states.{name}.carry", "carry", kept
    for key, i, gate in multiplying(name, state.drive):
        if gate.reference is None:
            yield key, f"states.{name}.drive.{i}", "multiply", gate


class TermWeights(Part):
    """The parameters of one term.

    kernel [O,I,k,k] and bias [O]; depthwise [C,1,k,k], pointwise [O,C,1,1] and bias [O] (and
    depthwise_first [C,1,k,k], where the term repeats it); position [C,H,W]; scalar [1]; norm.gain
    and norm.shift [O]. `added` is a constant that acts with the bias (a forget bias).
    """

    def __init__(self, placed: Placed, weights: Weights, dtype: torch.dtype) -> None:
        super().__init__()
        self.added = 0.0
        self.outs = placed.shape.writes.channels
        term, shape = placed.term, placed.shape
        ins, outs, side = shape.reads.channels, self.outs, shape.kernel
        own, resolved = term.weights, term.weights.over(weights)
        if term.operation == "separable":
            self.declare_depthwise("depthwise", ins, side, resolved, dtype)
            if term.repeat:
                self.declare_depthwise("depthwise_first", ins, side, resolved, dtype)
            self.declare_kernel("pointwise", (outs, ins, 1, 1), resolved, dtype)
        elif term.operation == "convolution":
            self.declare_kernel("kernel", (outs, ins, side, side), resolved, dtype)
        elif term.operation == "match" and shape.projects:
            self.declare_kernel("kernel", (outs, ins, 1, 1), own.over(MATCH), dtype)
        elif term.operation == "scalar":
            start = _own_start(own, constant(0.0).initial, 1, 1)
            self.declare("scalar", (1,), start, dtype)
        elif term.operation == "position":
            size = shape.writes.size
            start = _own_start(own, resolved.initial or Initial(), size * size, size * outs)
            self.declare("position", (outs, size, size), start, dtype)
        if term.has_bias:
            self.declare_bias("bias", outs, resolved, dtype)
        self.norm = None if shape.norm is None else NormWeights(shape.norm, outs, dtype)

    def biased(self) -> Tensor | None:
        """The bias [O] with the added constant, or None if there is neither."""
        bias = self._parameters.get("bias")
        if bias is not None:
            return bias + self.added if self.added else bias
        if not self.added:
            return None
        kernel = next(iter(self._parameters.values()))
        assert kernel is not None
        return torch.full((self.outs,), self.added, dtype=kernel.dtype, device=kernel.device)


class NormWeights(Part):
    """Gain [C] and shift [C] of a norm; neither is decayed. A batch norm's running mean and
    variance [C] are buffers: they are no parameters, but they are in the state dict.
    """

    def __init__(self, norm: Norm, channels: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.how = layers.Normalisation(
            groups=norm.groups or 1,
            interleaved=norm.interleaved,
            batch=norm.kind == "batch",
            epsilon=norm.added_epsilon,
            momentum=norm.momentum,
        )
        self.declare("gain", (channels,), constant(norm.gain), dtype)
        self.declare("shift", (channels,), constant(norm.shift), dtype)
        if self.how.batch:
            self.register_buffer("running_mean", torch.zeros(channels, dtype=dtype))
            self.register_buffer("running_variance", torch.ones(channels, dtype=dtype))

    def prepare(self) -> layers.Operands:
        """What `layers.normalise` takes for the steps of one forward pass."""
        gain, shift = self.get_parameter("gain"), self.get_parameter("shift")
        if not self.how.batch:
            return gain, shift
        mean, variance = self.get_buffer("running_mean"), self.get_buffer("running_variance")
        if self.training:
            return gain, shift, mean, variance
        return layers.folded(gain, shift, mean, variance, self.how.epsilon)


def _own_start(own: Weights, otherwise: Initial, fan_in: int, fan_out: int) -> Start:
    """Of scalars and positions: decayed only where the term itself says so."""
    return Start(
        initial=own.initial or otherwise,
        fan_in=fan_in,
        fan_out=fan_out,
        decay=own.decay or 0.0,
    )
