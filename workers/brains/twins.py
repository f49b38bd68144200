"""A network and its twin without one part, traced on the same images: what are its dynamics for?

The twin keeps all other weights (space/lesions.py says what of a gate, an edge or a state is left;
nothing is trained). Its features stand beside the whole network's in `agreement.compare_dynamics`
and in `ventral score dynamics --against`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from space.errors import GenomeError
from workers.brains.correlation import Floats

if TYPE_CHECKING:
    from torch import Tensor

    from models.build import Network

BATCH = 64


def lesion_network(network: "Network", part: str) -> "Network":
    """The network without the part of that name (`ventral lesion` lists them).

    Raises GenomeError, with the names there are, for a part that it does not have, and where what
    is left is no network or needs weights that the whole one lacks.
    """
    from models.build import build
    from space.documents.validation import suggestion
    from space.inheritance import lesion
    from space.parts import list_parts
    from workers.lesions import take_weights

    parts = {known.name: known for known in list_parts(network.genome)}
    if part not in parts:
        raise GenomeError(part, "is no part of this network", suggestion(part, list(parts)))
    lesioned = lesion(network.genome, parts[part])
    weights = network.state_dict()
    dtype = next(iter(weights.values())).dtype
    twin = build(lesioned.genome, dtype=dtype)
    twin.load_state_dict(take_weights(weights, lesioned.weights))
    return twin.eval()


def trace_stages(
    network: "Network", images: "Tensor", stages: Sequence[str] | None = None
) -> dict[str, Floats]:
    """Features [images, steps, units] of images [images, C, S, S] by stage (all if none is named),
    from each stage's first step that the image has reached. Held in memory.
    """
    import torch

    parts: dict[str, list[Floats]] = {}
    with torch.no_grad():
        for batch in images.split(BATCH):
            for stage, steps in network.trace(batch, stages, informed=True).items():
                rows = [value.flatten(1).double().numpy() for value in steps.values()]
                parts.setdefault(stage, []).append(np.stack(rows, axis=1))
    return {stage: np.concatenate(rows) for stage, rows in parts.items()}
