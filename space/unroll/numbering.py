"""Value numbering of an unroll: one name for all values that are known to be equal.

A value's name is made of what is computed and of the names of its operands, so that two
operations, at whatever steps, with equal operands have one name. Zeros, and what is known of sums,
products and convolutions with them, are worked out here (space/unroll/plan.py says what for).
"""

from space.genome import Genome
from space.network.maps import Map
from space.network.sizes import first_informed_step
from space.step.activations import ACTIVATIONS
from space.step.operations import (
    Activate,
    Bias,
    Concatenate,
    Convolve,
    Frame,
    Multiply,
    Op,
    Operations,
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


class Numbering:
    """Names for the values of all operations of steps 0 to `end`: whole numbers from 0.

    `table[step][place]` is the name of an operation's value at a step. By name: `whats` is what is
    computed of the names `operands`, `maps` its size, `image` whether it depends on the image,
    `made` the (step, place) at which it is first computed. `first` is the first step of each
    stage that is not waiting.
    """

    def __init__(self, genome: Genome, step: Operations, end: int) -> None:
        self.genome, self.step, self.end = genome, step, end
        self.names: dict[tuple[object, ...], int] = {}
        # By name: what is computed of which names, and whether it depends on the image.
        self.whats: list[What] = []
        self.operands: list[tuple[int, ...]] = []
        self.maps: list[Map] = []
        self.zero: set[int] = set()
        self.image: list[bool] = []
        self.made: list[tuple[int, int]] = []  # (step, place)
        # Equal descriptions are one number, so that names are made of numbers.
        numbers: dict[What, int] = {}
        self.numbers = [numbers.setdefault(op.what, len(numbers)) for op in step.ops]
        self.free = [isinstance(op.what, Frame | Pass | Zeros) for op in step.ops]
        masked = genome.start == "masked"
        self.first = [first_informed_step(genome, node) if masked else 0 for node in genome.nodes]
        self.table: list[list[int]] = []  # [step][place] -> name
        self._run()

    def _run(self) -> None:
        ops = self.step.ops
        reading = [
            sorted({ref for i in places for ref in ops[i].operands if ref < 0})
            for places in self.step.stages
        ]
        reads = [op.operands for op in ops]
        seen: list[tuple[int, ...]] = [()] * len(reading)
        before = [self._zeros(op.map, i) for i, op in enumerate(ops)]
        for t in range(self.end + 1):
            now = [0] * len(ops)
            shows = self.genome.clock.shows_image(t)
            for stage, places in enumerate(self.step.stages):
                span = slice(places.start, places.stop)
                if t < self.first[stage]:
                    now[span] = before[span]
                    continue
                read = (*(before[~ref] for ref in reading[stage]), int(shows) if not stage else 0)
                if t > self.first[stage] and read == seen[stage]:
                    now[span] = before[span]
                    continue
                seen[stage] = read
                for i in places:
                    names = [now[ref] if ref >= 0 else before[~ref] for ref in reads[i]]
                    now[i] = self._name(i, tuple(names), t, shows)
            self.table.append(now)
            before = now

    def _new(
        self,
        key: tuple[object, ...],
        what: What,
        operands: tuple[int, ...],
        outs: Map,
        made: tuple[int, int],
        *,
        image: bool = False,
    ) -> int:
        name = self.names.get(key)
        if name is None:
            name = self.names[key] = len(self.whats)
            self.whats.append(what)
            self.operands.append(operands)
            self.maps.append(outs)
            if isinstance(what, Zeros):
                self.zero.add(name)
            self.image.append(image or any(self.image[operand] for operand in operands))
            self.made.append(made)
        return name

    def _zeros(self, outs: Map, place: int) -> int:
        """The name of zeros of a map; as old as the network."""
        return self._new((Zeros, outs), Zeros(), (), outs, (0, place))

    def _name(self, place: int, operands: tuple[int, ...], t: int, shows: bool) -> int:
        """The name of an operation's value, zeros worked out."""
        zero = self.zero
        if not self.free[place] and zero.isdisjoint(operands):
            key = (self.numbers[place], *operands)
            known = self.names.get(key)
            if known is not None:
                return known
            op = self.step.ops[place]
            return self._new(key, op.what, operands, op.map, (t, place))
        op = self.step.ops[place]
        what = op.what
        if isinstance(what, Frame):
            return self._new((Frame, shows), what, (), op.map, (t, place), image=shows)
        if isinstance(what, Pass):
            return operands[0]
        if _is_zero(what, [operand in zero for operand in operands]):
            return self._zeros(op.map, place)
        if isinstance(what, Convolve | Separate):
            bias = Bias(weights=what.weights, bias=what.bias, added=what.added, map=op.map)
            return self._new((bias,), bias, (), op.map, (t, place))
        if isinstance(what, Sum):
            kept = tuple(operand for operand in operands if operand not in zero)
            operands = kept or operands[:1]
            what = Sum(constant=what.constant, wide=True)
            return self._new((what, *operands), what, operands, op.map, (t, place))
        key = (self.numbers[place], *operands)
        return self._new(key, what, operands, op.map, (t, place))

    def operand(self, op: Op, t: int) -> int:
        """The name of an operation's only operand at a step."""
        (ref,) = op.operands
        if ref >= 0:
            return self.table[t][ref]
        if t == 0:
            return self._zeros(self.step.ops[~ref].map, ~ref)
        return self.table[t - 1][~ref]


def _is_zero(what: What, zero: list[bool]) -> bool:
    """Whether the value is zero, given which operands are; at least one is, or there are none."""
    match what:
        case Zeros():
            return True
        case Multiply():
            return any(zero)
        case Sum(constant=constant):
            return all(zero) and not constant
        case Convolve(bias=bias, added=added) | Separate(bias=bias, added=added):
            return not bias and not added
        case Scale(offset=offset):
            return not offset
        case Activate(name=name):
            return ACTIVATIONS[name].keeps_zero
        case Resize() | Pooled() | Weigh():
            return True
        case Concatenate():
            return all(zero)
        case _:
            return False
