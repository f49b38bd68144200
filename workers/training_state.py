"""What a training writes beside its tensors so that it can be resumed; free of torch."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from space.documents.bounds import RECORD
from space.documents.validation import Value, parse
from space.errors import CheckpointError, InputError
from workers import checkpoint
from workers.job import Job, Report

if TYPE_CHECKING:  # torch is loaded when weights are read, not before
    from torch import Tensor

NETWORK = "network."
"""The prefix of the network's tensors in a training's checkpoint."""


class TrainingState(Value):
    """The meta data of a training's checkpoint.

    `job` and `start` are hashes of what decides its numbers, `optimiser` the numbers of its
    state that are not tensors, by parameter.
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
            f"{folder}: is not a checkpoint of a training ({error}); {cure}"
        ) from None


def read_weights(saved: str | Path) -> "tuple[dict[str, Tensor], int]":
    """The network's state dict in a training's newest checkpoint, and the epoch that it is of.

    Raises CheckpointError if there is none that is whole.
    """
    tensors, meta = checkpoint.load(saved)
    weights = {
        name.removeprefix(NETWORK): tensor
        for name, tensor in tensors.items()
        if name.startswith(NETWORK)
    }
    return weights, read_state(meta, saved).epoch


def identify_job(job: Job) -> str:
    """A hash of all that decides a job's numbers; the folder and the pack's place do not.

    The genome is in it by its document: weights belong to a spelling of a network.
    """
    parts = [job.genome.document(), job.recipe.deciding(), job.data.checksum, job.seed]
    return hashlib.sha256(repr(_order(parts)).encode()).hexdigest()


def identify_start(job: Job) -> str:
    """A hash that is equal for jobs whose trainings are the same as long as both last."""
    if job.recipe.looks_ahead:
        return identify_job(job)
    recipe = job.recipe.model_copy(update={"epochs": 1})
    return identify_job(job.model_copy(update={"recipe": recipe}))


def _order(node: object) -> object:
    """Lists and mappings as lists, in the order of their keys."""
    if isinstance(node, dict):
        return sorted((key, _order(value)) for key, value in node.items())
    return [_order(item) for item in node] if isinstance(node, (list, tuple)) else node
