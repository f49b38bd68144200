"""What of a space is not as it was probably meant: what never acts, and what is cut."""

from collections.abc import Iterator

from space.genome import Genome
from space.inert import InertStudy
from space.network.sizes import layout
from space.space import Sample, Space

LEAST = 5
"""A choice that was made in fewer samples may have had no luck, and is not warned of."""


class Study:
    """What never acted in the samples looked at so far, and the kernels that were cut in them."""

    def __init__(self, space: Space) -> None:
        self._inert, self._seen = InertStudy(space), 0
        self._cut: dict[tuple[str, int], list[set[int]]] = {}  # by stage and map: each sample's

    def look_at(self, sample: Sample) -> None:
        """Look at one more network of the space."""
        self._seen += 1
        self._inert.look_at(sample)
        self._look_at_kernels(sample.genome)

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
