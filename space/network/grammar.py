"""The cell grammar: every recurrent cell as one small tree of frozen values.

A cell has named states. At each step every state is updated at once from the values of the
previous step; `new.NAME` reads this step's value of a state that stands earlier in the list:

    state' = act( norm( carry_gate * carry_source  +  product of gates * drive_act( norm( sum of terms ) + bias ) ) )
    gate   = offset + scale * nonlinearity( norm( sum of terms ) + bias )
    term   = activation( norm( op( sources, concatenated on channels ) ) + sources ), or its square

An edge of the drive either *adds* (`{add: TERM}`) or *multiplies* (`{multiply: GATE}`).
A source is `input` (the stage's convolution), `residual` (what the stage read, before its
convolution), `feedback` (the joined long-range edges), a state, or `new.STATE`; `SOURCE * GATE`
masks it with a gate of the cell before the op.

This module knows no images and no tensors: sizes are worked out in `space/network/sizes.py` and
`space/network/cell_sizes.py`, what the words compute is in `space/step/equations.py`.
"""  # noqa: E501

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_serializer

from space.documents.bounds import CHANNELS, EDGES, GATES, KERNEL, PARTS, SOURCES, STATES, TERMS
from space.documents.validation import Value as Written

Activation = Literal["identity", "elu", "relu", "tanh", "sigmoid", "softplus"]
TermOp = Literal["identity", "convolution", "separable", "position", "scalar", "match"]
NormKind = Literal["layer", "group", "batch"]

EXTERNAL_SOURCES = ("input", "residual", "feedback")
KERNEL_OPS = ("convolution", "separable")

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)]
Reference = Annotated[str, Field(min_length=1)]
Channels = Annotated[int, Field(ge=1, le=CHANNELS)]
Side = Annotated[int, Field(ge=1, le=KERNEL)]  # of a kernel or pool, or its stride


class GrammarValue(Written):
    """A part of a genome. Its document holds only what differs from the defaults."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: Any) -> dict[str, Any]:
        full: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        return {
            key: value
            for key, value in full.items()
            if fields[key].is_required() or getattr(self, key) != fields[key].get_default()
        }


def _listed(value: object) -> object:
    """A string for a list of one. A list that passed a validator of ours is Python input, where
    strict parsing takes no list for a tuple."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


LISTED = BeforeValidator(_listed)
Sources = Annotated[tuple[str, ...], Field(min_length=1, max_length=SOURCES)]


class Initial(GrammarValue):
    """How a tensor starts.

    `variance_scaling`: truncated normal, variance scale / fan-in, fan-in of the whole kernel.
    `glorot_uniform`: uniform in +-sqrt(6 * scale / (fan-in + parts * fan-out)); `parts` says that
    the kernel is one of so many equal slices of a larger one (an LSTM's gates: 4).
    `normal`: standard deviation `scale`. `constant`: the value `scale`.
    `uniform`: uniform in [0, scale).
    """

    scheme: Literal["variance_scaling", "glorot_uniform", "normal", "constant", "uniform"] = (
        "variance_scaling"
    )
    scale: float = 1.0
    parts: Annotated[int, Field(ge=1, le=PARTS)] = 1


class Weights(GrammarValue):
    """Initial values and L2 of a part's tensors; what is left out is inherited from outside.

    `decay` is the coefficient of sum(w^2)/2 on kernels, `bias_decay` the one on biases.
    `bias_initial` is the value that every bias starts at, or a scheme (of which the fans are the
    number of biases).
    """

    initial: Initial | None = None
    bias_initial: float | Initial | None = None
    decay: Annotated[float, Field(ge=0)] | None = None
    bias_decay: Annotated[float, Field(ge=0)] | None = None

    def over(self, outer: "Weights") -> "Weights":
        """These weights, with `outer`'s where this one is silent."""
        if self.initial is self.bias_initial is self.decay is self.bias_decay is None:
            return outer
        return Weights(
            initial=self.initial if self.initial is not None else outer.initial,
            bias_initial=(
                self.bias_initial if self.bias_initial is not None else outer.bias_initial
            ),
            decay=_first(self.decay, outer.decay),
            bias_decay=_first(self.bias_decay, outer.bias_decay),
        )


def _first(inner: float | None, outer: float | None) -> float | None:
    return outer if inner is None else inner


PUBLISHED_WEIGHTS = Weights(initial=Initial(), bias_initial=0.0, decay=1e-4, bias_decay=1e-4)
# Residual projections start as the reference's `residual_add` does and are not decayed.
MATCH = Weights(initial=Initial(scheme="glorot_uniform"), decay=0.0)
# So do the convolutions that bring the inputs of a sum or product to its channels, with a bias.
JOIN = MATCH.model_copy(update={"bias_initial": 0.0, "bias_decay": 0.0})


