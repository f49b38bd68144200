"""Lesions of a trial: which trials have them, and trainings of them without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.campaign import Campaign, controls
from search.campaign.lineage import lineage
from search.host.machine import Machine
from search.review.lesions import read_lesions
from search.store import Trial
from search.upkeep.lesions import find_parts, lesion_trial, retrain_lesions, retraining
from search.upkeep.matched_certification import Matching, Unfinished
from space.errors import CampaignError, InputError
from space.genome import Genome
from space.space import Space
from tests.support.matching import Driver, carry_out, record_of, search, trials_of
from tests.support.runs import Bench

BIG = Machine(cpus=8, gpus=0)
WANTED = Matching(seeds=2)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A finished toy campaign, which the tests that train nothing share."""
    return search(tmp_path_factory.mktemp("lesions"))


def recurrent(bench: Bench) -> Trial:
    """A trial whose cell reads its own output."""
    return next(one for one in trials_of(bench) if one.recurrence == "local")


def test_every_lesion_is_trained_from_the_seeds_and_by_the_recipe_of_the_whole(
    bench: Bench,
) -> None:
    trial = bench.store.results.get(bench.id, recurrent(bench).number)
    campaign, names, refusals = retraining(
        bench.store, record_of(bench), trial.number, 2, offered=BIG
    )
    assert not refusals
    assert [part.name for part in names] == ["input->out", "out->out", "out"]
    assert {lineage(name) for name in names.values()} == {("lesion", f"trial-{trial.number}")}
    assert isinstance(campaign.space, dict)
    space = Space.parse(campaign.space)
    assert controls(campaign, space)[0] == f"trial-{trial.number}"
    # The memory of a cell with one loop is that loop.
    assert len(controls(campaign, space)) == 3
    by_name = {part.name: name for part, name in names.items()}
    assert by_name["out"] == by_name["out->out"] != by_name["input->out"]
    assert campaign.budget.trials == 6
    assert campaign.control_seeds == 2
    assert campaign.seed != bench.campaign.seed
    assert campaign.recipe.score_on == "validation"
    for control in space.controls.values():
        assert dict(control.recipe) == dict(trial.recipe)
    whole = space.controls[f"trial-{trial.number}"].genome
    assert Genome.parse(whole) == trial.read_genome()


def test_no_override_changes_what_is_compared(bench: Bench) -> None:
    number = recurrent(bench).number
    with pytest.raises(CampaignError, match=r"recipe\.score_on: is what makes the comparison"):
        retraining(bench.store, record_of(bench), number, 2, ["recipe.score_on=test"], offered=BIG)


def test_what_was_stopped_goes_on_and_the_effects_are_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = search(tmp_path)
    driver = Driver(bench, stop_after=3)
    monkeypatch.setattr("search.driver.run", driver.run)
    number = recurrent(bench).number

    def retrain() -> Any:
        return retrain_lesions(bench.store, bench.home, record_of(bench), number, WANTED)

    with pytest.raises(Unfinished):
        retrain()
    assert read_lesions(bench.store, bench.id) == []
    lesions, _ = retrain()
    assert driver.driven == [f"toy-lesions-{number}"] * 2
    assert {one.part for one in lesions} == {"input->out", "out->out", "out"}
    assert all(one.retrained and one.trial == number for one in lesions)
    assert all(one.difference is not None for one in lesions)
    by_part = {one.part: one for one in lesions}
    assert by_part["out"].difference == by_part["out->out"].difference
    assert read_lesions(bench.store, bench.id) == lesions
    assert retrain()[0] == lesions
    assert len(driver.driven) == 2, "it is finished"
    done = bench.store.campaigns.named(f"toy-lesions-{number}")[0]
    assert done.data["certifies"] == bench.id
    trained = bench.store.results.find(done.id)
    assert {one.family for one in trained} == {"winner", "lesion"}
    assert {one.winner for one in trained} == {f"trial-{number}"}
    assert done.data["split"] == "validation"
    assert bench.store.campaigns.openings(bench.id) == []


def test_a_trial_without_weights_is_refused_with_the_cure(bench: Bench) -> None:
    number = recurrent(bench).number
    again = rf"`ventral lesion {bench.id} --trial {number} --retrain` trains it again"
    with pytest.raises(InputError, match=f"trial {number}: has no weights.*25 best.*{again}"):
        lesion_trial(bench.store, bench.home, record_of(bench), number)


def test_a_trial_without_score_is_refused(tmp_path: Path) -> None:
    bench = search(tmp_path, limits={"parameters": 1000})
    refused = next(one for one in trials_of(bench) if one.status == "infeasible")
    message = rf"trial {refused.number}: has no score: it is infeasible \("
    with pytest.raises(InputError, match=message):
        lesion_trial(bench.store, bench.home, record_of(bench), refused.number)
    with pytest.raises(InputError, match=message):
        retrain_lesions(bench.store, bench.home, record_of(bench), refused.number, WANTED)


def test_a_network_without_parts_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget={"trials": 2})
    carry_out(bench)
    with pytest.raises(InputError, match=r"trial 0: has no part to remove: .* without cells and"):
        find_parts(bench.store, record_of(bench), 0)


def test_a_campaign_without_validation_images_is_refused(tmp_path: Path) -> None:
    bench = search(tmp_path)
    document = bench.campaign.document()
    document["data"] |= {"validation": 0}
    bench.store.campaigns.set_document(bench.id, Campaign.parse(document).document())
    with pytest.raises(InputError, match="has no validation images"):
        find_parts(bench.store, record_of(bench), recurrent(bench).number)
