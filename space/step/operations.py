"""What can be computed in one step of a network: operations over values, as frozen values.

An operation is *what* is computed (a frozen value that names its parameters) and of which values.
`Writer` puts operations one after the other; `space/step/stages.py` writes those of a network.
This module knows neither the grammar nor tensors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from space.network.maps import Map

# What an operation computes. Values of these classes are equal exactly if they compute equal
# results of equal operands. `weights` is the path of a module of the built network.


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """The frame of this step: the image, or the blank."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Zeros:
    """Zeros of the operation's map."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """Its operand as it is: a place for a value that another part computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resize:
    """Its operand on a map of side `size`, by the way of resizing `mode` (Architecture.resize)."""

    size: int
    mode: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Concatenate:
    """Operands concatenated on channels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Convolve:
    """The part of a convolution that reads `channels` channels of its input, `first` the first.

    `bias` says whether this part carries the bias, `added` is a constant beside it.
    """

    weights: str
    first: int = 0
    channels: int
    kernel: int = 1
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    bias: bool = True
    added: float = 0.0

    def macs(self, outs: Map) -> int:
        """Multiply-adds an image of the result `outs`."""
        return outs.size**2 * self.kernel**2 * self.channels * outs.channels


@dataclass(frozen=True, kw_only=True, slots=True)
class Separate:
    """Depthwise (twice with an ELU between them where `repeat`), then pointwise; of a part of the
    input's channels, as `Convolve`.
    """

    weights: str
    first: int = 0
    channels: int
    kernel: int
    padding: tuple[int, int]
    repeat: bool
    bias: bool
    added: float = 0.0

    def macs(self, outs: Map) -> int:
        """Multiply-adds an image of the result `outs`."""
        depthwise = self.kernel**2 * (2 if self.repeat else 1)
        return outs.size**2 * self.channels * (depthwise + outs.channels)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bias:
    """What a convolution makes of zeros: its bias and added constant, everywhere on the map."""

    weights: str
    bias: bool
    added: float
    map: Map


@dataclass(frozen=True, kw_only=True, slots=True)
class Weigh:
    """Times a learned scalar, or a weight a position and channel."""

    weights: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalise:
    """A norm: statistics over the map of a sample (`layer`), over each of `groups` blocks of its
    channels (`group`; `interleaved`: channels of equal index modulo `groups`), or over the batch
    (`batch`), which move the running ones by `momentum` in training. `epsilon` is added to the
    variance.
    """

    weights: str
    kind: str
    groups: int
    interleaved: bool
    epsilon: float
    momentum: float

    @property
    def batch(self) -> bool:
        """Whether the statistics are those of the batch."""
        return self.kind == "batch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Activate:
    """A function of each number: an activation by its name."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """The sum of the operands and of a constant.

    `wide`: zeros that were among the operands are left out, but the sum has their type: that of
    the images, also under autocast.
    """

    constant: float = 0.0
    wide: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """offset + scale * operand."""

    offset: float
    scale: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Multiply:
    """The product of the operands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pooled:
    """Max or mean over squares of side `kernel`; `padding` before and after, in pixels."""

    kind: str
    kernel: int
    stride: int
    padding: tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Classify:
    """The head: logits of the last stage's map, by a classifier of that form."""

    form: str


