"""Ventral: architecture search for convolutional recurrent models of the visual system.

The few names that a notebook needs. Each loads what it needs when it is called: `import ventral`
loads neither torch nor pandas, and `load` neither Ray nor MLflow nor a database. Each raises
ImportError where a file or folder of the user's hides one of Ventral's packages.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ventral.packages import check_packages

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from torch import Tensor

    from models.build import Network
    from workers.card import Card
    from workers.evaluation import Evaluation
    from workers.job import ScoredSplit

__all__ = ["card", "evaluate", "load", "network", "normalise", "trials"]


def load(export: str | Path) -> "Network":
    """The trained network of a folder that `ventral export` wrote, in evaluation mode.

    Raises InputError if the folder is not an export or is damaged.
    """
    check_packages()
    from workers.export import load as load_export

    return load_export(export)


def card(export: str | Path) -> "Card":
    """The facts of an export: data, seed, recipe, scores. Raises InputError."""
    check_packages()
    from workers.export import read_card

    return read_card(export)


def normalise(
    pixels: "NDArray[Any] | Tensor", facts: "Card", *, value_range: float | None = None
) -> "Tensor":
    """Images as the network of `facts` takes them: float32 [N,C,H,W].

    `pixels` is an array or a tensor, a batch [N,H,W,C] or one image [H,W,C] (a batch of one
    then), of uint8 from 0 to 255. For any other type `value_range` is the value of white: 1.0 for
    pixels in 0..1, say. Raises InputError for another type, shape, range or size.
    """
    check_packages()
    from space.errors import InputError
    from workers.card import Card
    from workers.data.preprocessing import normalise_pixels

    if not isinstance(facts, Card):
        raise InputError("facts", f"a {type(facts).__name__}", "give what ventral.card() returned")
    return normalise_pixels(pixels, facts, size=facts.image_size, value_range=value_range)


def evaluate(
    export: str | Path, *, split: "ScoredSplit" = "test", home: str | Path | None = None
) -> "Evaluation":
    """Score an export on a split of its data: test, or the validation that its search decided by.

    The data is packed anew if `home` (default: VENTRAL_HOME) does not hold the pack. Raises
    InputError for a damaged export, DataError if the data is missing or is not the one recorded.
    """
    check_packages()
    from search.host.home import Home
    from workers.scoring import evaluate_export

    return evaluate_export(export, Home.at(home).data, split)


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
    check_packages()
    from models.build import build
    from space.errors import InputError
    from space.genome import Genome
    from ventral.genomes import find_genome

    if not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError("seed", f"{seed!r} is not a seed", "give a whole number from 0")
    parsed = Genome.parse(genome) if isinstance(genome, dict) else find_genome(genome)
    return build(
        parsed.with_images(
            size=parsed.image.size if image_size is None else image_size,
            channels=parsed.image.channels,
            classes=parsed.classes if classes is None else classes,
        ),
        seed=seed,
    )


def trials(campaign: str, *, home: str | Path | None = None) -> "pd.DataFrame":
    """One row a trial of a campaign (an id, or the name of the newest one so called)."""
    check_packages()
    from dashboards import frames
    from search.host.home import Home
    from search.store import Store

    store = Store.open(Home.at(home).store_url, create=False)
    return frames.trials(store, campaign)
