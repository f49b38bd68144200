"""The limits of a campaign: what is over one is not trained, or trained in less memory."""

from pathlib import Path
from typing import Any

import pytest

from search.assign import suggesting
from search.assign.suggesting import close_recipe
from search.campaign import Campaign
from search.campaign.limits import (
    find_excess,
    fit_recipe,
    memory_to_evaluate,
    memory_to_train,
    spare_memory,
)
from search.host.cards import format_gib
from space.errors import CampaignError
from space.genome import Genome
from space.space import Sample
from space.step.parameters import parameters
from space.unroll.cost import Cost, cost
from space.unroll.memory import evaluation_memory, training_memory
from space.unroll.plan import plan
from space.unroll.planned_memory import planned_evaluation_memory, planned_memory
from space.unroll.reads import all_logits
from tests.support import toys
from tests.support.runs import Bench, train
from ventral.cli import main
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.job import Recipe
from workers.training import Trainer

DEEP: dict[str, Any] = {
    "name": "deep",
    "genome": {
        "clock": {"steps": 8},
        "stages": [
            {
                "name": "conv1",
                "convolution": {
                    "width": {"choice": [2, 16, 512], "name": "width"},
                    "kernel": 1,
                    "activation": "tanh",
                },
                "cell": "rnn",
            },
            {"name": "conv2", "convolution": {"width": 2, "kernel": 3}},
        ],
        "cells": {
            "rnn": {
                "output": "out",
                "states": {
                    "out": {
                        "drive": {
                            "edges": [
                                {"add": {"of": "input"}},
                                {"add": {"of": "out", "op": "separable", "kernel": 3}},
                            ]
                        },
                        "activation": "tanh",
                    }
                },
            }
        },
    },
}
"""A recurrent network in three sizes. Its values are most of what it takes."""


def campaign(**changes: Any) -> Campaign:
    recipe = {"epochs": 3, "batch_size": 64, "evaluation_batch_size": 1}
    return toys.campaign(**({"space": DEEP, "recipe": recipe} | changes))


