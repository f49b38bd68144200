"""Campaigns whose fields are right each and cannot run together, or not on this machine."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from search.campaign import load
from space.errors import CampaignError
from tests.support import toys
from tests.support.campaign_files import LAPTOP, SERVER, refuse, write


@pytest.mark.parametrize(
    ("override", "where", "problem", "cure"),
    [
        (
            "resources.gpus=1",
            "resources.gpus",
            "asks for 1 GPU a trial; this machine has none",
            "set resources.gpus: 0",
        ),
        ("resources.cpus=8", "resources.cpus", "asks for 8 cores", "at most 4"),
        ("scheduler.grace_epochs=30", "scheduler.grace_epochs", "the 20 epochs", "up to 20"),
        ("objectives=[macs]", "objectives", "guided knows of top-1 alone", "nsga2"),
        (
            "recipe.fidelity=[{until: 2, size: 99}]",
            "recipe.fidelity[0].size",
            "99 is more than the data's 8 pixels",
            "write 8 or less",
        ),
        (
            "recipe.fidelity=[{until: 2, size: 8}, {until: 3, steps: 3}]",
            "recipe.fidelity[1]",
            "default network does not fit: clock.steps 3 steps end before the image reaches",
            "need at least 4",
        ),
        (
            "recipe.fidelity=[{until: 20}]",
            "recipe.fidelity=",
            "20 leaves no epoch of 20 for the whole",
            "write up to 19",
        ),
        ("controls=[feedforwad]", "controls[0]", 'no control "feedforwad"', "feedforward"),
        (
            "control_seeds=101",
            "control_seeds",
            "101 seeds of the controls are 101 trials, and budget.trials is 100",
            "raise budget.trials",
        ),
        (
            "sampler.options={candidates: 1000000}",
            "sampler.options.candidates",
            "1000000 is not at most 10000",
            "in range",
        ),
        ("sampler.options={startupp: 1}", "sampler.options", "startupp", "startup"),
    ],
)
def test_what_cannot_run_is_refused(
    file: Path, override: str, where: str, problem: str, cure: str
) -> None:
    error = refuse(file, override)
    assert isinstance(error, CampaignError)
    assert where in error.where
    assert problem in error.problem
    assert cure in error.cure


@pytest.mark.parametrize(
    ("limits", "recipe", "problem", "cure"),
    [
        ({}, {}, "there is no limit of memory", "write limits.memory"),
        (
            {"memory": "1 GiB"},
            {"unroll": "literal"},
            "the recipe's unroll is literal, which cannot recompute",
            "write recipe.unroll: planned",
        ),
        (
            {"memory": "1 GiB"},
            {"recompute": True},
            "recomputes every network already",
            "leave recipe.recompute or limits.over_memory out",
        ),
    ],
)
def test_what_is_over_the_memory_has_to_have_a_way_to_recompute(
    file: Path, limits: dict[str, Any], recipe: dict[str, Any], problem: str, cure: str
) -> None:
    wanted = limits | {"over_memory": "recompute"}
    error = refuse(write(file, limits=wanted, recipe=recipe))
    assert isinstance(error, CampaignError)
    assert error.where == "limits.over_memory"
    assert problem in error.problem
    assert cure in error.cure
    load(write(file, limits={"memory": "1 GiB", "over_memory": "recompute"}), offered=LAPTOP)
    load(write(file, limits=limits, recipe=recipe), offered=LAPTOP)


def test_gpus_are_whole_or_a_part_of_one(file: Path) -> None:
    for gpus in ("0.25", "1"):
        load(file, [f"resources.gpus={gpus}"], offered=SERVER)
    several = refuse(file, "resources.gpus=2", offered=SERVER)
    assert several.problem == "2 GPUs a trial; a trial trains on one, or on a part of one"
    assert several.cure == "write 1 or less: further GPUs train further trials"
    assert "too small a part" in refuse(file, "resources.gpus=1e-9", offered=SERVER).problem
    assert "not at least 0.001" in refuse(file, "resources.cpus=1e-9", offered=SERVER).problem
    assert "1.5 GPUs a trial" in refuse(file, "resources.gpus=1.5", offered=SERVER).problem
    assert "has 2" in refuse(file, "resources.gpus=3", offered=SERVER).problem


def test_fifo_needs_no_rungs(file: Path) -> None:
    load(file, ["scheduler={name: fifo, grace_epochs: 30}"], offered=LAPTOP)


def test_a_recipe_key_stands_in_one_place(file: Path) -> None:
    write(file, space=toys.SPACE, recipe={"learning_rate": 0.1})
    error = refuse(file)
    assert error.where == "recipe.learning_rate"
    assert "in the campaign and in its space" in error.problem


def test_parts_of_one_mapping_may_be_shared(file: Path) -> None:
    space = {**toys.SPACE, "recipe": {"augmentation": {"noise": {"uniform": [0.0, 0.2]}}}}
    load(write(file, space=space, recipe={"augmentation": {"flip": True}}), offered=LAPTOP)
    write(file, space=space, recipe={"augmentation": {"noise": 0.1}})
    assert refuse(file).where == "recipe.augmentation.noise"


def test_a_space_s_recipe_is_checked(file: Path) -> None:
    space = {**toys.SPACE, "recipe": {"learnin_rate": {"uniform": [0.1, 0.2]}}}
    error = refuse(write(file, space=space))
    assert "learnin_rate" in error.problem
    assert "learning_rate" in error.cure


@pytest.mark.parametrize(
    ("overrides", "problem", "cure"),
    [
        (("objectives=[macs, macs]",), "names one twice", "once"),
        (("objectives=[macs]", "scheduler.name=asha"), "by top-1 alone", "optimistic"),
        (("objectives=[speed]",), '"speed": no such objective; write parameters, macs', ""),
        (("objectives=[top1@99]",), "top1@99 is after the last of the clock's 7 steps", "0 to 6"),
    ],
)
def test_objectives_that_nobody_could_weigh(
    file: Path, overrides: tuple[str, ...], problem: str, cure: str
) -> None:
    error = refuse(file, "sampler.name=nsga2", "sampler.options={}", *overrides)
    assert "objectives" in error.where
    assert problem in error.problem
    assert cure in error.cure


def test_controls_are_searched_for_where_some_networks_have_no_loop(file: Path) -> None:
    searched = {"controls": {"search": 0.25}}
    assert load(write(file, **searched), offered=LAPTOP).searched_share == 0.25
    error = refuse(write(file, space=toys.SPACE, **searched))
    assert (error.where, error.problem) == (
        "controls.search",
        "every network of the space is feedforward already",
    )
    edges = [{"add": {"of": "input"}}, {"add": {"of": "out", "kernel": {"choice": [1, 3]}}}]
    loops = copy.deepcopy(toys.LOOPS)
    loops["genome"]["cells"]["motif"]["states"]["out"]["drive"]["edges"] = edges
    error = refuse(write(file, space=loops, **searched))
    assert error.where == "controls.search"
    assert "no feedforward network: genome.cells.motif.states.out goes round" in error.problem
    assert "out reads out" in error.problem
    assert error.cure == "make one optional, or leave controls.search out"
    misnamed = {"controls": {"names": ["feedforwad"], "search": 0.25}}
    assert refuse(write(file, **misnamed)).where == "controls.names[0]"
