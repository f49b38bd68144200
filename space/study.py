"""What of a space is not as it was probably meant: what never acts, and what is cut."""

from collections.abc import Iterator
from contextlib import suppress

from space.controls.derived import WORDS, select_parts
from space.documents.validation import suggestion
from space.errors import GenomeError
from space.genome import Genome
from space.inert import InertStudy
from space.network.sizes import layout
from space.parts import list_parts
from space.space import Sample, Space

LEAST = 5
"""A choice that was made in fewer samples may have had no luck, and is not warned of."""


class Study:
    """What never acted in the samples looked at so far, and the kernels that were cut in them."""

    def __init__(self, space: Space) -> None:
        self._inert, self._seen = InertStudy(space), 0
        self._cut: dict[tuple[str, int], list[set[int]]] = {}  # by stage and map: each sample's
        self._names: dict[str, None] = {}  # of all parts that were seen
        self._lesioned = {  # what controls are to be without, and no sample has had yet
            (name, part): None
            for name, control in space.controls.items()
            for part in control.without
        }

    def look_at(self, sample: Sample) -> None:
        """Look at one more network of the space."""
        self._seen += 1
        self._inert.look_at(sample)
        self._look_at_kernels(sample.genome)
        if self._lesioned:
            self._look_at_parts(sample.genome)

    def _look_at_parts(self, genome: Genome) -> None:
        self._names |= dict.fromkeys(part.name for part in list_parts(genome))
        for name, part in list(self._lesioned):
            with suppress(GenomeError):
                select_parts(genome, part)
                del self._lesioned[name, part]

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
        """What never acted, what was cut, and what controls are to be without in vain."""
        for name, part in self._lesioned:
            cure = "" if part in WORDS else suggestion(part, self._names)
            yield (
                f"the control {name} is to be without {part}, which none of {self._seen} networks "
                f"has{f'; {cure}' if cure else ''}"
            )
        for inert in self._inert.list_inert():
            if inert.kind != "choice" or inert.samples >= LEAST:
                yield inert.warning
        for (stage, size), cut in self._cut.items():
            kernels = ", ".join(map(str, sorted(set().union(*cut))))
            yield (
                f"kernels of {kernels} are cut to the {size}x{size} map of stage {stage} in "
                f"{len(cut)} of {self._seen} networks: `up_to: map` beside a choice of kernels "
                "leaves out what does not fit"
            )
