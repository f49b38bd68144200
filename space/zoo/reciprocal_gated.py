"""The general reciprocal gated cell in both of its published classes, and two published settings.

Class A cuts no full kernel to the map, as the other published cells; class B cuts all but one.
Sources: Nayebi et al. 2018 and 2022, and the reference implementation released with the latter
(convrnns).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from space.errors import InputError
from space.network.grammar import (
    Activation,
    Carry,
    Cell,
    Drive,
    Edge,
    Gate,
    Initial,
    Norm,
    State,
    Term,
    Weights,
)
from space.zoo.parts import add_terms, draw_glorot

MEDIAN_RETENTION = 0.9219348064291611
MEDIAN_GATE = 0.7006566684988862
MEDIAN_TAU_BIAS = 4.147336708899556
MEDIAN_GATE_BIAS = 2.776542926439013
MEDIAN_SCALE = 0.6393378386273998
MEDIAN_DECAY = 0.0002033999204146308


UNDECAYED = Weights(
    initial=Initial(scheme="glorot_uniform"), bias_initial=0.0, decay=0.0, bias_decay=0.0
)


@dataclass(frozen=True, kw_only=True)
class ReciprocalGated:
    """The options of the general reciprocal gated cell, by their published names.

    The reference has two classes of it, `variant` A (of the intermediate model) and B (of the
    shallow one), which differ in detail (science: section 1.8):

    - A: every convolution has a bias, and `tau_bias` and `gate_bias` are constants beside full
      kernels. Separable kernels are cut to the map, full ones are not.
    - B: full kernels have no bias, separable ones do; the two constants never act, and neither do
      `input_to_tau`, `input_to_gate`, `residual_to_cell_tau`, `residual_to_cell_gate` and
      `residual_to_out_tau`. Feedback to the cell is f(fb + conv(fb)). `ds_repeat`, `batch_norm`
      (which replaces every bias) and `batch_norm_cell_out` exist here only. All kernels are cut,
      but for a full input_to_out.

    `gate_filter_size` 0 removes the cell state altogether. Sizes are truncated to whole numbers.
    """

    variant: Literal["A", "B"] = "A"
    tau_filter_size: float = 3
    cell_tau_filter_size: float | None = None  # default: as tau
    gate_filter_size: float = 3
    ff_filter_size: float = 3
    in_out_filter_size: float = 3
    feedback_filter_size: float = 3
    tau_depth_separable: bool = False
    gate_depth_separable: bool = False
    ff_depth_separable: bool = False
    in_out_depth_separable: bool = False
    feedback_depth_separable: bool = False
    ds_repeat: bool = False
    tau_nonlinearity: Activation = "tanh"
    gate_nonlinearity: Activation = "tanh"
    tau_offset: float = 1.0
    tau_multiplier: float = -1.0
    gate_offset: float = 1.0
    gate_multiplier: float = -1.0
    tau_bias: float = 0.0
    gate_bias: float = 0.0
    input_activation: Activation = "identity"
    feedback_activation: Activation = "identity"
    cell_activation: Activation = "elu"
    out_activation: Activation = "elu"
    cell_depth: int | None = None
    out_depth: int | None = None
    input_to_cell: bool = False
    input_to_out: bool = False
    cell_to_out: bool = False
    cell_residual: bool = False
    out_residual: bool = False
    input_to_tau: bool = False
    input_to_gate: bool = False
    residual_to_cell_tau: bool = False
    residual_to_cell_gate: bool = False
    residual_to_out_tau: bool = False
    residual_to_out_gate: bool = False
    feedback_entry: Literal["input", "cell", "out"] = "out"
    layer_norm: bool = False
    norm_gain: float = 1.0
    norm_shift: float = 0.0
    batch_norm: bool = False
    batch_norm_cell_out: bool = False
    batch_norm_decay: float = 0.9
    batch_norm_epsilon: float = 1e-5
    gate_tau_bn_gamma_init: float = 0.1
    edges_init_zero: bool | None = None  # default: where the feedback has no activation
    weights: Weights = UNDECAYED

    def __post_init__(self) -> None:
        if self.variant == "A":
            for name in ("ds_repeat", "batch_norm", "batch_norm_cell_out"):
                if getattr(self, name):
                    raise InputError(name, "class A has no such option", "write variant B")
        if self.cell_state and not (self.input_to_cell or self.cell_residual):
            raise InputError(
                "input_to_cell", "nothing drives the cell state", "set it, or cell_residual"
            )
        if self.cell_state or not any(self._into_gates()):
            return
        raise InputError(
            "gate_filter_size",
            "0 leaves no kernel for what is routed into the gates",
            "give a size, or route nothing there",
        )

    def _into_gates(self) -> Iterator[bool]:
        yield self.residual_to_out_gate
        yield self.variant == "A" and self.input_to_gate

    @property
    def cell_state(self) -> bool:
        """Whether there is a cell state beside the output."""
        return int(self.gate_filter_size) != 0


def reciprocal_gated(options: ReciprocalGated) -> Cell:
    """The general reciprocal gated cell with `options`, in either of its published classes.

    States: `used` (the input after its activation), `cell` (unless the gate's size is 0), `out`.
    """
    return _Reciprocal(options).cell()


class _Reciprocal:
    """The parts of one reciprocal gated cell."""

    def __init__(self, options: ReciprocalGated) -> None:
        self.o = options
        self.b = options.variant == "B"

    def cell(self) -> Cell:
        o = self.o
        states = {
            "used": State(
                drive=Drive(edges=add_terms(Term(of=("input",)), *self.feedback("input"))),
                activation=o.input_activation,
            )
        }
        if o.cell_state:
            states["cell"] = self.cell_half()
        states["out"] = self.out_half()
        return Cell(
            states=states,
            output="out",
            clip_kernels=True if self.b else "separable",
            weights=o.weights,
        )

    def cell_half(self) -> State:
        o = self.o
        drives = (("residual", o.cell_residual), ("new.used", o.input_to_cell))
        terms = [
            self.term(source, o.ff_filter_size, o.ff_depth_separable)
            for source, there in drives
            if there
        ]
        crossing = self.term("out", o.gate_filter_size, o.gate_depth_separable, self.gating)
        return State(
            depth=o.cell_depth,
            carry=Carry(gate=self.retention("cell")),
            drive=Drive(
                edges=(
                    *add_terms(*terms, *self.feedback("cell")),
                    Edge(
                        multiply=self.gate(
                            [crossing],
                            self.extras(
                                o.gate_filter_size, o.input_to_gate, o.residual_to_cell_gate
                            ),
                        )
                    ),
                )
            ),
            norm=self.state_norm(),
            activation=o.cell_activation,
        )

    def out_half(self) -> State:
        o = self.o
        terms, crossing = [self.input_to_out()], []
        full = o.cell_state and not o.gate_depth_separable and not self.b
        if o.cell_state and o.cell_to_out:
            terms.append(self.term("cell", o.gate_filter_size, o.gate_depth_separable))
        elif o.cell_state:
            crossing = [self.term("cell", o.gate_filter_size, o.gate_depth_separable, self.gating)]
        if o.out_residual:
            terms.append(
                Term(
                    of=("residual",),
                    op="match",
                    norm=self.batch_norm(1.0),
                    weights=Weights(initial=Initial(scheme="glorot_uniform"), decay=0.0),
                )
            )
        return State(
            depth=o.out_depth,
            carry=Carry(gate=self.retention("out")),
            drive=Drive(
                edges=(
                    *add_terms(*terms, *self.feedback("out")),
                    Edge(multiply=self.gate(crossing, self.out_extras())),
                ),
                bias=o.gate_bias if full and o.cell_to_out else 0.0,
            ),
            norm=self.state_norm(),
            activation=o.out_activation,
        )

    def input_to_out(self) -> Term:
        o = self.o
        if not o.input_to_out:
            return Term(of=("new.used",))
        term = self.term("new.used", o.in_out_filter_size, o.in_out_depth_separable)
        if not self.b:
            return term
        if o.in_out_depth_separable:
            return term.model_copy(update={"weights": Weights()})
        return term.model_copy(update={"clip": False})

    def feedback(self, entry: str) -> tuple[Term, ...]:
        o = self.o
        if o.feedback_entry != entry:
            return ()
        plain = o.feedback_activation == "identity"
        zero = plain if o.edges_init_zero is None else o.edges_init_zero
        term = self.term(
            "feedback", o.feedback_filter_size, o.feedback_depth_separable, 0.0 if zero else 1.0
        )
        skips = self.b and entry == "cell"
        return (term.model_copy(update={"activation": o.feedback_activation, "skip": skips}),)

    def retention(self, state: str) -> Gate:
        """offset + multiplier * n(K_tau * state + ...)."""
        o = self.o
        size, with_residual = o.tau_filter_size, o.residual_to_out_tau
        if state == "cell":
            with_residual = o.residual_to_cell_tau
            size = size if o.cell_tau_filter_size is None else o.cell_tau_filter_size
        term = self.term(state, size, o.tau_depth_separable, self.gating)
        extras = self.extras(size, o.input_to_tau, with_residual)
        return Gate(
            offset=o.tau_offset,
            scale=o.tau_multiplier,
            nonlinearity=o.tau_nonlinearity,
            terms=(term, *extras),
            **self.constant(o.tau_bias, o.tau_depth_separable, extras),
        )

    def gate(self, crossing: list[Term], extras: tuple[Term, ...]) -> Gate:
        """offset + multiplier * n(K_gate * the other state + ...)."""
        o = self.o
        constant = self.constant(o.gate_bias, o.gate_depth_separable, extras) if crossing else {}
        return Gate(
            offset=o.gate_offset,
            scale=o.gate_multiplier,
            nonlinearity=o.gate_nonlinearity,
            terms=(*crossing, *extras),
            **constant,
        )

    def constant(self, bias: float, separable: bool, extras: tuple[Term, ...]) -> dict[str, Any]:
        """A gate's constant: it acts beside the full kernels of class A only. Where it cannot
        act it is kept all the same, unless a full kernel of another route would wake it.
        """
        if not separable and not self.b:
            return {"bias": bias}
        return {} if extras or not separable else {"bias": bias, "bias_acts": "full"}

    def extras(self, size: float, with_input: bool, with_residual: bool) -> tuple[Term, ...]:
        """Bias-free full convolutions into a gate, of class A."""
        if self.b:
            return ()
        sources = (("new.used", with_input), ("residual", with_residual))
        return tuple(
            Term(of=(source,), kernel=int(size), bias=False) for source, there in sources if there
        )

    def out_extras(self) -> tuple[Term, ...]:
        """What is routed into the gate of the output."""
        o = self.o
        terms = list(self.extras(o.gate_filter_size, o.input_to_gate, False))
        if o.residual_to_out_gate:
            term = self.term("residual", o.gate_filter_size, o.gate_depth_separable, self.gating)
            terms.append(term if self.b else term.model_copy(update={"bias": False}))
        return tuple(terms)

    def term(self, of: str, size: float, separable: bool, gain: float = 1.0) -> Term:
        """One of the cell's convolutions; `gain` is where its batch norm starts, if it has one."""
        norm = self.batch_norm(gain)
        fields: dict[str, Any] = {"of": (of,), "kernel": int(size), "norm": norm}
        if not separable:
            return Term(**fields, bias=False if self.b else None)
        if self.b and norm is None:
            # The reference hands no initialiser on to these biases.
            fields["weights"] = Weights(bias_initial=Initial(scheme="glorot_uniform"))
        bias = False if norm is not None else None
        return Term(**fields, op="separable", repeat=self.o.ds_repeat, bias=bias)

    @property
    def gating(self) -> float:
        return self.o.gate_tau_bn_gamma_init

    def batch_norm(self, gain: float) -> Norm | None:
        o = self.o
        if not o.batch_norm:
            return None
        return Norm(
            kind="batch",
            gain=gain,
            epsilon=o.batch_norm_epsilon,
            momentum=round(1 - o.batch_norm_decay, 12),
        )

    def state_norm(self) -> Norm | None:
        """The norm of the whole sum of a state."""
        o = self.o
        if o.layer_norm:
            return Norm(kind="layer", gain=o.norm_gain, shift=o.norm_shift)
        if o.batch_norm_cell_out:
            return Norm(
                kind="batch",
                epsilon=o.batch_norm_epsilon,
                momentum=round(1 - o.batch_norm_decay, 12),
            )
        return None


def rgc_median(*, cell_depth: int = 64) -> Cell:
    """The published median of the search, as it runs in the intermediate model (section 1.9).

    The biases of its gates (4.147 and 2.777) are kept as fields that cannot act: all its gate
    kernels are separable.
    """
    return reciprocal_gated(
        ReciprocalGated(
            variant="A",
            tau_filter_size=7,
            gate_filter_size=7,
            ff_filter_size=2,
            in_out_filter_size=3,
            feedback_filter_size=1,
            tau_depth_separable=True,
            gate_depth_separable=True,
            tau_nonlinearity="sigmoid",
            gate_nonlinearity="tanh",
            tau_offset=MEDIAN_RETENTION,
            tau_multiplier=-MEDIAN_RETENTION,
            gate_offset=MEDIAN_GATE,
            gate_multiplier=-MEDIAN_GATE,
            tau_bias=MEDIAN_TAU_BIAS,
            gate_bias=MEDIAN_GATE_BIAS,
            input_activation="elu",
            cell_depth=cell_depth,
            input_to_cell=True,
            input_to_out=True,
            out_residual=True,
            weights=Weights(
                initial=Initial(scheme="variance_scaling", scale=MEDIAN_SCALE),
                bias_initial=0.0,
                decay=MEDIAN_DECAY,
                bias_decay=0.0,
            ),
        )
    )


def rgc_shallow() -> Cell:
    """The reciprocal gated cell of the shallow model: 3 x 3 full kernels without biases."""
    return reciprocal_gated(
        ReciprocalGated(
            variant="B",
            tau_nonlinearity="sigmoid",
            gate_nonlinearity="sigmoid",
            input_to_cell=True,
            residual_to_out_gate=True,
            weights=draw_glorot(decay=1e-4),
        )
    )
