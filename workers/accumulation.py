"""Which trainings may be computed in parts of their batches: those that stay the same by it.

Every norm but one, every loss of an image and every operation works on an image by itself, so the
gradient of a batch's mean loss is the sum of its parts' by their shares, up to rounding. A batch
norm in training takes its statistics over the images that it sees together: in parts it would be
another network.
"""

from space.errors import InputError
from space.genome import Genome
from space.step.parameters import Buffer, parameters
from workers.job import Recipe


def find_batch_norm(genome: Genome) -> str | None:
    """The path of a batch norm's running statistic, or None where there is no batch norm."""
    statistics = (one.path for one in parameters(genome).entries if isinstance(one, Buffer))
    return next(statistics, None)


def accumulates(genome: Genome, recipe: Recipe) -> bool:
    """Whether a training in parts of its batches is the same one."""
    return recipe.loss is None and find_batch_norm(genome) is None


def check_accumulation(genome: Genome, recipe: Recipe) -> None:
    """Raise InputError for a recipe with `accumulate` by which the network would be another."""
    if recipe.accumulate == 1:
        return
    if (path := find_batch_norm(genome)) is not None:
        norm = path.rpartition(".")[0]
        problem = (
            f"{recipe.accumulate} parts of a batch, over each of which {norm} would normalise"
        )
        raise InputError("recipe.accumulate", problem, "write 1, or recipe.recompute: true")
