"""Ventral: architecture search for convolutional recurrent models of the visual system.

The few names that a notebook needs. Each loads what it needs when it is called: `import ventral`
loads neither torch nor pandas, and `load` neither Ray nor MLflow nor a database.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A folder of the user's may be called `models` or `space` as ours are, and stand in PYTHONPATH.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import dashboards  # noqa: F401
import models  # noqa: F401
import search  # noqa: F401
import space  # noqa: F401
import workers  # noqa: F401

del sys.path[0]

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from torch import Tensor

    from models.build import Network
    from workers.evaluation import Evaluation
    from workers.export import Card

__all__ = ["card", "evaluate", "load", "network", "normalise", "trials"]


def load(export: str | Path) -> "Network":
    """The trained network of a folder that `ventral export` wrote, in evaluation mode.

    Raises InputError if the folder is no export or is damaged.
    """
    from workers.export import load as load_export

    return load_export(export)


def card(export: str | Path) -> "Card":
    """The facts of an export: data, seed, recipe, scores. Raises InputError."""
    from workers.export import read_card

    return read_card(export)


def normalise(pixels: "NDArray[np.uint8]", facts: "Card") -> "Tensor":
    """uint8 images [N,H,W,C] as the network of `facts` takes them, float32 [N,C,H,W]."""
    import torch

    from workers.augmentation import unit

    mean, std = (torch.tensor(values)[:, None, None] for values in (facts.mean, facts.std))
    return (unit(torch.from_numpy(pixels)) - mean) / std


def evaluate(export: str | Path, *, home: str | Path | None = None) -> "Evaluation":
    """Score an export again on the test split that its campaign scored it on.

    The data is packed again if `home` (default: VENTRAL_HOME) does not hold it. Raises InputError
    for a damaged export, DataError if the data is missing or is not the one recorded.
    """
    from search.home import Home
    from workers.scoring import evaluate_export

    return evaluate_export(export, Home.at(home).data)


def network(
    genome: "str | Path | dict[str, Any]",
    *,
    image_size: int | None = None,
    classes: int | None = None,
    seed: int = 0,
) -> "Network":
    """An untrained network: of a zoo model's name, a genome's file or document, or an export.

    `image_size` and `classes` replace the genome's own; the names are those of `ventral zoo list`.
    Raises InputError for an unknown name, GenomeError for a genome that describes no network.
    """
    from models.build import build
    from space.genome import Genome
    from ventral.genomes import find_genome

    found = Genome.parse(genome) if isinstance(genome, dict) else find_genome(genome)
    return build(
        found.with_images(
            size=image_size or found.image.size,
            channels=found.image.channels,
            classes=classes or found.classes,
        ),
        seed=seed,
    )


def trials(campaign: str, *, home: str | Path | None = None) -> "pd.DataFrame":
    """One row a trial of a campaign (an id, or the name of the newest one so called)."""
    from dashboards import frames
    from search.home import Home
    from search.store import Store

    store = Store.open(Home.at(home).store_url, create=False)
    return frames.trials(store, campaign)
