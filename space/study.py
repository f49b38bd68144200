"""What of a space never acts in its networks, and what is cut in them."""

from collections.abc import Iterator, Sequence

from space.activity import acting_choices, drop_inert
from space.choices.open_document import Choices
from space.genome import Genome
from space.network.sizes import layout
from space.space import Sample, Space

STUDIED = 60
"""Samples that are studied for choices that never act."""


class Study:
    """Choices and feedback edges that have acted in no sample yet, and kernels that were cut."""

    def __init__(self, space: Space) -> None:
        self._space, self._seen, self._studied = space, 0, 0
        self._open: dict[str, int] = {}  # by choice that never acted: in how many samples it was
        self._acted: set[str] = set()
        self._written: dict[str, bool] = {}  # by edge: whether it was ever read
        self._cut: dict[tuple[str, int], list[set[int]]] = {}  # by stage and map: each sample's

    def look_at(self, sample: Sample) -> None:
        """Look at one more network of the space."""
        self._seen += 1
        self._look_at_edges(sample.genome)
        self._look_at_kernels(sample.genome)
        if self._studied == STUDIED:
            return
        self._studied += 1
        waiting = self._waiting(sample.choices)
        acting = acting_choices(self._space.opened, sample.choices, waiting)
        for path in waiting:
            if path in acting:
                self._acted.add(path)
                self._open.pop(path, None)
            else:
                self._open[path] = self._open.get(path, 0) + 1

    def _waiting(self, choices: Choices) -> list[str]:
        domains = {path: self._space.opened.parameter(path).domain for path in choices}
        return [path for path in choices if path not in self._acted and domains[path].size != 1]

    def _look_at_edges(self, genome: Genome) -> None:
        unread = {
            (e.sender, e.receiver) for e in genome.edges if not self._read(e.sender, e.receiver)
        }
        if unread:
            read = {(e.sender, e.receiver) for e in drop_inert(genome).edges}
            for sender, receiver in unread:
                self._written[f"{sender}->{receiver}"] = (sender, receiver) in read

    def _read(self, sender: str, receiver: str) -> bool:
        return self._written.get(f"{sender}->{receiver}", False)

    def _look_at_kernels(self, genome: Genome) -> None:
        for shape in layout(genome).stages:
            if shape.cell is None:
                continue
            terms = [t for part in shape.cell.drives.values() for t in part]
            terms += [t for part in shape.cell.gates.values() for t in part]
            cut = {t.term.kernel for t in terms if t.term.kernel and t.kernel < t.term.kernel}
            if cut:
                place = shape.stage.name, shape.convolution.size
                self._cut.setdefault(place, []).append(cut)

    def warnings(self) -> Iterator[str]:
        """What never acted, and what was cut."""
        for path, samples in self._open.items():
            yield (
                f"{path} made no difference in any of {samples} samples: "
                "whatever is chosen, it is the same network"
            )
        for edge, read in self._written.items():
            if not read:
                yield f"feedback {edge} is read by no cell in any sample"
        for (stage, size), cut in self._cut.items():
            yield (
                f"kernels of {_write_list(sorted(set().union(*cut)))} are cut to the "
                f"{size}x{size} map of stage {stage} in {len(cut)} of {self._seen} networks: "
                "`up_to: map` beside a choice of kernels leaves out what does not fit"
            )


def _write_list(numbers: Sequence[int]) -> str:
    return " and ".join(filter(None, [", ".join(map(str, numbers[:-1])), *map(str, numbers[-1:])]))
