"""Networks that a campaign names are placed, trained first, told to the sampler and replayed."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from search.assign.journal import OutcomeEntry, read_journal
from search.campaign import Campaign, Enqueued, load_with_space
from search.host.machine import Machine
from search.replay import replay
from search.store import ENQUEUED
from search.upkeep.enqueueing import place_enqueued, with_enqueued
from space.errors import CampaignError, InputError, SpaceError
from tests.support import toys
from tests.support.bench import Bench

SAMPLES = [toys.space().sample(random.Random(seed)) for seed in (11, 12)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "home")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "genome.json"
    written.write_text(json.dumps(SAMPLES[0].genome.document()))
    return written


def place(bench: Bench, *networks: str | Path, **changes: Any) -> Campaign:
    campaign = with_enqueued(toys.campaign(**changes), networks)
    return place_enqueued(campaign, toys.space(), bench.store)


def test_files_and_trials_are_placed_once_each(bench: Bench, file: Path) -> None:
    campaign_id, _ = bench.run()
    trial = bench.store.results.find(campaign_id, origin="random")[0]
    named = f"{campaign_id}/{trial.number}"
    placed = place(bench, file, named, file).enqueued
    assert [one.source for one in placed] == [str(file), named]
    spaces = [toys.space().close(one.choices) for one in placed]
    assert [one.digest for one in spaces] == [SAMPLES[0].digest, trial.digest]
    assert placed[1].choices == trial.choices, "the recipe that was tried, too"
    by_name = place(bench, f"toy/{trial.number}").enqueued
    assert by_name[0].choices == trial.choices


def test_they_are_trained_first_as_the_sampler_s_own_and_replayed(
    bench: Bench, file: Path
) -> None:
    campaign = place(bench, file)
    other = Enqueued(source="x", choices=dict(SAMPLES[1].choices))
    enqueue = [*campaign.document()["enqueue"], other.model_dump(mode="json")]
    campaign_id, run = bench.begin(enqueue=enqueue, sampler={"name": "evolution"})
    trained = []
    for _ in range(2):
        assignment = run.queue.next()
        assert assignment is not None
        trained.append(assignment.number)
        bench.train(run, assignment)
    # The driver dies: the next one goes on behind the control and the first network.
    bench.store.campaigns.set_state(campaign_id, "stopped")
    bench.go_on(campaign_id)
    trials = bench.store.results.find(campaign_id)
    origins = [trial.origin for trial in trials]
    assert origins == ["control", ENQUEUED, ENQUEUED, *["evolution"] * 3]
    assert [trial.digest for trial in trials[1:3]] == [one.digest for one in SAMPLES]
    journal = read_journal(bench.store.results.journal(campaign_id))
    calls = [call for own in journal.values() for call in own if isinstance(call, OutcomeEntry)]
    assert {1, 2} <= {call.number for call in calls}, "the sampler knows how they did"
    assert replay(bench.store, campaign_id).difference is None


def test_what_cannot_be_trained_is_one_error(bench: Bench, tmp_path: Path) -> None:
    other = toys.space().complete({"width": 8}).genome.document()
    other["stages"][0]["convolution"]["kernel"] = 7
    (tmp_path / "other.json").write_text(json.dumps(other))
    with pytest.raises(SpaceError, match=r"other.json: is no point of the space toy: .*has 7"):
        place(bench, tmp_path / "other.json")
    for name in ("nothing.json", "nobody/3"):
        with pytest.raises(CampaignError, match=f"^enqueue: {name}"):
            place(bench, name)
    (tmp_path / "wide.json").write_text(json.dumps(SAMPLES[0].genome.document()))
    with pytest.raises(CampaignError, match=r"enqueue: .*limits.parameters"):
        place(bench, tmp_path / "wide.json", limits={"parameters": 10})
    stale = {"source": "gone", "choices": {"width": 3}}
    with pytest.raises(
        CampaignError, match=r"no point of the space any more .*--set enqueue=\[\]"
    ):
        place_enqueued(toys.campaign(enqueue=[stale]), toys.space(), bench.store)


def test_a_campaign_file_names_networks_beside_it(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = toys.campaign().document() | {"recipe": {}, "enqueue": [file.name, "toy/3"]}
    (tmp_path / "campaign.yaml").write_text(json.dumps(document))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = load_with_space(tmp_path / "campaign.yaml", offered=Machine(cpus=2, gpus=0))
    assert loaded.campaign.enqueue == (str(file), "toy/3")
    with pytest.raises(InputError, match="enqueue"):
        Campaign.parse(document | {"enqueue": [{"source": "x"}]})
