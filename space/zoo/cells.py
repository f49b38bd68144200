"""The published recurrent cells, written in the cell grammar.

Each function returns the Cell of one published cell; its options are the published ones, its
defaults the published values. As in the reference, no full kernel is cut to the map, however
small that is. The reciprocal gated cell has a module of its own (space/zoo/reciprocal_gated.py);
space/zoo/reference_cells.py takes options under the names of the released reference
implementation. Nothing here is special to the rest of the program: a cell is the value, not the
function that made it. Sources: Nayebi et al. 2018 and 2022, and the reference implementation
released with the latter (convrnns).
"""

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
from space.zoo.parts import LAYER_NORM, add_terms, choose_norm, draw_glorot, split_weights


def feedforward(activation: Activation = "elu") -> Cell:
    """No memory: the control of every other cell, with the nonlinearity that it would apply."""
    return Cell(
        states={
            "out": State(drive=Drive(edges=add_terms(Term(of=("input",)))), activation=activation)
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
        states={"hidden": State(drive=Drive(edges=add_terms(decay, Term(of=("input",)))))},
        output="hidden",
    )


def simple_rnn(
    *,
    kernel: int = 3,
    layer_norm: bool = False,
    depth: int | None = None,
    activation: Activation = "elu",
    decay: float = 1e-4,
    weights: Weights | None = None,
) -> Cell:
    """h' = elu(LN?(K_s * h + b_s + K_i * x + b_i))."""
    return Cell(
        states={
            "hidden": State(
                depth=depth,
                drive=Drive(
                    edges=add_terms(
                        Term(of=("hidden",), kernel=kernel), Term(of=("input",), kernel=kernel)
                    )
                ),
                norm=LAYER_NORM if layer_norm else None,
                activation=activation,
            )
        },
        output="hidden",
        clip_kernels="separable",
        weights=weights or draw_glorot(decay=decay),
    )


def basic_rnn(
    *,
    kernel: int = 3,
    depth: int | None = None,
    activation: Activation = "tanh",
    weights: Weights | None = None,
) -> Cell:
    """h' = tanh(K * [x, h] + b): the plain cell of the earlier TNN library, without L2."""
    joint = Term(of=("input", "hidden"), kernel=kernel)
    return Cell(
        states={
            "hidden": State(
                depth=depth, drive=Drive(edges=add_terms(joint)), activation=activation
            )
        },
        output="hidden",
        clip_kernels="separable",
        weights=weights or draw_glorot(decay=0.0),
    )


def conv_lstm(
    *,
    kernel: int = 3,
    depth: int | None = None,
    forget_bias: float = 1.0,
    peepholes: bool = False,
    layer_norm: bool | Norm = False,
    activation: Activation = "tanh",
    weights: Weights | None = None,
) -> Cell:
    """c' = f c + i tanh(j), h' = o tanh(c'); i, j, f, o of one convolution of [x, h].

    With `layer_norm` each of i, j, f, o is normed before peephole and bias, and the stored c' is
    normed. The output gate's peephole reads the old c (trap 4).
    """
    norm = choose_norm(layer_norm)
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
                    edges=(*add_terms(joint), Edge(multiply=gate())),
                    activation=activation,
                    norm=norm,
                ),
                norm=norm,
            ),
            "hidden": State(
                depth=depth,
                drive=Drive(
                    edges=(*add_terms(Term(of=("new.cell",))), Edge(multiply=gate())),
                    activation=activation,
                ),
            ),
        },
        output="hidden",
        clip_kernels="separable",
        weights=split_weights(weights or draw_glorot(decay=1e-4), 4),
    )


def conv_gru(
    *,
    kernel: int = 3,
    depth: int | None = None,
    forget_bias: float = 1.0,
    layer_norm: bool | Norm = False,
    activation: Activation = "tanh",
    decay: float = 1e-4,
    weights: Weights | None = None,
) -> Cell:
    """h' = u h + (1 - u) tanh(K * [x, r h]); the forget bias is added to the reset gate only.

    The gates' learned biases start at 1 besides, unless `weights` give biases a start (trap 5).
    """
    norm, base = choose_norm(layer_norm), weights or draw_glorot(decay=decay)
    gates = split_weights(base, 2)
    if weights is None or weights.bias_initial is None:
        gates = gates.model_copy(update={"bias_initial": 1.0})
        base = base.model_copy(update={"bias_initial": 0.0})
    joint = Term(of=("input", "hidden"), kernel=kernel, weights=gates)
    candidate = Term(of=("input", "hidden * reset"), kernel=kernel)
    return Cell(
        gates={
            "reset": Gate(terms=(joint,), norm=norm, bias=forget_bias),
            "update": Gate(terms=(joint,), norm=norm),
        },
        states={
            "hidden": State(
                depth=depth,
                carry=Carry(gate=Gate(shared="update")),
                drive=Drive(
                    edges=(*add_terms(candidate), Edge(multiply=Gate(complement="update"))),
                    activation=activation,
                    norm=norm,
                ),
            )
        },
        output="hidden",
        clip_kernels="separable",
        weights=base,
    )


def ugrnn(
    *,
    kernel: int = 3,
    depth: int | None = None,
    forget_bias: float = 1.0,
    decay: float = 1e-4,
    weights: Weights | None = None,
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
                    edges=(*add_terms(joint), Edge(multiply=Gate(complement="update"))),
                    activation="tanh",
                ),
            )
        },
        output="hidden",
        clip_kernels="separable",
        weights=split_weights(weights or draw_glorot(decay=decay), 2),
    )


def intersection_rnn(
    *,
    kernel: int = 3,
    forget_bias: float = 1.0,
    layer_norm: bool | Norm = False,
    decay: float = 1e-4,
    weights: Weights | None = None,
) -> Cell:
    """State through time h' = gh h + (1 - gh) tanh(a); output through depth gy x + (1 - gy) relu(y).

    The four parts gh, a, gy, y come of one convolution of [x, h]; the output is not the state,
    and both have the channels of x.
    """  # noqa: E501
    norm = choose_norm(layer_norm)
    joint = Term(of=("input", "hidden"), kernel=kernel)
    return Cell(
        gates={
            "through_time": Gate(terms=(joint,), norm=norm, bias=forget_bias),
            "through_depth": Gate(terms=(joint,), norm=norm, bias=forget_bias),
        },
        states={
            "out": State(
                carry=Carry(of="input", gate=Gate(shared="through_depth")),
                drive=Drive(
                    edges=(*add_terms(joint), Edge(multiply=Gate(complement="through_depth"))),
                    activation="relu",
                    norm=norm,
                ),
            ),
            "hidden": State(
                carry=Carry(gate=Gate(shared="through_time")),
                drive=Drive(
                    edges=(*add_terms(joint), Edge(multiply=Gate(complement="through_time"))),
                    activation="tanh",
                    norm=norm,
                ),
            ),
        },
        output="out",
        clip_kernels="separable",
        weights=split_weights(weights or draw_glorot(decay=decay), 4),
    )
