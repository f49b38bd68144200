"""What of a space never acts: choices, feedback edges, states, gates and biases that make no
difference in any of its samples.

A space that always leaves a feedback edge unread is a network without it, whatever its author
thought; so it is worth a warning. What acts is what identity knows to act (space/activity.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from space.activity import acting_choices, drop_inert
from space.genome import Genome
from space.network.grammar import Drive, Gate
from space.space import Sample, Space

STUDIED = 60
"""Samples that are studied for choices that never act, each for about 20 ms."""

Kind = Literal["choice", "feedback", "state", "gate", "bias"]


@dataclass(frozen=True, kw_only=True)
class Inert:
    """A part of a space that acted in none of the `samples` that had it.

    `path` is the choice's, or where the part stands in a genome: `feedback.conv3->conv2`,
    `cells.motif.states.hidden`.
    """

    path: str
    kind: Kind
    samples: int

    @property
    def warning(self) -> str:
        """The finding as a sentence."""
        match self.kind:
            case "choice":
                return (
                    f"{self.path} made no difference in any of {self.samples} samples: "
                    "whatever is chosen, it is the same network"
                )
            case "feedback":
                edge = self.path.removeprefix("feedback.")
                return f"feedback {edge} is read by no cell in any sample"
            case "bias":
                return (
                    f"{self.path} acts in no sample: with bias_acts: full it is added "
                    "only beside a full convolution"
                )
            case _:
                return f"{self.path} is read by nothing that acts in any sample"


class InertStudy:
    """Parts of a space that have acted in none of the samples looked at so far."""

    def __init__(self, space: Space) -> None:
        self._space, self._seen = space, 0
        self._open: dict[str, int] = {}  # by choice that never acted: in how many samples it was
        self._acted = set[str]()
        self._parts: dict[tuple[str, Kind], int] = {}  # those that never acted: as above
        self._live = set[tuple[str, Kind]]()

    def look_at(self, sample: Sample) -> None:
        """Count a sample. Choices, which take longest, are studied in the first STUDIED ones."""
        self._look_at_parts(sample.genome)
        if self._seen == STUDIED:
            return
        self._seen += 1
        waiting = self._list_waiting(sample)
        made = sample.digest, sample.recipe
        acting = acting_choices(self._space.opened, sample.choices, waiting, made)
        for path in waiting:
            if path in acting:
                self._acted.add(path)
                self._open.pop(path, None)
            else:
                self._open[path] = self._open.get(path, 0) + 1

    def list_inert(self) -> tuple[Inert, ...]:
        """What has not acted: choices first."""
        choices = [Inert(path=p, kind="choice", samples=n) for p, n in self._open.items()]
        parts = [
            Inert(path=path, kind=kind, samples=times)
            for (path, kind), times in self._parts.items()
        ]
        return (*choices, *parts)

    def _list_waiting(self, sample: Sample) -> list[str]:
        domains = {path: self._space.opened.parameter(path).domain for path in sample.choices}
        return [p for p, domain in domains.items() if p not in self._acted and domain.size != 1]

    def _look_at_parts(self, genome: Genome) -> None:
        written = set(_list_parts(genome)) - self._live
        if not written:
            return
        live = set(_list_parts(drop_inert(genome)))
        for part in written:
            if part in live and part[1] != "bias":
                self._live.add(part)
                self._parts.pop(part, None)
            else:
                self._parts[part] = self._parts.get(part, 0) + 1
        for part in set(_list_biases(genome, acting=True)):
            self._live.add(part)
            self._parts.pop(part, None)


def _list_parts(genome: Genome) -> Iterator[tuple[str, Kind]]:
    """What a genome has written that may or may not act."""
    for edge in genome.edges:
        yield f"feedback.{edge.sender}->{edge.receiver}", "feedback"
    for name, cell in genome.cells.items():
        yield from ((f"cells.{name}.states.{state}", "state") for state in cell.states)
        yield from ((f"cells.{name}.gates.{gate}", "gate") for gate in cell.gates)
    yield from _list_biases(genome, acting=False)


def _list_biases(genome: Genome, *, acting: bool) -> Iterator[tuple[str, Kind]]:
    """The biases that are written, or those of them that are added."""
    for name, cell in genome.cells.items():
        parts: dict[str, Gate | Drive] = {f"gates.{gate}": it for gate, it in cell.gates.items()}
        for state_name, state in cell.states.items():
            at = f"states.{state_name}"
            parts[f"{at}.drive"] = state.drive
            for i, edge in enumerate(state.drive.edges):
                if edge.multiply is not None:
                    parts[f"{at}.drive.edges[{i}].multiply"] = edge.multiply
            if state.carry is not None and state.carry.gate is not None:
                parts[f"{at}.carry.gate"] = state.carry.gate
        for at, part in parts.items():
            if part.acting_bias if acting else part.bias:
                yield f"cells.{name}.{at}.bias", "bias"
