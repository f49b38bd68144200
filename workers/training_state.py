"""What a training wrote beside its tensors, so that it can go on: typed, and free of torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from space.documents.bounds import RECORD
from space.documents.validation import Value, parse
from space.errors import CheckpointError, InputError
from workers.job import Report


class TrainingState(Value):
    """The meta data of a training's checkpoint.

    `job` and `start` are hashes of what decides its numbers, `optimiser` the numbers of its
    state that are no tensors, by parameter.
    """

    job: str
    start: str = ""
    epoch: int = Field(ge=0)
    seconds: float = Field(ge=0)
    reports: tuple[Report, ...]
    optimiser: dict[str, int | float]
    scaler: dict[str, int | float]


def read_state(meta: Mapping[str, Any], folder: str | Path) -> TrainingState:
    """The state in a checkpoint of `folder`. Raises CheckpointError, which names the field."""
    try:
        return parse(TrainingState, meta, nodes=RECORD)
    except InputError as error:
        cure = "delete it: the training starts from the beginning"
        raise CheckpointError(
            f"{folder}: is no checkpoint of a training ({error}); {cure}"
        ) from None
