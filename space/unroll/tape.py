"""What the operations of an update do to memory, taken down one after the other.

A `Tape` says of every operation what it makes and reads, and what its backward pass keeps. It is
run by `space/unroll/memory.py`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from space.network.architecture import Architecture
from space.step.activations import ACTIVATIONS
from space.step.operations import (
    Activate,
    Bias,
    Classify,
    Concatenate,
    Convolve,
    Frame,
    Multiply,
    Normalise,
    Pass,
    Pooled,
    Resize,
    Scale,
    Separate,
    Sum,
    Weigh,
    What,
    Zeros,
)
from space.step.parameters import parameters

FLOAT, HALF, INDEX = 4, 2, 8  # bytes of a float32, of bfloat16 or float16, of a maximum's place

Key = Hashable


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value: the storage that it lies in (`key`), its numbers for the whole batch, the side of
    its map, the bytes of a number, whether a gradient flows to it, and which part of its storage
    it is (None: the whole).
    """

    key: Key
    numbers: int
    side: int
    width: int = FLOAT
    learned: bool = False
    part: Hashable = None

    @property
    def bytes(self) -> int:
        """What it takes, and its gradient too."""
        return self.numbers * self.width


@dataclass(slots=True)
class Use:
    """What one computation does to memory.

    `makes` are the storages that it makes, with their bytes, `reads` the values that it is made
    of. Its backward pass needs the storages `keeps`, `besides` more bytes that are kept for it,
    and `passing` while it runs. `hands_on`: the gradient of an operand is the result's own, or a
    part of it.
    """

    makes: dict[Key, int] = field(default_factory=dict)
    reads: list[StoredValue] = field(default_factory=list)
    keeps: set[Key] = field(default_factory=set)
    besides: int = 0
    passing: int = 0
    hands_on: bool = False


