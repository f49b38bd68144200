"""The campaign file: what it may say, what it may not, and what it is told then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from search import early_stopping, samplers
from search.campaign import SCHEMA, Campaign, clone, full_epochs, json_schema, load, schema_text
from search.machine import Machine
from space.errors import CampaignError, InputError
from space.space import Space
from tests.support import toys

LAPTOP = Machine(cpus=4, gpus=0)
SERVER = Machine(cpus=32, gpus=2)
MINIMAL: dict[str, Any] = {"name": "c", "space": "motifs-small", "data": {"name": "digits"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    return path


def written(file: Path, **changes: Any) -> Path:
    file.write_text(yaml.safe_dump(MINIMAL | changes, sort_keys=False))
    return file


def refused(file: Path, *overrides: str, offered: Machine = LAPTOP) -> InputError:
    with pytest.raises(InputError) as caught:
        load(file, overrides, offered=offered)
    return caught.value


def test_three_keys_are_enough(file: Path) -> None:
    campaign = load(file, offered=LAPTOP)
    assert campaign.sampler.name == "guided"
    assert campaign.scheduler.name == "asha"
    assert campaign.budget.trials == 100
    assert campaign.keep == 25
    assert campaign.data.size == 8


def test_the_document_is_closed_and_gives_the_campaign_back(file: Path) -> None:
    campaign = load(file, ["resources.concurrent=2", "recipe.epochs=3"], offered=LAPTOP)
    document = campaign.document()
    assert Campaign.parse(document) == campaign
    assert document["recipe"]["epochs"] == 3
    assert document["recipe"]["batch_size"] == 64, "defaults are written out"
    assert document["space"] == Space.load("motifs-small").document(), "and so is the space"


@pytest.mark.parametrize(
    ("overrides", "threads"),
    [
        ([], 1),
        (["resources.cpus=0.5"], 1),
        (["resources.cpus=3.5"], 3),
        (["resources.cpus=4", "recipe.threads=2"], 2),
    ],
)
def test_a_trial_has_as_many_threads_as_cores(
    file: Path, overrides: list[str], threads: int
) -> None:
    assert load(file, overrides, offered=LAPTOP).recipe.threads == threads


def test_a_space_lies_beside_the_file(tmp_path: Path, file: Path) -> None:
    (tmp_path / "spaces").mkdir()
    (tmp_path / "spaces" / "toy.yaml").write_text(yaml.safe_dump(toys.SPACE, sort_keys=False))
    campaign = load(written(file, space="spaces/toy.yaml"), offered=LAPTOP)
    assert campaign.space == Space.parse(toys.SPACE).document()


def test_a_space_may_be_written_in_the_file(file: Path) -> None:
    campaign = load(written(file, space=toys.SPACE), offered=LAPTOP)
    assert Space.parse(campaign.space).parameters == Space.parse(toys.SPACE).parameters


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is not that of the file."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("path", ["images", "./images", "../images", "/data/images", "~/images"])
def test_images_lie_beside_the_file_wherever_it_is_started(file: Path, path: str) -> None:
    written(file, data={"name": "imagefolder", "path": path, "size": 8})
    found = load(file, offered=LAPTOP).data.path  # type: ignore[union-attr]
    assert found == os.path.normpath(file.parent / Path(path).expanduser())


def test_images_that_an_override_names_lie_in_the_current_folder(
    file: Path, elsewhere: Path
) -> None:
    written(file, data={"name": "imagefolder", "path": "images", "size": 8})
    campaign = load(file, ["data.path=mine"], offered=LAPTOP)
    assert campaign.data.path == str(elsewhere / "mine")  # type: ignore[union-attr]
    other = clone(campaign.document(), "01ABC", offered=LAPTOP)
    assert other.data == campaign.data, "a stored campaign no longer depends on any folder"


# ------------------------------------------------------------------------- overrides


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("budget.trials=8", ("budget", "trials"), 8),
        ("recipe.weight_decay=1e-3", ("recipe", "weight_decay"), 0.001),
        ("name=other", ("name",), "other"),
        ("controls=[feedforward]", ("controls",), ["feedforward"]),
        ("limits.parameters=null", ("limits", "parameters"), None),
        ("sampler={name: random}", ("sampler",), {"name": "random", "options": {}}),
        ("recipe.augmentation.crop.scale[0]=0.5", ("recipe", "augmentation", "crop"), ...),
    ],
)
def test_overrides(file: Path, override: str, path: tuple[str, ...], value: Any) -> None:
    written(file, recipe={"augmentation": {"crop": {"scale": [0.4, 1.0]}}})
    found: Any = load(file, [override], offered=LAPTOP).document()
    for step in path:
        found = found[step]
    if value is ...:
        assert found["scale"] == [0.5, 1.0]
    else:
        assert found == value


def test_a_mapping_replaces_the_one_that_was_there(file: Path) -> None:
    written(file, sampler={"name": "optuna", "options": {"startup": 5}})
    campaign = load(file, ["sampler={name: random}"], offered=LAPTOP)
    assert campaign.sampler.options == {}


@pytest.mark.parametrize(
    ("override", "problem", "cure"),
    [
        ("budget.trails=8", 'unknown key "trails"', 'did you mean "trials"?'),
        ("budgit.trials=8", 'unknown key "budgit"', 'did you mean "budget"?'),
        ("budget.trials=many", '"many" is not a whole number', "write"),
        ("budget.trials", "is not of the form PATH=VALUE", "budget.trials=8"),
        ("=8", "is not of the form PATH=VALUE", "budget.trials=8"),
        ("name.x=1", "name", ""),
        ("budget.trials=[", "", "YAML"),
        ("sampler.name=optuma", '"optuma" is not one of', 'did you mean "optuna"?'),
        ("recipe.epochs=0", "0 is not at least 1", ""),
        ("name=2026", "2026 is not text", """write name='"2026"'"""),
        ("seed=1_000", '"1_000" is not a whole number', "write 1000: YAML takes 1_000 for text"),
        ("seed=010", '"010" is not a whole number', "write 10: YAML takes 010 for text"),
        ("sampler=optuna", '"optuna" is not a mapping', "write {name: optuna}"),
        ("scheduler=fifo", '"fifo" is not a mapping', "write {name: fifo}"),
        ("data=digits", '"digits" is not a mapping', "write {name: digits}"),
        ("seed=!!int abc", "line 1, column 1: the tag !!int is not read", "leave it out"),
        ("recipe.epochs=100000000", "100000000 is not at most 20000", "in range"),
        ("budget.trials=1000000000", "1000000000 is not at most 1000000", "in range"),
        ("control_seeds=1000000000", "1000000000 is not at most 1000", "in range"),
        ("keep=1" + "0" * 30, "is above 9223372036854775807", "write a smaller number"),
        ("scheduler.reduction_factor=1.0000001", "1.0000001 is not at least 1.1", "in range"),
    ],
)
def test_a_wrong_override_is_named(file: Path, override: str, problem: str, cure: str) -> None:
    error = refused(file, override)
    assert error.where == f"--set {override}"
    assert problem in error.problem
    assert cure in error.cure


def test_an_error_of_the_file_is_not_blamed_on_an_override(file: Path) -> None:
    error = refused(written(file, budget={"trials": 0}), "recipe.epochs=2")
    assert error.where == f"{file}: budget.trials"


# ------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "where", "problem", "cure"),
    [
        ({"retires": 1}, "", 'unknown key "retires"', 'did you mean "retries"?'),
        ({"sampler": {"nam": "random"}}, "sampler", 'unknown key "nam"', "did you mean"),
        ({"data": {"name": "digit"}}, "data", '"digit"', "digits"),
        ({"data": {"name": "digits", "size": 9}}, "data.size", "9 is not a multiple of 8", ""),
        ({"keep": -1}, "keep", "-1 is not at least 0", ""),
        ({"space": "motif-small"}, "space", "no named space and no file", "motifs-small"),
        ({"recipe": {"optimizer": "sgd"}}, "recipe", "optimizer", "optimiser"),
    ],
)
def test_a_wrong_file_is_named(
    file: Path, changes: dict[str, Any], where: str, problem: str, cure: str
) -> None:
    error = refused(written(file, **changes))
    assert error.where == (f"{file}: {where}" if where else str(file))
    assert problem in error.problem
    assert cure in error.cure


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "campaign.yaml").touch()
    error = refused(tmp_path / "campaing.yaml")
    assert "campaign.yaml" in error.cure


@pytest.mark.parametrize("text", ["", "[]", "name: [", "a: 1\na: 2"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert "c.yaml" in refused(path).where


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
    error = refused(file, override)
    assert isinstance(error, CampaignError)
    assert where in error.where
    assert problem in error.problem
    assert cure in error.cure


def test_gpus_are_whole_or_a_part_of_one(file: Path) -> None:
    for gpus in ("0.25", "1", "2"):
        load(file, [f"resources.gpus={gpus}"], offered=SERVER)
    assert "too small a part" in refused(file, "resources.gpus=1e-9", offered=SERVER).problem
    assert "not at least 0.001" in refused(file, "resources.cpus=1e-9", offered=SERVER).problem
    assert "not whole" in refused(file, "resources.gpus=1.5", offered=SERVER).problem
    assert "has 2" in refused(file, "resources.gpus=3", offered=SERVER).problem


def test_fifo_needs_no_rungs(file: Path) -> None:
    load(file, ["scheduler={name: fifo, grace_epochs: 30}"], offered=LAPTOP)


# ------------------------------------------------------------------------- campaign and space


def test_a_recipe_key_stands_in_one_place(file: Path) -> None:
    written(file, space=toys.SPACE, recipe={"learning_rate": 0.1})
    error = refused(file)
    assert error.where == "recipe.learning_rate"
    assert "in the campaign and in its space" in error.problem


def test_parts_of_one_mapping_may_be_shared(file: Path) -> None:
    space = {**toys.SPACE, "recipe": {"augmentation": {"noise": {"uniform": [0.0, 0.2]}}}}
    load(written(file, space=space, recipe={"augmentation": {"flip": True}}), offered=LAPTOP)
    written(file, space=space, recipe={"augmentation": {"noise": 0.1}})
    assert refused(file).where == "recipe.augmentation.noise"


def test_a_space_may_fix_the_epochs_but_not_leave_them_open(file: Path) -> None:
    fixed = {**toys.SPACE, "recipe": {"epochs": 7}}
    campaign = load(written(file, space=fixed), offered=LAPTOP)
    assert full_epochs(campaign, Space.parse(campaign.space)) == 7
    opened = {**toys.SPACE, "recipe": {"epochs": {"choice": [3, 7]}}}
    assert refused(written(file, space=opened)).where == "space.recipe.epochs"


def test_a_space_s_recipe_is_checked(file: Path) -> None:
    space = {**toys.SPACE, "recipe": {"learnin_rate": {"uniform": [0.1, 0.2]}}}
    error = refused(written(file, space=space))
    assert "learnin_rate" in error.problem
    assert "learning_rate" in error.cure


# ------------------------------------------------------------------------- the schema


def test_the_published_schema_is_the_model_s() -> None:
    """Written by: python -c "from search.campaign import *; SCHEMA.write_text(schema_text())"."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_the_schema_names_every_key_and_sampler() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(Campaign.model_fields)
    assert schema["additionalProperties"] is False
    known = {"Sampler": samplers.NAMES, "Scheduler": early_stopping.NAMES}
    names = {
        kind: tuple(schema["$defs"][kind]["properties"]["name"]["anyOf"][0]["enum"])
        for kind in known
    }
    assert names == known


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
    error = refused(file, "sampler.name=nsga2", "sampler.options={}", *overrides)
    assert "objectives" in error.where
    assert problem in error.problem
    assert cure in error.cure
