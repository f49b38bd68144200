"""The splits of Brain-Score: which stimuli a map is fitted to, and which repetitions are a half.

Source: brainscore_core, `metrics/helpers/transformations.py` (`CrossValidation`) and
`brainscore_vision/metrics/internal_consistency`; the draws are scikit-learn's, seed 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import DataError

Indices = NDArray[np.int64]

SPLITS, TRAIN, SEED = 10, 0.9, 1


@dataclass(frozen=True)
class Split:
    """Indices of stimuli: those to fit to [n], and those to score on [m]."""

    train: Indices
    test: Indices


def split_stimuli(
    count: int,
    objects: NDArray[Any] | Sequence[str] | None = None,
    *,
    splits: int = SPLITS,
    train: float = TRAIN,
) -> list[Split]:
    """Random splits of `count` stimuli in the order of their ids.

    With `objects` [count] every split has each object in its share, as Brain-Score does by
    `object_name`. Raises DataError for stimuli that cannot be divided so.
    """
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = ShuffleSplit if objects is None else StratifiedShuffleSplit
    drawn = kind(n_splits=splits, train_size=train, random_state=SEED)
    try:
        pairs = list(drawn.split(np.zeros(count), objects))
    except ValueError as problem:
        cure = "give more stimuli, or split without regard to objects"
        raise DataError(f"{count} stimuli", f"cannot be split ({problem})", cure) from None
    return [Split(train=train, test=test) for train, test in pairs]


def halve_repetitions(count: int, *, splits: int = SPLITS) -> list[tuple[Indices, Indices]]:
    """Random halves of `count` repetitions, as pairs of indices. Raises DataError for one."""
    from sklearn.model_selection import ShuffleSplit

    if count < 2:
        cure = "consistency needs two repetitions or more of each stimulus"
        raise DataError("repetition", f"there is {count} only", cure)
    drawn = ShuffleSplit(n_splits=splits, train_size=0.5, random_state=SEED)
    return list(drawn.split(np.zeros(count)))
