"""Operations, made ready for the literal execution: what is read, computed, handed on, in slots.

A `Program` is the operations of one part, in their order, over numbered slots for its values. Two
things are put together that a step computes faster at once: convolutions that read one value with
kernels of one size (an LSTM's four gates), and a product with the sum that alone reads it
(gate * source + drive). No tensors here.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from models.operations import Kind, MultiplyAdd
from space.network.maps import Map
from space.step.operations import Convolve, Frame, Multiply, Operations, Pass, Sum

VALUE = ""
"""The name of the result of a part that has only one."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One computation. It fills several slots where its value's channels are cut: `channels`."""

    whats: tuple[Kind, ...]
    operands: tuple[int, ...]
    outs: tuple[int, ...]
    channels: list[int]
    map: Map


@dataclass(frozen=True, slots=True)
class PartCall:
    """A part within, with a program of its own. `outs` are the slots of its results, in the order
    of `names`.
    """

    part: str
    operands: tuple[int, ...]
    outs: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What one part computes in one step.

    `reads` are operands from outside, as operations have them (a value ~n of the step before; a
    value n that the part does not compute), `inputs` their slots. `results` are slots by name.
    """

    reads: tuple[int, ...]
    inputs: tuple[int, ...]
    steps: tuple[Instruction | PartCall, ...]
    results: dict[str, int]
    slots: int


class Programs:
    """The programs of the operations of one step."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self._uses = Counter(ref for op in operations.ops for ref in op.operands)
        self._uses.update(operations.named.values())
        self._uses.update(span.result for span in operations.spans.values())

    def of_parts(self, stage: str) -> dict[str, Program]:
        """Those of the parts of a stage, by their names. The results of a cell are its states by
        name, of another part it is `VALUE`.
        """
        programs: dict[str, Program] = {}
        for path, span in self.operations.spans.items():
            _, _, within = path.partition(f"stages.{stage}.")
            if within:
                states = cell_results(self.operations, stage)
                results = states if within == "cell" else {VALUE: span.result}
                programs[within] = self._writer().write(span.places, results)
        return programs

    def of_stage(self, place: int, stage: str, parts: Mapping[str, Program]) -> Program:
        """That of a stage, given those of its parts. Its results are `input`, `output` and, behind
        a dot, the states of its cell.
        """
        results = {"output": self.operations.named[stage]}
        return self._writer(parts, stage).write(self.operations.stages[place], results)

    def of_head(self) -> Program:
        """That of the head: from the last stage's output to logits, `VALUE`."""
        places = self.operations.stages[-1]
        return self._writer().write(places, {VALUE: places[-1]})

    def _writer(
        self, parts: Mapping[str, Program] | None = None, stage: str = ""
    ) -> "_ProgramWriter":
        return _ProgramWriter(self.operations, self._uses, parts or {}, stage)


def cell_results(operations: Operations, stage: str) -> dict[str, int]:
    """The operations of the states of a stage's cell, by their names."""
    prefix = f"{stage}."
    return {
        name.removeprefix(prefix): number
        for name, number in operations.named.items()
        if name.startswith(prefix) and name != f"{prefix}input"
    }