class Tape:
    """Takes down what is computed for a batch, of a network with the parameters of `architecture`.

    `half`: under autocast, which computes convolutions in two bytes a number. The first use makes
    the copies of kernels that the others work with.
    """

    def __init__(self, architecture: Architecture, *, half: bool = False) -> None:
        self.start = Use()
        self.uses = [self.start]
        self._shapes = parameters(architecture).shapes
        self._half = half
        self._kernels: dict[Key, StoredValue] = {}
        self._head_keeps = architecture.head.form == "convolution_mean"

    def compute(
        self,
        whats: Sequence[What],
        operands: Sequence[StoredValue],
        key: Key,
        numbers: int,
        side: int,
    ) -> StoredValue:
        """Take down one computation of `whats` (several: convolutions, joined on channels)."""
        what = whats[0]
        learned = isinstance(what, Convolve | Separate | Bias | Weigh | Normalise | Classify)
        result = StoredValue(
            key,
            numbers,
            side,
            self._width(what, operands),
            learned or any(operand.learned for operand in operands),
        )
        use = Use(
            makes={key: result.bytes},
            reads=list(operands),
            hands_on=isinstance(what, Sum | Concatenate),
        )
        if isinstance(what, Sum) and len(operands) + bool(what.constant) > 2:
            use.makes["sum", key] = result.bytes  # the sum so far
        if result.learned:
            self._keep(use, whats, operands, result)
        self.uses.append(use)
        return result

    def _width(self, what: What, operands: Sequence[StoredValue]) -> int:
        """Bytes of a number of a result, as autocast has them."""
        match what:
            case Convolve() | Separate() | Bias() | Classify():
                return HALF if self._half else FLOAT
            case Activate(name=name) if ACTIVATIONS[name].wide:
                return FLOAT
            case Sum(wide=True):
                return FLOAT
            case Weigh() | Normalise() | Frame() | Zeros():
                return FLOAT
            case _:
                return max(operand.width for operand in operands)

    def _keep(
        self, use: Use, whats: Sequence[What], operands: Sequence[StoredValue], result: StoredValue
    ) -> None:
        """What the backward pass of an operation keeps: the one place that knows it."""
        what = whats[0]
        match what:
            case Convolve(padding=padding):
                read = self._cast(use, operands[0], HALF if self._half else FLOAT)
                use.keeps.add(self._padded(use, read, padding).key)
                self._weigh(use, "kernel", whats)
            case Separate():
                self._keep_separate(use, what, operands[0], result)
            case Activate(name=name):
                use.keeps.add(result.key if ACTIVATIONS[name].own_gradient else operands[0].key)
            case Multiply():
                learned = sum(operand.learned for operand in operands)  # by place: x * x has two
                kept = [operand for operand in operands if learned > operand.learned]
                use.keeps.update(operand.key for operand in kept)
                use.besides += max(0, len(operands) - 2) * result.bytes
            case Weigh():
                use.keeps.add(operands[0].key)
                use.passing = result.bytes  # the weights' gradient, before it is summed up
            case Normalise(interleaved=interleaved):
                read = self._cast(use, operands[0], FLOAT)
                if interleaved:  # by way of two maps in another order
                    use.besides += 2 * result.bytes
                else:
                    use.keeps.add(read.key)
            case Pooled(kind=kind, padding=padding, stride=stride):
                before, after = padding
                copies = before != after and (before > 0 or stride == 1)
                read = self._padded(use, operands[0], padding) if copies else operands[0]
                use.keeps.add(read.key)
                use.besides += result.numbers * INDEX if kind == "max" else 0
            case Classify():
                use.keeps.update([operands[0].key] if self._head_keeps else ())
            case Frame() | Zeros() | Pass() | Bias() | Resize() | Concatenate() | Sum() | Scale():
                pass

    def _keep_separate(
        self, use: Use, what: Separate, operand: StoredValue, result: StoredValue
    ) -> None:
        """Of every depthwise kernel what it reads, and what the pointwise one reads; an ELU
        between two depthwise ones keeps what it reads, too.
        """
        width = HALF if self._half else FLOAT
        read = self._padded(use, self._cast(use, operand, width), what.padding)
        use.keeps.add(read.key)
        spread = read.numbers * result.side**2 // read.side**2 * width
        use.besides += (3 if what.repeat else 1) * spread
        use.passing = 2 * spread
        for name in ("depthwise", "pointwise", *(("depthwise_first",) if what.repeat else ())):
            self._weigh(use, name, (what,))

    def _cast(self, use: Use, operand: StoredValue, width: int) -> StoredValue:
        """An operand in another type, where it is not in that already: a copy."""
        if operand.width == width:
            return operand
        copy = StoredValue(("cast", id(use)), operand.numbers, operand.side, width)
        use.makes[copy.key] = copy.bytes
        return copy

    def _padded(self, use: Use, operand: StoredValue, padding: tuple[int, int]) -> StoredValue:
        """An operand with padding that no convolution takes, an uneven one: a copy."""
        if padding[0] == padding[1]:
            return operand
        side = operand.side + sum(padding)
        numbers = operand.numbers * side**2 // operand.side**2
        copy = StoredValue(("padded", id(use)), numbers, side, operand.width)
        use.makes[copy.key] = copy.bytes
        return copy

    def _weigh(self, use: Use, name: str, whats: Sequence[What]) -> None:
        """Note the kernels of a use. Those of one pixel or one input are laid out alike in every
        layout; others are copied, and all that are joined, cut or cast.
        """
        key = (name, *whats)
        if key not in self.start.makes:
            numbers, copied = 0, self._half or len(whats) > 1
            for what in whats:
                assert isinstance(what, Convolve | Separate)
                outs, ins, side, _ = self._shapes[f"{what.weights}.{name}"]
                if name.startswith("depthwise"):
                    outs = what.channels
                else:
                    copied |= what.channels != ins
                    ins = what.channels
                numbers += outs * ins * side**2
                copied |= side > 1 and ins > 1
            width = HALF if self._half else FLOAT
            self.start.makes[key] = numbers * width if copied else 0
            self._kernels[key] = StoredValue(key, numbers, side=1, learned=True)
        use.keeps.add(key)
        use.reads.append(self._kernels[key])