What = (
    Frame
    | Zeros
    | Pass
    | Resize
    | Concatenate
    | Convolve
    | Separate
    | Bias
    | Weigh
    | Normalise
    | Activate
    | Sum
    | Scale
    | Multiply
    | Pooled
    | Classify
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Op:
    """One operation of a step.

    An operand n >= 0 is this step's value of operation n, an operand ~n the value that operation
    n had at the step before. `macs` are its multiply-adds an image, `literal_macs` those of the
    same part of the literal unroll. `stage` is the place of its stage in the chain (the head's is
    the number of stages), `part` what it belongs to. Logits are written on a map of side 0.
    """

    what: What
    operands: tuple[int, ...]
    map: Map
    stage: int
    part: str
    macs: int = 0
    literal_macs: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The operations of one part of a stage, and the operand that its result is."""

    places: range
    result: int


@dataclass(frozen=True, kw_only=True)
class Operations:
    """All operations of a step, and where the values are that can be read.

    `named` maps `STAGE` (its output), `STAGE.input`, `STAGE.STATE` and `head` to operations.
    `stages` are the ranges of operations of every stage, the head's last. `spans` has the parts
    of stages by their paths (`stages.conv4.cell`), `within` the states, gates, drives and terms of
    cells by theirs, what lies within another before it; there are none where operations were
    divided.
    """

    ops: tuple[Op, ...]
    named: dict[str, int]
    stages: tuple[range, ...]
    spans: dict[str, Span]
    within: dict[str, Span]


Ref = int | str
"""What operations are written of: one's number, or a name whose value of the step before is
meant.
"""


@dataclass(kw_only=True, slots=True)
class Draft:
    """An operation as it is written: its operands may be names (`Ref`)."""

    what: What
    operands: tuple[Ref, ...]
    map: Map
    stage: int
    part: str
    macs: int
    literal_macs: int


class Writer:
    """Operations in the order in which they are written, stage by stage."""

    def __init__(self) -> None:
        self.named: dict[str, int] = {}
        self.drafts: list[Draft] = []
        self._ends: list[int] = []
        self._spans: dict[str, tuple[range, Ref]] = {}
        self._within: dict[str, tuple[range, Ref]] = {}

    @property
    def next(self) -> int:
        """The number of the operation that is written next."""
        return len(self.drafts)

    @property
    def stage(self) -> int:
        """The place in the chain of the stage that is being written."""
        return len(self._ends)

    def end_stage(self) -> None:
        """What is written from here on belongs to the next stage."""
        self._ends.append(len(self.drafts))

    def end_part(self, path: str, first: int, result: Ref) -> None:
        """The operations from `first` on are those of the part at `path`."""
        self._spans[path] = range(first, self.next), result

    def end_within(self, path: str, first: int, result: Ref) -> None:
        """The operations from `first` on are those of the part at `path` within a cell."""
        self._within[path] = range(first, self.next), result

    def _operand(self, ref: Ref) -> int:
        return ~self.named[ref] if isinstance(ref, str) else ref

    def operations(self) -> Operations:
        """What was written; every stage has ended."""
        ops = tuple(
            Op(
                what=draft.what,
                operands=tuple(map(self._operand, draft.operands)),
                map=draft.map,
                stage=draft.stage,
                part=draft.part,
                macs=draft.macs,
                literal_macs=draft.literal_macs,
            )
            for draft in self.drafts
        )
        stages = tuple(map(range, [0, *self._ends], self._ends))
        spans, within = (
            {
                path: Span(places=places, result=self._operand(result))
                for path, (places, result) in written.items()
            }
            for written in (self._spans, self._within)
        )
        return Operations(ops=ops, named=self.named, stages=stages, spans=spans, within=within)

    def write(
        self,
        what: What,
        operands: Iterable[Ref],
        outs: Map,
        part: str,
        *,
        macs: int = 0,
        literal_macs: int | None = None,
    ) -> int:
        """One more operation, of values that are written already or of the step before."""
        self.drafts.append(
            Draft(
                what=what,
                operands=tuple(operands),
                map=outs,
                stage=len(self._ends),
                part=part,
                macs=macs,
                literal_macs=macs if literal_macs is None else literal_macs,
            )
        )
        return len(self.drafts) - 1

    def write_sum(self, values: Sequence[Ref], constant: float, outs: Map, part: str) -> int:
        """The sum of values and a constant; one value of this step and no constant stay alone."""
        if len(values) == 1 and not constant and isinstance(values[0], int):
            return values[0]
        return self.write(Sum(constant=constant), values, outs, part)

    def write_join(self, values: Sequence[Ref], outs: Map, part: str) -> Ref:
        """Values side by side on channels."""
        return values[0] if len(values) == 1 else self.write(Concatenate(), values, outs, part)

    def write_resized(self, x: Ref, reads: Map, size: int, mode: str) -> Ref:
        """`x`, which lies on the map `reads`, on a map of side `size`."""
        if reads.size == size:
            return x
        outs = Map(size=size, channels=reads.channels)
        return self.write(Resize(size=size, mode=mode), [x], outs, "resize")

    def write_activation(self, x: int, name: str, outs: Map, part: str) -> int:
        """The activation `name` of `x`; `x` itself for the identity."""
        return x if name == "identity" else self.write(Activate(name=name), [x], outs, part)

    def write_own(self, x: Ref, outs: Map, part: str) -> int:
        """An operation of the present stage that has the value of `x`."""
        if isinstance(x, int) and self.drafts[x].stage == self.stage:
            return x
        return self.write(Pass(), [x], outs, part)

    def write_convolution(self, what: Convolve | Separate, x: Ref, outs: Map) -> int:
        """A convolution of `x`, whose channels it reads, to the map `outs`."""
        return self.write(what, [x], outs, part_of(what.weights), macs=what.macs(outs))

    def write_norm(self, x: Ref, what: Normalise, outs: Map) -> int:
        """The norm of a part, whose tensors lie at `norm` below its path."""
        return self.write(what, [x], outs, part_of(what.weights.removesuffix(".norm")))


def part_of(path: str) -> str:
    """A path within its stage: `stages.conv4.cell.states.out` -> `cell.states.out`."""
    return path.split(".", 2)[2]