LAYER_EPSILON = 1e-12  # as published (trap 8)
OTHER_EPSILON = 1e-5


class Norm(GrammarValue):
    """A normalisation with gain and shift per channel, which start at `gain` and `shift`.

    `layer`: statistics per sample over height, width and channels together (as published).
    `group`: statistics per sample over height, width and each of `groups` blocks of channels;
    with `interleaved` the groups are channels of equal index modulo `groups`, as the published
    group norm has it (trap 8).
    `batch`: statistics over the batch, height and width of a step. Each step moves the running
    averages by `momentum`, and evaluation reads those instead: also the steps before the image
    has arrived, unless the genome has `start: masked`. The published rule for its gain: 0 where
    the convolution has no activation, 0.1 on kernels of tau and gate, else 1.

    `epsilon` is added to the variance: 1e-12 for `layer`, 1e-5 for the others unless it is given.
    """

    kind: NormKind = "layer"
    groups: Channels | None = None
    interleaved: bool = False
    epsilon: Annotated[float, Field(gt=0)] | None = None
    gain: float = 1.0
    shift: float = 0.0
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1

    @property
    def added_epsilon(self) -> float:
        """The epsilon that is really added."""
        if self.epsilon is not None:
            return self.epsilon
        return LAYER_EPSILON if self.kind == "layer" else OTHER_EPSILON


