"""Updates in parts of their batches: the same training in less memory, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from search.campaign.limits import spare_memory
from space.errors import InputError
from space.genome import Genome
from tests.support import toys
from tests.support.held_memory import Held
from tests.support.networks import network_with
from workers.accumulation import accumulates, check_accumulation, find_batch_norm
from workers.failures import failure, out_of_memory
from workers.job import Job, Recipe, Report
from workers.training import Trainer

MakeJob = Callable[..., Job]


def trained(job: Job, genome: Genome, **recipe: Any) -> Trainer:
    """After two epochs."""
    changes = {"genome": genome, "recipe": job.recipe.overlaid(recipe)}
    trainer = Trainer(job.model_copy(update=changes))
    for _ in range(2):
        trainer.run_epoch()
    return trainer


def closely(one: Report, other: Report) -> bool:
    """Whether two reports agree up to the rounding of float32."""
    pairs = [(getattr(one, key), getattr(other, key)) for key in ("loss", "train_loss")]
    pairs += list(zip(one.accuracy_by_step, other.accuracy_by_step, strict=True))
    return all(a == pytest.approx(b, rel=1e-4, abs=1e-6) for a, b in pairs)


@pytest.mark.parametrize(
    ("parts", "recipe"),
    [
        (4, {"optimiser": "sgd", "learning_rate": 0.05, "clip": {"norm": 1.0}}),
        (5, {"loss_steps": "all", "label_smoothing": 0.1, "augmentation": {"noise": 0.05}}),
    ],
)
def test_in_parts_it_is_the_same_training(
    job: MakeJob, parts: int, recipe: dict[str, Any]
) -> None:
    """Also where the parts are not of one size: 64 images in five parts."""
    whole = trained(job(epochs=2, **recipe), network_with())
    split = trained(job(epochs=2, **recipe), network_with(), accumulate=parts)
    for ours, theirs in zip(whole.reports, split.reports, strict=True):
        assert closely(ours, theirs)
    weights = whole.network.state_dict()
    for name, value in split.network.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=1e-3, atol=1e-4)


def test_it_goes_on_from_the_checkpoint_of_the_whole_training(
    job: MakeJob, tmp_path: Path
) -> None:
    """What was trained before the memory ran out is not lost."""
    made = job(epochs=2).model_copy(update={"genome": network_with()})
    whole = Trainer(made)
    whole.run_epoch()
    whole.save(tmp_path / "c")
    whole.run_epoch()
    parts = made.model_copy(update={"recipe": made.recipe.overlaid({"accumulate": 4})})
    split = Trainer(parts)
    split.load(tmp_path / "c")
    assert split.epoch == 1
    assert closely(split.run_epoch(), whole.reports[-1])


def test_a_batch_norm_is_not_split(job: MakeJob) -> None:
    """It would normalise by the statistics of the parts, and its training would be another one."""
    normed, recipe = network_with("batch"), Recipe(accumulate=4)
    assert find_batch_norm(network_with()) is None
    assert accumulates(network_with(), recipe)
    assert not accumulates(normed, recipe)
    check_accumulation(normed, Recipe())
    with pytest.raises(InputError) as refused:
        trained(job(epochs=2), normed, accumulate=4)
    assert str(refused.value) == (
        "recipe.accumulate: 4 parts of a batch, over each of which stages.conv1.convolution.norm "
        "would normalise; write 1, or recipe.recompute: true"
    )


def test_a_loss_of_its_own_is_not_split() -> None:
    with pytest.raises(InputError, match="may compare the images of a batch") as refused:
        Recipe().overlaid({"loss": {"name": "lab.scoring:Contrast"}, "accumulate": 2})
    assert refused.value.where == "recipe.accumulate"


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_what_ran_out_of_memory_is_trained_in_less(job: MakeJob, norm: str) -> None:
    """Under an allocator with a limit: the first try fails, the second gives the numbers that the
    first one would have given with room enough. A batch norm keeps its statistics, since it is
    recomputed and not split.
    """
    genome = network_with(norm, steps=12)
    made = job(epochs=2, batch_size=128, evaluation_batch_size=16)
    with Held() as held:
        free = trained(made, genome)
    limit = held.peak * 3 // 4
    with pytest.raises(RuntimeError) as refused, Held(limit=limit):
        trained(made, genome)
    assert out_of_memory(refused.value)
    assert failure(refused.value).kind == "out-of-memory"
    changes = spare_memory(toys.campaign(), made.recipe, genome)
    assert changes is not None
    assert ("accumulate" in changes) <= (norm == "group")
    with Held(limit=limit):
        spared = trained(made, genome, **changes)
    for ours, theirs in zip(free.reports, spared.reports, strict=True):
        assert closely(ours, theirs)
    weights = free.network.state_dict()
    assert any("running" in name for name in weights) == (norm == "batch")
    for name, value in spared.network.state_dict().items():
        torch.testing.assert_close(value, weights[name], rtol=1e-3, atol=1e-4)