def genome(width: int = 16) -> Genome:
    return toys.space(DEEP).close({"width": width}).genome


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (123, 123),
        ("123", 123),
        ("1 B", 1),
        ("8 GiB", 8 * 2**30),
        ("1.5GB", 1_500_000_000),
        ("512 MiB", 512 * 2**20),
        ("9007199254740993", 9_007_199_254_740_993),
    ],
)
def test_a_size_is_a_number_of_bytes_or_has_a_unit(written: Any, size: int) -> None:
    assert toys.campaign(limits={"memory": written}).limits.memory == size


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (0, "0 is not at least 1"),
        (-1, "-1 is not at least 1"),
        ("0 GiB", "is not at least 1"),
        ("much", '"much" is not a size; write a number of bytes, or a text like "8 GiB"'),
        ("8 gib", "is not a size"),
        (True, "true is not a whole number"),
        ([8], "whole number"),
    ],
)
def test_what_is_not_a_size_is_refused(written: Any, problem: str) -> None:
    with pytest.raises(CampaignError) as refused:
        toys.campaign(limits={"memory": written})
    assert refused.value.where == "limits.memory"
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("override", "names"),
    [
        ("limits.memory=0", "--set limits.memory=0"),
        ("limits.memory=-5", "--set limits.memory=-5"),
        ("limits.memory=much", "--set limits.memory=much"),
        ("limits.over_memory=recompute", "limits.over_memory: there is no limit of memory"),
    ],
)
def test_the_command_line_refuses_it_in_one_line(
    override: str,
    names: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("{name: a, space: motifs-small, data: {name: digits}}")
    arguments = ["submit", str(file), "--dry-run", "--set", override]
    monkeypatch.setattr("sys.argv", ["ventral", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert names in error


def test_the_forecast_is_that_of_the_recipe() -> None:
    """Batch, optimiser, execution, precision and the steps that the loss reads all count."""
    found, ours = genome(), campaign()
    planned = plan(found, training=True)

    def to_train(of: Campaign = ours, **changes: Any) -> int:
        return memory_to_train(of, of.recipe.overlaid(changes), found)

    assert to_train() == planned_memory(planned, 64, copies=2)
    assert to_train(optimiser="sgd") == planned_memory(planned, 64, copies=1)
    assert to_train(optimiser="sgd", momentum=0) == planned_memory(planned, 64, copies=0)
    assert to_train(batch_size=8) == planned_memory(planned, 8, copies=2)
    assert to_train(batch_size=4096) == to_train(), "there are 64 images"
    assert to_train(recompute=True) == planned_memory(planned, 64, copies=2, recompute=True)
    assert to_train(unroll="literal") == training_memory(found, 64, copies=2)
    on_gpu = campaign(resources={"gpus": 1})
    assert to_train(on_gpu) == planned_memory(planned, 64, copies=2, half=True) < to_train()
    assert to_train(on_gpu, precision="float32") == to_train()
    every = plan(found, all_logits(found), training=True)
    assert to_train(loss_steps="all") == planned_memory(every, 64, copies=2)
    literal = training_memory(found, 64, copies=2, steps=range(8))
    assert to_train(loss_steps="all", unroll="literal") == literal


def test_an_evaluation_counts_too() -> None:
    found, ours = genome(), campaign()
    recipe = ours.recipe.overlaid({"evaluation_batch_size": 32, "batch_size": 1})
    taken = planned_evaluation_memory(plan(found, all_logits(found)), 32, copies=2)
    assert memory_to_evaluate(ours, recipe, found) == taken > memory_to_train(ours, recipe, found)
    literal = recipe.overlaid({"unroll": "literal"})
    assert memory_to_evaluate(ours, literal, found) == evaluation_memory(found, 32, copies=2)
    limited = campaign(limits={"memory": taken - 1})
    assert find_excess(limited, recipe, found, cost(found)) == (
        f"{taken:,} bytes to evaluate in exceed limits.memory: {taken - 1:,}; "
        "lower recipe.evaluation_batch_size"
    )
    limited = campaign(limits={"memory": taken})
    assert find_excess(limited, recipe, found, cost(found)) is None


def test_over_the_limit_a_network_is_infeasible_or_recomputes() -> None:
    found, recipe = genome(), campaign().recipe
    again = recipe.overlaid({"recompute": True})
    takes, least = (memory_to_train(campaign(), how, found) for how in (recipe, again))
    assert least < takes

    def reason(memory: int, over: str = "infeasible", how: Any = recipe) -> str | None:
        limited = campaign(limits={"memory": memory, "over_memory": over})
        return find_excess(limited, how, found, cost(found))

    over = f"{takes:,} bytes to train in exceed limits.memory: "
    cure = "; lower recipe.batch_size"
    assert reason(takes) is None
    assert reason(takes - 1) == (
        f"{over}{takes - 1:,}{cure}, or write limits.over_memory: recompute"
    )
    assert reason(least - 1) == f"{over}{least - 1:,}{cure}"
    assert reason(least - 1, "recompute") == f"{over}{least - 1:,}{cure}"
    assert reason(least, "recompute") is None
    assert reason(least, how=again) is None
    literal = recipe.overlaid({"unroll": "literal"})
    assert str(reason(least, "recompute", literal)).endswith(cure), "it cannot recompute"

    def trained(memory: int | None, over: str = "recompute", how: Any = recipe) -> Any:
        limited = campaign(limits={"memory": memory, "over_memory": over})
        return fit_recipe(limited, how, found)

    assert trained(takes) is recipe
    assert trained(None) is recipe
    assert trained(least, "infeasible") is recipe
    assert trained(least) == again
    assert trained(least, how=literal) is literal
    assert trained(least).deciding() == recipe.deciding(), "it is the same training"


def test_parts_of_a_batch_take_less() -> None:
    """But for the whole batch's images, and the gradient that is summed up."""
    found, ours = genome(), campaign()
    whole, recipe = plan(found, training=True), ours.recipe
    table = parameters(found).numbers

    def to_train(**changes: Any) -> int:
        return memory_to_train(ours, recipe.overlaid(changes), found)

    besides = 4 * (48 * found.image.size**2 * found.image.channels + table)
    assert to_train(accumulate=4) == planned_memory(whole, 16, copies=2) + besides < to_train()
    besides = 4 * (42 * found.image.size**2 * found.image.channels + table)
    assert to_train(accumulate=3) == planned_memory(whole, 22, copies=2) + besides
    evaluated = recipe.overlaid({"evaluation_batch_size": 30})
    fewer, parts = (
        evaluated.overlaid(c) for c in ({"evaluation_batch_size": 8}, {"accumulate": 4})
    )
    assert memory_to_evaluate(ours, parts, found) == memory_to_evaluate(ours, fewer, found)


def test_what_ran_out_of_memory_is_to_fit_into_half() -> None:
    """Recomputed if that does, then in as few parts as do, then both; or in what takes least."""
    found, ours = genome(), campaign()
    plain = ours.recipe.overlaid({"evaluation_batch_size": 1})

    def spared(**changes: Any) -> dict[str, Any] | None:
        return spare_memory(ours, plain.overlaid(changes), found)

    def taken(**changes: Any) -> int:
        return memory_to_train(ours, plain.overlaid(changes), found)

    assert taken(recompute=True) > taken() / 2
    parts = next(2**n for n in range(1, 7) if taken(accumulate=2**n) <= taken() / 2)
    assert spared() == {"accumulate": parts}
    literal = spared(unroll="literal")
    assert literal is not None
    assert list(literal) == ["accumulate"], "it cannot recompute"
    assert spared(recompute=True, batch_size=1) is None, "an image cannot be divided"
    assert spared(accumulate=64) == {"recompute": True} or spared(accumulate=64) is None
    evaluated = spared(batch_size=1, evaluation_batch_size=256)
    assert evaluated is not None
    assert evaluated["accumulate"] > 1, "an evaluation is divided, too"
    long = Genome.parse(found.document() | {"clock": {"steps": 24}})
    assert spare_memory(ours, plain, long) == {"recompute": True}


def test_a_batch_norm_is_recomputed_and_never_divided() -> None:
    document = genome().document() | {"clock": {"steps": 24}}
    document["stages"][0]["convolution"]["norm"] = "batch"
    normed, ours = Genome.parse(document), campaign()
    assert spare_memory(ours, ours.recipe, normed) == {"recompute": True}
    again = ours.recipe.overlaid({"recompute": True})
    assert spare_memory(ours, again, normed) is None
    sample = Sample(choices={}, genome=normed, recipe={"accumulate": 2})
    _, reason = close_recipe(ours, sample, cost(normed))
    assert reason is not None
    assert reason.startswith("recipe.accumulate: 2 parts of a batch")


def test_a_network_has_to_fit_into_the_part_of_a_card() -> None:
    found, recipe = genome(), campaign().recipe
    takes = memory_to_train(campaign(resources={"gpus": 1}), recipe, found)

    def reason(memory: int, part: float = 0.5, **changes: Any) -> str | None:
        card = {"name": "H100", "memory": memory, "part": part}
        resources = {"gpus": part, "card": card}
        return find_excess(campaign(resources=resources, **changes), recipe, found, cost(found))

    whole = -(-takes * 20 // 9)  # a half of nine tenths of it is enough
    assert reason(whole) is None
    refused = reason(whole - 20)
    assert refused is not None
    size = int((whole - 20) * 0.5 * 0.9)
    assert refused == (
        f"{takes:,} bytes to train in exceed {size:,}, 0.5 of a card H100 "
        f"({format_gib(whole - 20)}), 10% of it left to CUDA; lower recipe.batch_size, "
        "or write limits.over_memory: recompute, or raise resources.gpus, or name a larger card "
        "in resources.accelerator"
    )
    assert reason(whole - 20, limits={"over_memory": "recompute"}) is None
    assert "resources.gpus" not in (reason(takes, part=1) or "resources.gpus")
    lower = reason(whole, limits={"memory": takes - 1})
    assert lower is not None
    assert "exceed limits.memory" in lower, "the lower one of both counts"


def test_a_campaign_trains_what_fits_and_recomputes_what_fits_so(tmp_path: Path) -> None:
    """Of three sizes the small one trains as it is, the middle one recomputes, and the large one
    is infeasible.
    """
    plain = campaign()
    small, middle = (memory_to_train(plain, plain.recipe, genome(width)) for width in (2, 16))
    again = plain.recipe.overlaid({"recompute": True})
    limit = middle - 1
    assert small < limit
    assert memory_to_train(plain, again, genome(16)) < limit
    assert memory_to_train(plain, again, genome(512)) > limit
    bench = Bench(
        tmp_path,
        space=DEEP,
        recipe={"epochs": 3, "batch_size": 64, "evaluation_batch_size": 1},
        limits={"memory": limit, "over_memory": "recompute"},
        budget={"trials": 3},
    )
    digits = pack(DigitsOccluded(size=8, train_images=64, test_images=8), tmp_path / "packs")
    run, recomputes = bench.begin(), {}
    while (assignment := run.queue.next()) is not None:
        job = assignment.job.model_copy(update={"data": digits.ref})
        trainer = Trainer(job, "cpu")
        assert trainer.run_epoch().epoch == 1
        width = job.genome.stages[0].convolution.width
        recomputes[width] = trainer.network.recompute
        train(run, assignment)
    assert recomputes == {2: False, 16: True}
    trials = bench.store.results.find(bench.id)
    (large,) = (trial for trial in trials if trial.status == "infeasible")
    assert large.choices == {"width": 512}
    assert large.reason is not None
    assert large.reason.endswith(f"exceed limits.memory: {limit:,}; lower recipe.batch_size")
    assert bench.kinds().count("infeasible") == 1
    # Recomputing is a way to train, not another training: the record does not have it.
    assert all(trial.recipe == {} for trial in trials)


def test_a_memory_that_nothing_fits_ends_the_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggesting, "INFEASIBLE_IN_A_ROW", 2)
    bench = Bench(tmp_path, space=DEEP, limits={"memory": 1000})
    run = bench.begin()
    assert run.queue.next() is None
    assert isinstance(run.queue.error, CampaignError)
    assert run.queue.error.where == "limits.memory"
    assert "2 samples in a row may not be trained" in run.queue.error.problem


def test_a_point_that_is_known_is_not_forecast_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samplers close many points, of which most are known in a small space."""
    checked: list[str] = []

    def noting(of: Campaign, recipe: Recipe, found: Genome, costs: Cost) -> str | None:
        checked.append(found.digest)
        return find_excess(of, recipe, found, costs)

    monkeypatch.setattr(suggesting, "find_excess", noting)
    run = Bench(tmp_path, space=DEEP, limits={"memory": "1 GiB"}).begin()
    while (assignment := run.queue.next()) is not None:
        train(run, assignment)
    assert run.queue.exhausted
    assert sorted(checked) == sorted(genome(width).digest for width in (2, 16, 512))
