"""The published recurrent cells, written in the cell grammar.

Each function returns the Cell of one published cell; its options are the published ones, its
defaults the published values. Nothing here is special to the rest of the program: a cell is the
value, not the function that made it. Sources: Nayebi et al. 2018 and 2022, and the reference
implementation released with the latter (convrnns).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from space.grammar import (
    Activation,
    Carry,
    Cell,
    Drive,
    Edge,
    Gate,
    Initial,
    Nonlinearity,
    Norm,
    State,
    Term,
    Weights,
)

LAYER_NORM = Norm(kind="layer")


def _adds(*terms: Term) -> tuple[Edge, ...]:
    return tuple(Edge(add=term) for term in terms)


def _glorot(*, parts: int = 1, bias: float = 0.0, decay: float | None = None) -> Weights:
    return Weights(
        initial=Initial(scheme="glorot_uniform", parts=parts),
        bias_initial=bias,
        decay=decay,
        bias_decay=decay,
    )


def feedforward(activation: Activation = "elu") -> Cell:
    """No memory: the control of every other cell, with the nonlinearity that it would apply."""
    return Cell(
        states={
            "out": State(drive=Drive(edges=_adds(Term(of=("input",)))), activation=activation)
        },
        output="out",
    )


def time_decay(initial: float = 0.0) -> Cell:
    """h' = tau * h + x, one learned tau a stage, not squashed."""
    decay = Term(
        of=("hidden",),
        op="scalar",
        weights=Weights(initial=Initial(scheme="constant", scale=initial)),
    )
    return Cell(
        states={"hidden": State(drive=Drive(edges=_adds(decay, Term(of=("input",)))))},
        output="hidden",
    )


def simple_rnn(
    *, kernel: int = 3, layer_norm: bool = False, depth: int | None = None, decay: float = 1e-4
) -> Cell:
    """h' = elu(LN?(K_s * h + b_s + K_i * x + b_i))."""
    return Cell(
        states={
            "hidden": State(
                depth=depth,
                drive=Drive(
                    edges=_adds(
                        Term(of=("hidden",), kernel=kernel), Term(of=("input",), kernel=kernel)
                    )
                ),
                norm=LAYER_NORM if layer_norm else None,
                activation="elu",
            )
        },
        output="hidden",
        weights=_glorot(decay=decay),
    )


def conv_lstm(
    *,
    kernel: int = 3,
    depth: int | None = None,
    forget_bias: float = 1.0,
    peepholes: bool = False,
    layer_norm: bool = False,
    weights: Weights | None = None,
) -> Cell:
    """c' = f c + i tanh(j), h' = o tanh(c'); i, j, f, o of one convolution of [x, h].

    With `layer_norm` each of i, j, f, o is normed before peephole and bias, and the stored c' is
    normed. The output gate's peephole reads the old c (trap 4).
    """
    norm = LAYER_NORM if layer_norm else None
    joint = Term(of=("input", "hidden"), kernel=kernel)

    def gate(bias: float = 0.0) -> Gate:
        peephole = Term(of=("cell",), op="position", after_norm=True)
        return Gate(terms=(joint, peephole) if peepholes else (joint,), norm=norm, bias=bias)

    return Cell(
        states={
            "cell": State(
                depth=depth,
                carry=Carry(gate=gate(forget_bias)),
                drive=Drive(
                    edges=(*_adds(joint), Edge(multiply=gate())), activation="tanh", norm=norm
                ),
                norm=norm,
            ),
            "hidden": State(
                depth=depth,
                drive=Drive(
                    edges=(*_adds(Term(of=("new.cell",))), Edge(multiply=gate())),
                    activation="tanh",
                ),
            ),
        },
        output="hidden",
        weights=weights or _glorot(parts=4, decay=1e-4),
    )


def conv_gru(
    *, kernel: int = 3, depth: int | None = None, forget_bias: float = 1.0, decay: float = 1e-4
) -> Cell:
    """h' = u h + (1 - u) tanh(K * [x, r h]); the forget bias is added to the reset gate only.

    The gates' learned biases start at 1 besides (trap 5).
    """
    gates = _glorot(parts=2, bias=1.0, decay=decay)
    joint = Term(of=("input", "hidden"), kernel=kernel, weights=gates)
    candidate = Term(of=("input", "hidden * reset"), kernel=kernel)
    return Cell(
        gates={"reset": Gate(terms=(joint,), bias=forget_bias), "update": Gate(terms=(joint,))},
        states={
            "hidden": State(
                depth=depth,
                carry=Carry(gate=Gate(shared="update")),
                drive=Drive(
                    edges=(*_adds(candidate), Edge(multiply=Gate(complement="update"))),
                    activation="tanh",
                ),
            )
        },
        output="hidden",
        weights=_glorot(decay=decay),
    )


