"""A network and its twins without one part, traced on the same images: what are its dynamics for?

A twin keeps all other weights (space/lesions.py says what of a gate, an edge or a state is left;
nothing is trained). How far its dynamics are from the whole network's says how much of these the
part makes. Traces are held in memory: a stage of many units is seen through random projections,
the same ones in both, which change no linear dynamics of lower rank.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from space.documents.outside import printable
from space.errors import DataError, GenomeError, InputError
from space.parts import Part, list_parts
from workers.brains.agreement import DRAWS, Agreement, compare_dynamics
from workers.brains.correlation import Floats
from workers.brains.stimuli import StimulusSet, check_name

if TYPE_CHECKING:  # torch is loaded where a network is run
    from torch import Tensor

    from models.build import Network
    from workers.card import Card

BATCH = 64
PROJECTED = 256
"""As many projections of a stage's units are kept, if it has more."""

MULTIPLIED = (" times", " keep")
"""How the names of edges end that multiply: gates in their place that read one source."""


@dataclass(frozen=True, kw_only=True)
class TwinDistance:
    """How far the dynamics of a stage are from those in the twin without a part."""

    part: str
    kind: str
    stage: str
    agreement: Agreement

    def document(self) -> dict[str, Any]:
        """The row as one prints it."""
        head = {"part": self.part, "kind": self.kind, "stage": self.stage}
        return {**head, **asdict(self.agreement)}


def list_gates(network: "Network") -> list[str]:
    """The parts of a network that multiply: gates, and edges that are gates of one source."""
    return [
        part.name
        for part in list_parts(network.genome)
        if part.kind == "gate" or part.name.endswith(MULTIPLIED)
    ]


def lesion_network(network: "Network", part: str) -> "Network":
    """The network without the part of that name (`ventral lesion` lists them).

    Raises GenomeError, with the names there are, for a part that it does not have, and where what
    is left is no network or needs weights that the whole one lacks.
    """
    from models.build import build
    from space.inheritance import lesion
    from workers.lesions import take_weights

    lesioned = lesion(network.genome, find_part(network, part))
    weights = network.state_dict()
    twin = build(lesioned.genome, dtype=next(iter(weights.values())).dtype)
    twin.load_state_dict(take_weights(weights, lesioned.weights))
    return twin.eval()


def find_part(network: "Network", name: str) -> Part:
    """The part of that name. Raises GenomeError, with the names there are."""
    from space.documents.validation import suggestion

    parts = {part.name: part for part in list_parts(network.genome)}
    if name not in parts:
        cure = suggestion(name, list(parts)) or "it has no cells and no feedback"
        raise GenomeError(printable(name), "is no part of this network", cure)
    return parts[name]


def trace_stages(
    network: "Network",
    images: "Tensor",
    stages: Sequence[str] | None = None,
    *,
    most: int | None = None,
) -> dict[str, Floats]:
    """Features [images, steps, units] of images [images, C, S, S] by stage (all if none is named),
    from each stage's first step that the image has reached.

    most: a stage with more units is seen through so many random projections of them.
    """
    import torch

    parts: dict[str, list[Floats]] = {}
    bases: dict[str, Tensor] = {}
    with torch.no_grad():
        for batch in images.split(BATCH):
            for stage, steps in network.trace(batch, stages, informed=True).items():
                rows = torch.stack([value.flatten(1) for value in steps.values()], dim=1)
                units = rows.shape[2]
                if most is not None and units > most:
                    if stage not in bases:
                        generator = torch.Generator().manual_seed(units)
                        drawn = torch.randn(units, most, generator=generator, dtype=rows.dtype)
                        bases[stage] = drawn / most**0.5
                    rows = rows @ bases[stage]
                parts.setdefault(stage, []).append(rows.double().numpy())
    return {stage: np.concatenate(rows) for stage, rows in parts.items()}


def compare_twins(
    network: "Network",
    images: "Tensor",
    parts: Sequence[str] = (),
    stages: Sequence[str] = (),
    *,
    delays: int = 1,
    rank: int | None = None,
    draws: int = DRAWS,
    refuse: Callable[[str, str], None] = lambda _part, _why: None,
) -> Iterator[TwinDistance]:
    """The network beside its twin without each of the parts (its gates, if none is named).

    stages: where; those with a cell, if none is named. A part without which there is no network,
    or one that other weights would be needed for, is left out, and `refuse` gets its name and the
    reason; the same for a stage without dynamics. Raises InputError for a network without gates,
    a stage that does not exist, and GenomeError for a part that does not.
    """
    chosen = [find_part(network, name) for name in parts or list_gates(network)]
    where = list(stages) or [stage.name for stage in network.genome.stages if stage.cell]
    if not chosen:
        raise InputError("parts", "are none: the network has no gates", "name other parts")
    whole = trace_stages(network, images, where, most=PROJECTED)
    for part in chosen:
        try:
            traced = trace_stages(
                lesion_network(network, part.name), images, where, most=PROJECTED
            )
        except GenomeError as error:
            refuse(part.name, str(error))
            continue
        for stage in where:
            # A twin may be reached later, where a long-range edge is gone: the steps of both.
            steps = min(whole[stage].shape[1], traced[stage].shape[1])
            try:
                agreement = compare_dynamics(
                    whole[stage][:, -steps:],
                    traced[stage][:, -steps:],
                    delays=delays,
                    rank=rank,
                    draws=draws,
                )
            except DataError as error:
                refuse(f"{part.name} at {stage}", str(error))
                continue
            yield TwinDistance(part=part.name, kind=part.kind, stage=stage, agreement=agreement)


def read_pictures(stimuli: StimulusSet, card: "Card", size: int) -> "Tensor":
    """A stimulus set's images as the network of a card takes them, in the table's order: float32
    [images, C, size, size].

    The shortest side becomes `size`, and the centre is taken; grey is the mean of the colours.
    Raises DataError for images in an archive, and for those that cannot be used.
    """
    from workers.data.images import Framing, read_images
    from workers.data.preprocessing import normalise_pixels

    folder: Path | None = stimuli.images
    if folder is None or not folder.is_dir():
        name = "images" if folder is None else printable(str(folder))
        raise DataError(name, "is no folder of images", "unpack them into a folder")
    paths: list[Path] = []
    for row in stimuli.rows.values():
        check_name(row["filename"])
        path = folder / row["filename"]
        if not path.resolve().is_relative_to(folder.resolve()):
            problem = "leads out of the folder of images"
            raise DataError(printable(str(path)), problem, "copy the image into the folder")
        paths.append(path)
    pixels = read_images(paths, Framing(size=size, shortest=size))
    if len(card.mean) == 1:
        pixels = np.rint(pixels.mean(axis=3, keepdims=True)).astype(np.uint8)
    return normalise_pixels(pixels, card, size=size)
