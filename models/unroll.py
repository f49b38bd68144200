"""The biological unroll, executed literally: every stage at every step.

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
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models import layers
from models.cells import States
from models.readout import HeadModule, blank_logits
from models.stages import StageModule, StageStep
from space.genome import Genome
from space.network.sizes import first_informed_step


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the network computed at one step; `logits` [B,N] where they were asked for."""

    step: int
    stages: Sequence[StageStep]
    logits: Tensor | None


class LiteralUnroll:
    """The loop over steps for one genome's modules."""

    def __init__(self, genome: Genome, stages: Sequence[StageModule], head: HeadModule) -> None:
        self.genome, self.stages, self.head = genome, list(stages), head
        self.clock = genome.clock
        self.senders = [
            tuple(genome.stage_index(name) for name in genome.senders(stage.name))
            for stage in genome.stages
        ]
        names = genome.nodes
        masked = genome.start == "masked"
        # The first step at which each node (the head last) runs.
        self.first = [first_informed_step(genome, name) if masked else 0 for name in names]

    def run(self, images: Tensor, wants_logits: Callable[[int], bool]) -> Iterator[Moment]:
        """Step by step, t = 0 .. T-1. images [B,C,S,S] are normalised already.

        Logits are computed at the steps where `wants_logits` says so; nothing else reads them.
        """
        layout = layers.best_layout(images)
        images = layers.laid_out(images, layout)
        prepared = [stage.prepare(layout) for stage in self.stages]
        head = self.head.prepare(layout)
        shows = [self.clock.shows_image(t) for t in range(self.clock.steps)]
        blank = images if all(shows) else torch.full_like(images, self.clock.blank)
        now = [self._nothing(stage, images, layout) for stage in self.stages]
        for t, shown in enumerate(shows):
            before, now = now, []
            for i, stage in enumerate(self.stages):
                if t < self.first[i]:
                    now.append(before[i])
                    continue
                read = before[i - 1].output if i else (images if shown else blank)
                feedback = self._feedback(i, before)
                now.append(stage(read, feedback, before[i].states, prepared[i]))
            logits = None
            if wants_logits(t):
                logits = self._logits(t, before[-1].output, head)
            yield Moment(step=t, stages=now, logits=logits)

    def _feedback(self, place: int, before: Sequence[StageStep]) -> Tensor | None:
        """The joined feedback of a stage on its input's map, or None without an edge."""
        senders = self.senders[place]
        if not senders:
            return None
        size = self.stages[place].shape.input.size
        resized = [layers.resize(before[i].output, size, self.genome.resize) for i in senders]
        return resized[0] if len(resized) == 1 else torch.cat(resized, 1)

    def _logits(self, t: int, x: Tensor, head: tuple[Tensor | None, ...]) -> Tensor:
        if t < self.first[-1]:
            return blank_logits(x, self.genome.classes)
        logits: Tensor = self.head(x, head)
        return logits

    def _nothing(
        self, stage: StageModule, images: Tensor, layout: torch.memory_format
    ) -> StageStep:
        """A stage before the first step: zeros everywhere."""
        shape = stage.shape
        states: States = {} if stage.cell is None else stage.cell.zero_states(images, layout)
        return StageStep(
            input=layers.zeros(images, shape.convolution.channels, shape.convolution.size, layout),
            states=states,
            output=layers.zeros(images, shape.output.channels, shape.output.size, layout),
        )
