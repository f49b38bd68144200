"""Networks that stand where the animal stood: exports with their weights, and genomes without."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from space.documents.outside import is_folder, printable
from space.errors import InputError
from space.genomes import find_genome
from workers.brains.presentation import Presentation
from workers.data.statistics import Statistics
from workers.export import load, read_card
from workers.published_export import bring_export

if TYPE_CHECKING:  # torch is loaded where a network is built
    from models.build import Network


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network by the `name` that a person gave it.

    statistics: of the images that it was trained on, None if it is not `trained`.
    """

    name: str
    network: "Network"
    statistics: Statistics | None

    @property
    def trained(self) -> bool:
        """Whether its weights come from a training, and not from a seed."""
        return self.statistics is not None

    def show(
        self,
        milliseconds: float,
        *,
        steps: int | None = None,
        until: int = 0,
        degrees: float = 8.0,
        field_degrees: float = 8.0,
    ) -> Presentation:
        """The presentation of an image that is on for `steps`, by default for as long as the
        network's own clock has it on; it goes on to the end of that clock, or to step `until`.
        """
        clock = self.network.genome.clock
        own = clock.steps - clock.image_on
        total = max(own, until)
        if steps is None:
            steps = total if clock.image_off is None else clock.image_off - clock.image_on
        return Presentation(
            milliseconds=milliseconds,
            steps=steps,
            blank_steps=max(0, total - steps),
            degrees=degrees,
            field_degrees=field_degrees,
        )


def load_subject(called: str, *, seed: int = 0, size: int | None = None) -> Subject:
    """An export (a folder, or the URL of one); or a genome's file or a model of the zoo, whose
    weights are random, from `seed`, for images of `size` pixels.

    Raises InputError for what is none, GenomeError for a genome that does not fit the size, and
    what `bring_export` raises.
    """
    if "://" in called or is_folder(Path(called)):
        if size is not None:
            problem = f"{printable(called)} is an export, which has a size of its own"
            raise InputError("size", problem, "leave it out, or score models of the zoo apart")
        folder = bring_export(called)
        card = read_card(folder)
        return Subject(name=called, network=load(folder), statistics=card)
    from models.build import build

    genome = find_genome(called, where="models")
    if size is not None:
        channels, classes = genome.image.channels, genome.classes
        genome = genome.with_images(size=size, channels=channels, classes=classes)
    return Subject(name=called, network=build(genome, seed=seed).eval(), statistics=None)