def ugrnn(
    *, kernel: int = 3, depth: int | None = None, forget_bias: float = 1.0, decay: float = 1e-4
) -> Cell:
    """h' = g h + (1 - g) tanh(c); g, c of one convolution of [x, h]."""
    joint = Term(of=("input", "hidden"), kernel=kernel)
    return Cell(
        gates={"update": Gate(terms=(joint,), bias=forget_bias)},
        states={
            "hidden": State(
                depth=depth,
                carry=Carry(gate=Gate(shared="update")),
                drive=Drive(
                    edges=(*_adds(joint), Edge(multiply=Gate(complement="update"))),
                    activation="tanh",
                ),
            )
        },
        output="hidden",
        weights=_glorot(parts=2, decay=decay),
    )


def intersection_rnn(*, kernel: int = 3, forget_bias: float = 1.0, decay: float = 1e-4) -> Cell:
    """State through time h' = gh h + (1 - gh) tanh(a); output through depth gy x + (1 - gy) relu(y).

    The four parts gh, a, gy, y come of one convolution of [x, h]; the output is not the state.
    """  # noqa: E501
    joint = Term(of=("input", "hidden"), kernel=kernel)
    return Cell(
        gates={
            "through_time": Gate(terms=(joint,), bias=forget_bias),
            "through_depth": Gate(terms=(joint,), bias=forget_bias),
        },
        states={
            "out": State(
                carry=Carry(of="input", gate=Gate(shared="through_depth")),
                drive=Drive(
                    edges=(*_adds(joint), Edge(multiply=Gate(complement="through_depth"))),
                    activation="relu",
                ),
            ),
            "hidden": State(
                carry=Carry(gate=Gate(shared="through_time")),
                drive=Drive(
                    edges=(*_adds(joint), Edge(multiply=Gate(complement="through_time"))),
                    activation="tanh",
                ),
            ),
        },
        output="out",
        weights=_glorot(parts=4, decay=decay),
    )


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """Side and separability of the kernels of one role of the reciprocal gated cell."""

    size: int
    separable: bool = False

    def term(self, of: str | tuple[str, ...], **fields: object) -> Term:
        op = "separable" if self.separable else "convolution"
        return Term.model_validate({"of": of, "op": op, "kernel": self.size, **fields})


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

    c' = act(norm((tau_offset + tau_multiplier n(pc)) c + (gate_offset + gate_multiplier n(gc)) v))
    and the same for the output o, both from values of the step before. `biases` says whether full
    convolutions have one (the published median's do, the shallow model's do not).
    `gate` of size 0 removes the cell state c altogether.
    """

    tau: Kernel = field(default=Kernel(size=3))
    cell_tau: Kernel | None = None  # default: as tau
    gate: Kernel | None = field(default=Kernel(size=3))
    ff: Kernel = field(default=Kernel(size=3))
    in_out: Kernel = field(default=Kernel(size=3))
    feedback: Kernel = field(default=Kernel(size=3))
    tau_nonlinearity: Nonlinearity = "tanh"
    gate_nonlinearity: Nonlinearity = "tanh"
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
    input_to_cell: bool = True
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
    biases: bool = True
    weights: Weights = UNDECAYED


def reciprocal_gated(options: ReciprocalGated | None = None) -> Cell:
    """The general reciprocal gated cell (science: section 1.8), with `options`.

    Raises ValueError if nothing drives the cell state.
    """
    o = options or ReciprocalGated()
    if o.gate is not None and not (o.input_to_cell or o.cell_residual):
        raise ValueError("nothing drives the cell state: set input_to_cell or cell_residual")
    own = {} if o.biases else {"bias": False}
    cell_tau = o.cell_tau or o.tau
    match = Term(of=("residual",), op="match", weights=Weights(
        initial=Initial(scheme="glorot_uniform"), decay=0.0))  # fmt: skip
    fed = o.feedback.term(
        "feedback", activation=o.feedback_activation, **({} if o.feedback.separable else own)
    )
    used = "new.used"  # the input after its activation, this step's

    def extras(kernel: Kernel, with_input: bool, with_residual: bool, sep: bool) -> Iterable[Term]:
        """Bias-free full convolutions into a gate; `sep`: as the kernel is."""
        if with_input:
            yield Term(of=(used,), kernel=kernel.size, bias=False)
        if with_residual:
            separable = sep and kernel.separable
            yield Kernel(size=kernel.size, separable=separable).term("residual", bias=False)

    def retention(state: str, kernel: Kernel, with_residual: bool) -> Gate:
        terms = (
            kernel.term(state, **({} if kernel.separable else own)),
            *extras(kernel, o.input_to_tau, with_residual, False),
        )
        return Gate(
            offset=o.tau_offset,
            scale=o.tau_multiplier,
            nonlinearity=o.tau_nonlinearity,
            terms=terms,
            bias=0.0 if kernel.separable else o.tau_bias,
        )

    def cross(terms: tuple[Term, ...], acts: bool) -> Gate:
        return Gate(
            offset=o.gate_offset,
            scale=o.gate_multiplier,
            nonlinearity=o.gate_nonlinearity,
            terms=terms,
            bias=o.gate_bias if acts else 0.0,
        )

    norm = LAYER_NORM if o.layer_norm else None
    entry = {place: _adds(fed) if o.feedback_entry == place else () for place in ("input", "cell", "out")}  # fmt: skip  # noqa: E501
    states = {
        "used": State(
            drive=Drive(edges=(*_adds(Term(of=("input",))), *entry["input"])),
            activation=o.input_activation,
        )
    }
    reads_cell = o.gate is not None
    gate_own = own if o.gate is not None and not o.gate.separable else {}
    if o.gate is not None:
        full_gate = not o.gate.separable
        ff_own = {} if o.ff.separable else own
        drive = (
            *(_adds(o.ff.term("residual", **ff_own)) if o.cell_residual else ()),
            *(_adds(o.ff.term(used, **ff_own)) if o.input_to_cell else ()),
            *entry["cell"],
        )
        from_out = (
            o.gate.term("out", **gate_own),
            *extras(o.gate, o.input_to_gate, o.residual_to_cell_gate, False),
        )
        states["cell"] = State(
            depth=o.cell_depth,
            carry=Carry(gate=retention("cell", cell_tau, o.residual_to_cell_tau)),
            drive=Drive(edges=(*drive, Edge(multiply=cross(from_out, full_gate)))),
            norm=norm,
            activation=o.cell_activation,
        )
    in_out_own = {} if o.in_out.separable else own
    direct = reads_cell and o.cell_to_out and o.gate is not None
    out_terms = [
        o.in_out.term(used, **in_out_own) if o.input_to_out else Term(of=(used,)),
        *([o.gate.term("cell", **gate_own)] if direct and o.gate is not None else []),
        *([match] if o.out_residual else []),
    ]
    gate = o.gate or Kernel(size=1)
    gated_by_cell = (gate.term("cell", **gate_own),) if reads_cell and not direct else ()
    out_gate = (*gated_by_cell, *extras(gate, o.input_to_gate, o.residual_to_out_gate, True))
    states["out"] = State(
        depth=o.out_depth,
        carry=Carry(gate=retention("out", o.tau, o.residual_to_out_tau)),
        drive=Drive(
            edges=(
                *_adds(*out_terms),
                *entry["out"],
                Edge(multiply=cross(out_gate, bool(gated_by_cell) and not gate.separable)),
            ),
            bias=o.gate_bias if direct and not gate.separable else 0.0,
        ),
        norm=norm,
        activation=o.out_activation,
    )
    return Cell(states=states, output="out", clip_kernels="separable", weights=o.weights)


def rgc_median(*, cell_depth: int = 64) -> Cell:
    """The published median of the search, as it runs in the intermediate model (section 1.9).

    The biases of its gates (4.147 and 2.777) are kept as fields that cannot act: all its gate
    kernels are separable.
    """
    return _with_inert_biases(
        reciprocal_gated(
            ReciprocalGated(
                tau=Kernel(size=7, separable=True),
                gate=Kernel(size=7, separable=True),
                ff=Kernel(size=2),
                in_out=Kernel(size=3),
                feedback=Kernel(size=1),
                tau_nonlinearity="sigmoid",
                gate_nonlinearity="tanh",
                tau_offset=MEDIAN_RETENTION,
                tau_multiplier=-MEDIAN_RETENTION,
                gate_offset=MEDIAN_GATE,
                gate_multiplier=-MEDIAN_GATE,
                input_activation="elu",
                cell_depth=cell_depth,
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
    )


def _with_inert_biases(cell: Cell) -> Cell:
    def biased(gate: Gate | None, bias: float) -> Gate | None:
        return gate and gate.model_copy(update={"bias": bias, "bias_acts": "full"})

    states = {}
    for name, state in cell.states.items():
        if state.carry is not None:
            carry = Carry(gate=biased(state.carry.gate, MEDIAN_TAU_BIAS))
            edges = tuple(
                Edge(add=edge.add, multiply=biased(edge.multiply, MEDIAN_GATE_BIAS))
                for edge in state.drive.edges
            )
            drive = state.drive.model_copy(update={"edges": edges})
            state = state.model_copy(update={"carry": carry, "drive": drive})
        states[name] = state
    return cell.model_copy(update={"states": states})


def rgc_shallow() -> Cell:
    """The reciprocal gated cell of the shallow model: 3 x 3 full kernels without biases."""
    return reciprocal_gated(
        ReciprocalGated(
            tau_nonlinearity="sigmoid",
            gate_nonlinearity="sigmoid",
            residual_to_out_gate=True,
            biases=False,
            weights=_glorot(decay=1e-4),
        )
    ).model_copy(update={"clip_kernels": True})
