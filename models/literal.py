"""The literal execution: every operation of every stage at every step.

The semantics (trap 6, trap 7):

- One arrow, one step: at step t every node reads only what other nodes put out at step t - 1,
  feedforward and feedback alike, and its own state of t - 1. The first stage has no such delay:
  it sees the frame of step t.
- Before step 0 every output and every state is zero. Nothing waits: a node that the image has not
  reached runs on zeros, and its biases move its state and its output. `start: masked` is another
  semantics: such nodes put out zeros and keep their zero states.
- Frames of steps without the image are the constant `blank`, in the units of the images given.
- Feedback is the sender's output, after its pool; the senders of a node are resized to its
  feedforward input's map and concatenated in string order.

Which operations these are is written in `space/step`; here they are run, convolutions of one
value together. `models/called.py` runs the same and calls every part as a module, for hooks.
"""

from collections.abc import Callable, Container, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models import arithmetic
from models.operations import Setting, frame, function_of, prepare, zeros
from models.parameters import Part
from models.programs import VALUE, PartCall, Program, Programs, cell_results
from space.genome import Genome
from space.network.architecture import HEAD
from space.network.cell_sizes import cell_shape
from space.network.grammar import Cell
from space.network.maps import Map
from space.network.sizes import Arrival, first_informed_step
from space.step.equations import ALONE, cell_step
from space.step.operations import Operations, Zeros
from space.step.parameters import Table, cell_parameters, join_parameters
from space.step.stages import join_step

States = dict[str, Tensor]
BoundSteps = list[tuple[Callable[..., Any], Any, Any]]
"""The steps of a program for one forward pass: a function, the operation or the part that it
takes, and what either needs of the parameters.
"""


