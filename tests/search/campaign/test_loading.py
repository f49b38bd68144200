"""From a file and overrides to a campaign: where its space and images lie, and who is blamed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from search import samplers
from search.campaign import Campaign, amend, clone, load
from space.errors import CampaignError
from space.space import Space
from tests.support import toys
from tests.support.campaign_files import LAPTOP, refuse, write


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
    campaign = load(write(file, space="spaces/toy.yaml"), offered=LAPTOP)
    assert campaign.space == Space.parse(toys.SPACE).document()


def test_a_space_may_be_written_in_the_file(file: Path) -> None:
    campaign = load(write(file, space=toys.SPACE), offered=LAPTOP)
    assert Space.parse(campaign.space).parameters == Space.parse(toys.SPACE).parameters


def test_a_campaign_has_its_samplers_version_on_record(file: Path) -> None:
    """The latest, also of a campaign like an earlier one; or the one that the file says."""
    latest = samplers.latest_version("guided")
    assert latest == 2
    campaign = load(file, offered=LAPTOP)
    assert campaign.document()["sampler"] == {"name": "guided", "options": {}, "version": latest}
    earlier = campaign.document() | {"sampler": {"name": "guided", "options": {}}}
    assert Campaign.parse(earlier).sampler.version is None, "on record before there were versions"
    assert amend(earlier, "01ABC", ["keep=3"]).sampler.version is None
    first = earlier | {"sampler": {"name": "guided", "version": 1}}
    assert load(write(file, sampler=first["sampler"]), offered=LAPTOP).sampler.version == 1
    for document in (earlier, first):
        assert clone(document, "01ABC", offered=LAPTOP).sampler.version == latest
    other = clone(first, "01ABC", ["sampler.name=random"], offered=LAPTOP)
    assert other.sampler.version == 1


def test_a_version_that_a_sampler_does_not_have_is_refused(file: Path) -> None:
    error = refuse(write(file, sampler={"name": "random", "version": 2}))
    assert str(error) == (
        "sampler.version: 2 is more than 1, the latest version of random; "
        "write a number up to 1, or leave it out for the latest one"
    )


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
    write(file, data={"name": "imagefolder", "path": path, "size": 8})
    found = load(file, offered=LAPTOP).data.path  # type: ignore[union-attr]
    assert found == os.path.normpath(file.parent / Path(path).expanduser())


def test_images_that_an_override_names_lie_in_the_current_folder(
    file: Path, elsewhere: Path
) -> None:
    write(file, data={"name": "imagefolder", "path": "images", "size": 8})
    campaign = load(file, ["data.path=mine"], offered=LAPTOP)
    assert campaign.data.path == str(elsewhere / "mine")  # type: ignore[union-attr]
    other = clone(campaign.document(), "01ABC", offered=LAPTOP)
    assert other.data == campaign.data, "a stored campaign no longer depends on any folder"


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("budget.trials=8", ("budget", "trials"), 8),
        ("recipe.weight_decay=1e-3", ("recipe", "weight_decay"), 0.001),
        ("name=other", ("name",), "other"),
        ("controls=[feedforward]", ("controls",), ["feedforward"]),
        ("limits.parameters=null", ("limits", "parameters"), None),
        ("sampler={name: random}", ("sampler",), {"name": "random", "options": {}, "version": 1}),
        ("recipe.augmentation.crop.scale[0]=0.5", ("recipe", "augmentation", "crop"), ...),
    ],
)
def test_overrides(file: Path, override: str, path: tuple[str, ...], value: Any) -> None:
    write(file, recipe={"augmentation": {"crop": {"scale": [0.4, 1.0]}}})
    found: Any = load(file, [override], offered=LAPTOP).document()
    for step in path:
        found = found[step]
    if value is ...:
        assert found["scale"] == [0.5, 1.0]
    else:
        assert found == value


def test_a_mapping_replaces_the_one_that_was_there(file: Path) -> None:
    write(file, sampler={"name": "optuna", "options": {"startup": 5}})
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
    error = refuse(file, override)
    assert error.where == f"--set {override}"
    assert problem in error.problem
    assert cure in error.cure


def test_an_error_of_the_file_is_not_blamed_on_an_override(file: Path) -> None:
    error = refuse(write(file, budget={"trials": 0}), "recipe.epochs=2")
    assert error.where == f"{file}: budget.trials"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "campaign.yaml").touch()
    error = refuse(tmp_path / "campaing.yaml")
    assert "campaign.yaml" in error.cure


@pytest.mark.parametrize("text", ["", "[]", "name: [", "a: 1\na: 2"])
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert "c.yaml" in refuse(path).where


@pytest.mark.parametrize(("begun", "gpus"), [(0, "1"), (0, "0.5"), (1, "0"), (0.5, "0")])
def test_under_a_limit_of_memory_trials_neither_take_up_gpus_nor_leave_them(
    begun: float, gpus: str
) -> None:
    """The precision, and with it what fits, would be another one for the trials to come."""
    limited = toys.campaign(limits={"memory": "1 GiB"}, resources={"gpus": begun}).document()
    with pytest.raises(CampaignError) as refused:
        amend(limited, "campaign 01ABC", [f"resources.gpus={gpus}"])
    assert refused.value.where == "resources.gpus"
    assert "decides what fits into limits.memory" in refused.value.problem
    assert "ventral submit --from ID" in refused.value.cure
    free = toys.campaign(resources={"gpus": begun}).document()
    assert amend(free, "", [f"resources.gpus={gpus}"]).resources.gpus == float(gpus)


@pytest.mark.parametrize(("begun", "gpus"), [(1, "2"), (2, "0.5"), (0, "0")])
def test_under_a_limit_of_memory_trials_may_take_more_gpus_or_fewer(
    begun: float, gpus: str
) -> None:
    limited = toys.campaign(limits={"memory": "1 GiB"}, resources={"gpus": begun}).document()
    assert amend(limited, "", [f"resources.gpus={gpus}"]).resources.gpus == float(gpus)


@pytest.mark.parametrize("score_on", ["test", "validation"])
def test_what_decides_nothing_does_not_become_a_search_on_the_test_split(score_on: str) -> None:
    """Nor where there is no validation split, and scores are of test in any case."""
    validation = 0.1 if score_on == "test" else 0
    data = {**toys.campaign().document()["data"], "validation": validation}
    recipe = {"epochs": 3, "score_on": score_on}
    whole = toys.campaign(data=data, recipe=recipe, control_seeds=3, budget={"trials": 3})
    with pytest.raises(CampaignError) as refused:
        amend(whole.document(), "campaign 01ABC", ["budget.trials=4"])
    assert (refused.value.where, refused.value.cure) == ("budget.trials", "write at most 3")
    fewer = toys.campaign(data=data, recipe=recipe, control_seeds=3, budget={"trials": 2})
    changed = amend(fewer.document(), "", ["budget.trials=3"])
    assert changed.budget.trials == 3, "its controls may all be trained"


def test_a_search_of_before_there_was_a_validation_split_may_have_more_budget() -> None:
    data = {**toys.campaign().document()["data"], "validation": 0}
    begun = toys.campaign(data=data).document()
    assert amend(begun, "", ["budget.trials=50"]).budget.trials == 50


def test_controls_scored_on_validation_may_be_followed_by_a_search() -> None:
    begun = toys.campaign(control_seeds=2, budget={"trials": 2}).document()
    assert amend(begun, "", ["budget.trials=9"]).budget.trials == 9