def _normed(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


MaybeNorm = Annotated[
    Norm | None, BeforeValidator(_normed, json_schema_input_type=Norm | NormKind | None)
]


class TermSource(GrammarValue):
    """One source of a term, read from its string form by `Term.sources`."""

    name: str  # input, residual, feedback, or a state's name
    new: bool = False  # this step's value of a state
    mask: str | None = None  # a gate of the cell


class Term(GrammarValue):
    """activation( norm( op( sources ) ) ): what an edge carries.

    Ops: `identity`; `convolution` (kernel x kernel); `separable` (depthwise kernel x kernel, then
    pointwise, then one bias); `position` (one weight a position and channel: a peephole);
    `scalar` (one learned number: time decay); `match` (identity where shapes agree, else resize
    and 1x1 convolution without bias: a residual). An op that is not given is `convolution` where
    a kernel is, `identity` where none is.

    `repeat` puts one more depthwise kernel and an ELU in front of a separable op. `norm` stands
    after the op (and its bias); at a `match` only where that convolves. `skip` adds the sources
    themselves to what op and norm made of them, before the activation. `squared` multiplies the
    whole by itself: with a convolution the energy of a filter (Adelson & Bergen 1985, J. Opt. Soc.
    Am. A 2:284), with a relu half-squaring (Heeger 1992, Vis. Neurosci. 9:181). `clip` says
    whether this kernel is cut to the map, where it differs from the cell's `clip_kernels`.
    """

    of: Annotated[Sources, BeforeValidator(_listed, json_schema_input_type=Sources | str)]
    op: TermOp | None = None
    kernel: Side | None = None
    bias: bool | None = None  # convolutions: true unless said otherwise
    repeat: bool = False
    norm: MaybeNorm = None
    skip: bool = False
    clip: bool | None = None
    activation: Activation = "identity"
    squared: bool = False
    after_norm: bool = False  # added after the norm of the sum it stands in
    weights: Weights = Weights()

    @property
    def operation(self) -> TermOp:
        """What is done to the joined sources; with a kernel, a convolution where none is named."""
        return self.op or ("convolution" if self.kernel else "identity")

    @property
    def has_bias(self) -> bool:
        """Whether a bias is learned."""
        return self.operation in KERNEL_OPS and self.bias is not False

    @property
    def sources(self) -> tuple[TermSource, ...]:
        """What the term reads, in the order in which it is joined."""
        return _sources(self.of)


@lru_cache(maxsize=1024)
def _sources(texts: tuple[str, ...]) -> tuple[TermSource, ...]:
    return tuple(map(parse_source, texts))


def parse_source(text: str) -> TermSource:
    """`hidden`, `new.hidden`, `hidden * reset` -> TermSource."""
    name, _, mask = (part.strip() for part in text.partition("*"))
    return TermSource(
        name=name.removeprefix("new."), new=name.startswith("new."), mask=mask or None
    )


class Gate(GrammarValue):
    """offset + scale * nonlinearity( norm( sum of terms ) + bias ); or a gate by reference.

    `shared: NAME` is the cell's gate of that name (the same weights, computed once a step);
    `complement: NAME` is one minus it. `bias` is a constant, not learned. `bias_acts: full` adds
    it only beside a full (not separable) convolution, as the published reference does.
    """

    shared: Reference | None = None
    complement: Reference | None = None
    offset: float = 0.0
    scale: float = 1.0
    nonlinearity: Activation = "sigmoid"
    terms: Annotated[tuple[Term, ...], Field(max_length=TERMS), LISTED] = ()
    norm: MaybeNorm = None
    bias: float = 0.0
    bias_acts: Literal["always", "full"] = "always"

    @property
    def reference(self) -> str | None:
        """The name this gate refers to, if it is one by reference."""
        return self.shared or self.complement

    @property
    def acting_bias(self) -> float:
        """The constant that is really added to the argument."""
        if self.bias_acts == "full" and not any(t.operation == "convolution" for t in self.terms):
            return 0.0
        return self.bias


def _gated(value: object) -> object:
    return {"shared": value} if isinstance(value, str) else value


MaybeGate = Annotated[
    Gate | None, BeforeValidator(_gated, json_schema_input_type=Gate | Reference | None)
]


class Edge(GrammarValue):
    """One edge of a drive: it adds, or it multiplies. Exactly one of the two is given."""

    add: Term | None = None
    multiply: MaybeGate = None


class Drive(GrammarValue):
    """product of multiplying edges * activation( norm( sum of adding edges ) + bias )."""

    edges: Annotated[tuple[Edge, ...], Field(max_length=EDGES), LISTED] = ()
    activation: Activation = "identity"
    norm: MaybeNorm = None
    bias: float = 0.0
    bias_acts: Literal["always", "full"] = "always"

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of the edges that add."""
        return tuple(edge.add for edge in self.edges if edge.add is not None)

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates of the edges that multiply."""
        return tuple(edge.multiply for edge in self.edges if edge.multiply is not None)

    @property
    def acting_bias(self) -> float:
        """The constant that is really added to the sum."""
        if self.bias_acts == "full" and not any(t.operation == "convolution" for t in self.terms):
            return 0.0
        return self.bias


class Carry(GrammarValue):
    """gate * source: what a state keeps. Without `of`, the state's own previous value."""

    of: str | None = None
    gate: MaybeGate = None


class State(GrammarValue):
    """activation( norm( carry + drive ) ), `depth` channels (default: the stage's width)."""

    depth: Channels | None = None
    carry: Carry | None = None
    drive: Drive = Drive()
    norm: MaybeNorm = None
    activation: Activation = "identity"

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every gate that acts on this state, the carry's first."""
        carry = () if self.carry is None or self.carry.gate is None else (self.carry.gate,)
        return (*carry, *self.drive.gates)


class Cell(GrammarValue):
    """A recurrent cell: states in order of update, the gates they share, and which one is put out.

    `clip_kernels`: true cuts kernels to the map, `separable` cuts only separable ones (as the
    published median does), false refuses a kernel that exceeds the map.
    """

    states: dict[Name, State] = Field(min_length=1, max_length=STATES)
    output: str
    gates: dict[Name, Gate] = Field(default_factory=dict, max_length=GATES)
    clip_kernels: bool | Literal["separable"] = False
    weights: Weights = Weights()

    def gate(self, gate: Gate) -> Gate:
        """The gate itself, with a reference followed."""
        return gate if gate.reference is None else self.gates[gate.reference]

    def reads(self, source: str) -> bool:
        """Whether any term or carry of the cell reads `source`."""
        return any(read.name == source for read in self._sources())

    @property
    def recurrent(self) -> bool:
        """Whether any state's previous value is read: false for the feedforward control."""
        return any(read.name in self.states and not read.new for read in self._sources())

    @property
    def terms(self) -> list[Term]:
        """Every term that is written in the cell, those of its gates first."""
        gates = [*self.gates.values(), *(g for s in self.states.values() for g in s.gates)]
        terms = [term for gate in gates for term in gate.terms]
        return terms + [term for state in self.states.values() for term in state.drive.terms]

    def _sources(self) -> Iterator[TermSource]:
        """Every source that the cell names, a carry of the state itself included."""
        yield from (source for term in self.terms for source in term.sources)
        for name, state in self.states.items():
            if state.carry is not None:
                yield parse_source(state.carry.of or name)


def as_document(value: GrammarValue) -> dict[str, Any]:
    """The JSON form of a value: lists, mappings, numbers and strings only."""
    return _plain(value.model_dump())  # type: ignore[no-any-return]


def _plain(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _plain(item) for key, item in node.items()}
    if isinstance(node, tuple | list):
        return [_plain(item) for item in node]
    return node