class _ProgramWriter:
    def __init__(
        self,
        operations: Operations,
        uses: Mapping[int, int],
        parts: Mapping[str, Program],
        stage: str,
    ) -> None:
        self.operations, self.uses = operations, uses
        self.parts, self.stage = parts, stage
        self.slots = 0
        self.slot_of: dict[int, int] = {}  # by operand
        self.reads: dict[int, int] = {}  # slots of what comes from outside, by operand
        self.steps: list[Instruction | PartCall] = []
        self.results: dict[str, int] = {}

    def write(self, places: range, results: Mapping[str, int]) -> Program:
        """The program of the operations at `places`."""
        waiting = {name: self._span(name) for name in self.parts}
        own = {n: None for n in places if not any(n in span for span in waiting.values())}
        together = self._together(own)
        fused = self._fused(own)
        products = set(fused.values())
        for number in (*places, places.stop):
            for name in [n for n, span in waiting.items() if span.start == number]:
                self._call(name)
                del waiting[name]
            if number in own and number not in products:
                self._write(number, together, fused)
        self.results |= {name: self._read(ref) for name, ref in results.items()}
        return Program(
            reads=tuple(self.reads),
            inputs=tuple(self.reads.values()),
            steps=tuple(self.steps),
            results=self.results,
            slots=self.slots,
        )

    def _span(self, name: str) -> range:
        return self.operations.spans[f"stages.{self.stage}.{name}"].places

    def _new_slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _read(self, ref: int) -> int:
        """The slot of an operand."""
        if ref not in self.slot_of:
            self.slot_of[ref] = self.reads[ref] = self._new_slot()
        return self.slot_of[ref]

    def _together(self, own: Collection[int]) -> dict[int, list[int]]:
        """By operation the convolutions that are computed with it, at the first one's place."""
        alike: dict[object, list[int]] = {}
        for number in own:
            op = self.operations.ops[number]
            if isinstance(op.what, Convolve):
                how = (op.what.kernel, op.what.stride, op.what.padding, op.map.size)
                alike.setdefault((op.operands, how), []).append(number)
        return {number: numbers for numbers in alike.values() for number in numbers}

    def _fused(self, own: Collection[int]) -> dict[int, int]:
        """By sum the product that is computed with it."""
        fused: dict[int, int] = {}
        for number in own:
            op = self.operations.ops[number]
            if op.what == Sum() and len(op.operands) == 2:
                products = [ref for ref in op.operands if ref in own and self._is_used_once(ref)]
                if products:
                    fused[number] = products[-1]
        return fused

    def _is_used_once(self, number: int) -> bool:
        """Whether an operation is a product of two values that one other operation reads."""
        op = self.operations.ops[number]
        return op.what == Multiply() and len(op.operands) == 2 and self.uses[number] == 1

    def _write(
        self, number: int, together: Mapping[int, list[int]], fused: Mapping[int, int]
    ) -> None:
        op = self.operations.ops[number]
        if number in self.slot_of or isinstance(op.what, Frame):
            return
        if isinstance(op.what, Pass):
            self.slot_of[number] = self._read(op.operands[0])
        elif number in fused:
            product = fused[number]
            added = op.operands[op.operands[0] == product]
            operands = (added, *self.operations.ops[product].operands)
            self._instruct([number], (MultiplyAdd(),), operands)
        else:
            numbers = together.get(number, [number])
            whats = tuple(self.operations.ops[n].what for n in numbers)
            self._instruct(numbers, whats, op.operands)

    def _instruct(
        self,
        numbers: Sequence[int],
        whats: tuple[Kind, ...],
        operands: Sequence[int],
    ) -> None:
        slots = tuple(self._read(ref) for ref in operands)
        ops = [self.operations.ops[number] for number in numbers]
        outs = tuple(self._new_slot() for _ in ops)
        self.slot_of |= dict(zip(numbers, outs, strict=True))
        channels = [op.map.channels for op in ops]
        self.steps.append(Instruction(whats, slots, outs, channels, ops[0].map))

    def _call(self, name: str) -> None:
        """Call a part; what follows reads its results."""
        program = self.parts[name]
        operands = tuple(self._read(ref) for ref in program.reads)
        outs = {result: self._new_slot() for result in program.results}
        self.steps.append(PartCall(name, operands, tuple(outs.values()), tuple(outs)))
        if name == "cell":
            states = cell_results(self.operations, self.stage)
            self.slot_of |= {states[state]: slot for state, slot in outs.items()}
            self.results |= {f".{state}": slot for state, slot in outs.items()}
        else:
            span = self.operations.spans[f"stages.{self.stage}.{name}"]
            self.slot_of[span.result] = outs[VALUE]
        if name == "convolution":
            self.results["input"] = outs[VALUE]