class StepPart(Part):
    """A part of a network that computes once a step.

    `path` is its place in the network, below which the operations name its parameters.
    """

    def __init__(
        self,
        table: Table,
        dtype: torch.dtype,
        path: str,
        program: Program,
        parts: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(table, dtype, parts)
        self.program = program
        self._prefix = f"{path}."

    def prepare(self, setting: Setting) -> BoundSteps:
        """What the steps of one forward pass need besides operands."""
        ready: BoundSteps = []
        for step in self.program.steps:
            if isinstance(step, PartCall):
                part = self[step.part]
                assert isinstance(part, StepPart)
                ready.append((_call, part, part.prepare(setting)))
            elif isinstance(what := step.whats[0], Zeros):
                ready.append((_pick, what, zeros(step.map, setting)))
            else:
                own = prepare(step.whats, self._part_at, setting)
                ready.append((function_of(what), what, own))
        return ready

    def _part_at(self, path: str) -> Part:
        within = path.removeprefix(self._prefix)
        return self if len(within) == len(path) else self.below(within)

    def run(self, inputs: Sequence[Tensor], ready: BoundSteps) -> Callable[[int], Tensor]:
        """One step: the values that the program reads -> the value of any of its slots."""
        program = self.program
        slots: list[Any] = [None] * program.slots
        for slot, x in zip(program.inputs, inputs, strict=True):
            slots[slot] = x
        for step, (function, what, own) in zip(program.steps, ready, strict=True):
            value = function(what, [slots[i] for i in step.operands], own)
            outs = step.outs
            if isinstance(step, PartCall):
                for out, name in zip(outs, step.names, strict=True):
                    slots[out] = value if name == VALUE else value[name]
            elif len(outs) == 1:
                slots[outs[0]] = value
            else:
                pieces = torch.split(value, step.channels, 1)
                for out, piece in zip(outs, pieces, strict=True):
                    slots[out] = piece
        return slots.__getitem__

    def compute(self, *inputs: Tensor, ready: BoundSteps) -> Any:
        """One step: what the part reads, [B,C,H,W] each -> its value, [B,C',H',W']."""
        return self.run(inputs, ready)(self.program.results[VALUE])


def _call(part: StepPart, operands: Sequence[Tensor], ready: BoundSteps) -> Any:
    """What a part makes of its operands."""
    return part.compute(*operands, ready=ready)


def _pick(_what: Zeros, _operands: Sequence[Tensor], ready: Tensor) -> Tensor:
    """What was made ready, as it is."""
    return ready


class CellPart(StepPart):
    """The cell of a stage."""

    def compute(self, *inputs: Tensor, ready: BoundSteps) -> States:
        """One step: what the cell reads, [B,C,h,w] each -> its states, [B,depth,H,W] by name."""
        value = self.run(inputs, ready)
        return {name: value(slot) for name, slot in self.program.results.items()}

    def add_states(self, dtype: torch.dtype) -> None:
        """Give every state a part at `states.NAME`, also one without parameters, for hooks."""
        states = self.part("states", dtype)
        for name in self.program.results:
            states.part(name, dtype)


class CellModule(CellPart):
    """One cell with its parameters, for itself.

    `sources` are the maps of the external sources that are there: `input` always, `residual`,
    `feedback`. They may have another size than the cell's map, and are resized to it.
    """

    def __init__(
        self,
        cell: Cell,
        sources: Mapping[str, Map],
        *,
        resize: str = "corners",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        shape = cell_shape(cell, sources)
        operations = cell_step(cell, shape, sources, resize)
        path = f"stages.{ALONE}.cell"
        program = Programs(operations).of_parts(ALONE)["cell"]
        super().__init__(cell_parameters(cell, shape, sources), dtype, path, program)
        self.cell, self.shape, self.sources = cell, shape, dict(sources)
        states = cell_results(operations, ALONE)
        names = {~number: name for name, number in states.items()}
        names |= dict(enumerate(sources))  # the first operations
        self._reads = [names[ref] for ref in self.program.reads]

    def step(self, sources: Mapping[str, Tensor], states: Mapping[str, Tensor]) -> States:
        """One step: external sources [B,C,h,w] and states [B,depth,H,W] of the step before ->
        states of this step.
        """
        given = {**sources, **states}
        like = sources["input"]
        setting = Setting(like=like, layout=arithmetic.layout_of(like), defers=False)
        return self.compute(*(given[name] for name in self._reads), ready=self.prepare(setting))

    def zero_states(self, like: Tensor) -> States:
        """The states before the first step, with the batch, type and layout of `like`."""
        size = self.shape.output.size
        return {
            name: arithmetic.zeros(like, depth, size) for name, depth in self.shape.depths.items()
        }


class JoinModule(StepPart):
    """A sum (`add`) or product of inputs for itself, each through a 1x1 convolution with bias
    where its channels differ from those of `outs`, under its sender's name.
    """

    def __init__(
        self, kind: str, arrivals: Sequence[Arrival], outs: Map, dtype: torch.dtype
    ) -> None:
        path = f"stages.{ALONE}.join"
        program = Programs(join_step(kind, arrivals, outs)).of_parts(ALONE)["join"]
        super().__init__(join_parameters(arrivals, outs.channels), dtype, path, program)

    def step(self, inputs: Sequence[Tensor]) -> Tensor:
        """Inputs [B,I,H,W] in the order of the arrivals, resized already -> [B,O,H,W]."""
        like = inputs[0]
        setting = Setting(like=like, layout=arithmetic.layout_of(like), defers=False)
        read = [inputs[number] for number in self.program.reads]
        joined: Tensor = self.compute(*read, ready=self.prepare(setting))
        return joined


@dataclass(frozen=True, kw_only=True)
class StageStep:
    """What a stage computed at one step: what the cell read, the cell's states, the output."""

    input: Tensor
    states: States
    output: Tensor


class StageModule(StepPart):
    """One stage with its parts: `join`, `convolution`, `cell`, `second`, `residual`.

    `reads` names the values that it reads: of the step before, a stage (what it put out) or
    `STAGE.STATE`; or None, the frame of this step.
    """

    def __init__(
        self, programs: Programs, place: int, name: str, table: Table, dtype: torch.dtype
    ) -> None:
        within = programs.of_parts(name)
        program = programs.of_stage(place, name, within)
        parts: dict[str, StepPart] = {}
        for part, of_part in within.items():
            kind = CellPart if part == "cell" else StepPart
            parts[part] = kind(table.under(part), dtype, f"stages.{name}.{part}", of_part)
        super().__init__(table, dtype, f"stages.{name}", program, parts)
        if isinstance(cell := parts.get("cell"), CellPart):
            cell.add_states(dtype)
        self.name = name
        self.reads = tuple(name_of(programs.operations, ref, name) for ref in program.reads)
        self._states = {
            result[1:]: slot for result, slot in program.results.items() if result[0] == "."
        }
        self.names = (name, f"{name}.input", *(f"{name}.{state}" for state in self._states))

    def compute(self, *inputs: Tensor, ready: BoundSteps) -> StageStep:
        """One step: the values of `reads`, [B,C,H,W] each."""
        value, results = self.run(inputs, ready), self.program.results
        return StageStep(
            input=value(results["input"]),
            states={name: value(slot) for name, slot in self._states.items()},
            output=value(results["output"]),
        )

    def named(self, step: StageStep) -> dict[str, Tensor]:
        """The values of a step by the names that are read and traced: `names`."""
        values = (step.output, step.input, *(step.states[state] for state in self._states))
        return dict(zip(self.names, values, strict=True))


def name_of(operations: Operations, ref: int, reader: str) -> str | None:
    """The name of a value that a stage, or the head, reads of the step before: its own state, or
    what a stage puts out. None for the frame.
    """
    if ref >= 0:
        return None
    names = [name for name, number in operations.named.items() if number == ~ref]
    if operations.ops[~ref].stage == operations.ops[operations.named[reader]].stage:
        return next(name for name in names if name not in (reader, f"{reader}.input"))
    return next(name for name in names if "." not in name)


def head_part(programs: Programs, table: Table, dtype: torch.dtype) -> StepPart:
    """The head as a part: the last stage's output [B,C,H,W] -> logits [B,N]."""
    return StepPart(table, dtype, HEAD, programs.of_head())


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the network computed at one step: the values of a stage (its output), `STAGE.input`,
    `STAGE.STATE`, and of `head` (logits [B,N]) where they were asked for.
    """

    step: int
    values: Mapping[str, Tensor]


class LiteralUnroll:
    """The loop over steps for one genome's modules."""

    def __init__(
        self,
        genome: Genome,
        operations: Operations,
        stages: Sequence[StageModule],
        head: StepPart,
    ) -> None:
        self.genome, self.stages, self.head = genome, list(stages), head
        self.maps = {name: operations.ops[n].map for name, n in operations.named.items()}
        masked = genome.start == "masked"
        # The first step at which each node (the head last) runs.
        self.first = [first_informed_step(genome, name) if masked else 0 for name in genome.nodes]

    def run(self, images: Tensor, logits_at: Container[int]) -> Generator[Moment]:
        """Step by step, t = 0 .. T-1. images [B,C,S,S] are normalised already.

        Logits are computed at the steps of `logits_at`; nothing else reads them.
        """
        layout = arithmetic.best_layout(images)
        images = arithmetic.laid_out(images, layout)
        setting = Setting(like=images, layout=layout, defers=False)
        ready = [stage.prepare(setting) for stage in self.stages]
        head = self.head.prepare(setting)
        clock = self.genome.clock
        shows = [clock.shows_image(t) for t in range(clock.steps)]
        blank = frame(images, shows_image=all(shows), blank=clock.blank)
        now = {name: zeros(outs, setting) for name, outs in self.maps.items()}
        last = self.stages[-1].name
        for t, shown in enumerate(shows):
            before, now = now, {}
            for stage, own, first in zip(self.stages, ready, self.first, strict=False):
                if t < first:
                    now |= {name: before[name] for name in stage.names}
                    continue
                given = images if shown else blank
                inputs = [given if name is None else before[name] for name in stage.reads]
                now |= stage.named(stage.compute(*inputs, ready=own))
            if t in logits_at:
                if t < self.first[-1]:
                    now[HEAD] = zeros(self.maps[HEAD], setting)
                else:
                    now[HEAD] = self.head.compute(before[last], ready=head)
            yield Moment(step=t, values=now)
