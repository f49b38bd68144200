"""Samplers, early-stopping rules and data sets of another package, in campaigns and beside Ray."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from search import early_stopping, samplers
from search.campaign import Scheduler, json_schema, load
from search.early_stopping.judging import make
from search.host.machine import Machine
from search.replay import replay
from search.tune.rungs import Rungs
from space.errors import CampaignError, InputError
from tests.support import toys
from tests.support.campaigns import report, reported
from tests.support.packages import install_page, write_files
from tests.support.runs import Bench, Player

CLIMBER, PLATEAU = "my_package.climber:Climber", "my_package.plateau:Plateau"


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package of docs/extending.md."""
    folder = install_page(tmp_path / "site")
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


def loaded(folder: Path, **changes: Any) -> Any:
    document = {
        "name": "mine",
        "space": toys.SPACE,
        "data": {"name": "digits"},
        "scheduler": {"name": "fifo"},
    }
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(document | changes))
    return load(file, offered=Machine(cpus=2, gpus=0))


@pytest.mark.parametrize("name", ["climber", CLIMBER])
def test_a_sampler_is_named_by_its_entry_point_or_its_place(tmp_path: Path, name: str) -> None:
    campaign = loaded(tmp_path, sampler={"name": name, "options": {"startup": 2}})
    assert (campaign.sampler.name, campaign.sampler.options) == (name, {"startup": 2})
    assert samplers.check(name, {}).startup == 10
    assert not samplers.weighs_several(name)


@pytest.mark.parametrize(
    ("changes", "where", "problem"),
    [
        ({"sampler": {"name": CLIMBER, "options": {"starts": 2}}}, "sampler.options", "starts"),
        ({"sampler": {"name": CLIMBER + "s"}}, "sampler.name", "has no Climbers"),
        ({"sampler": {"name": PLATEAU}}, "sampler.name", "is not a sampler: it has no method ask"),
        ({"sampler": {"name": "loose:Sampler"}}, "sampler.name", "belongs to no installed"),
        ({"scheduler": {"name": CLIMBER}}, "scheduler.name", "is not an early-stopping rule"),
        (
            {"scheduler": {"name": PLATEAU, "options": {"patience": 0}}},
            "scheduler.options.patience",
            "0 is not at least 1",
        ),
        ({"scheduler": {"name": "asha", "options": {"a": 1}}}, "scheduler.options", "is built in"),
        (
            {"sampler": {"name": CLIMBER}, "objectives": ["macs"]},
            "objectives",
            "knows of top-1 alone",
        ),
        (
            {
                "sampler": {"name": "nsga2"},
                "scheduler": {"name": "plateau"},
                "objectives": ["macs"],
            },
            "objectives",
            "plateau stops trainings by top-1 alone",
        ),
    ],
)
def test_one_error_names_field_value_and_cure(
    tmp_path: Path, changes: dict[str, Any], where: str, problem: str
) -> None:
    """Also for what lies beside the campaign file."""
    write_files(tmp_path, {"loose.py": "raise SystemExit('was run')"})
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(CampaignError) as caught:
            loaded(tmp_path, **changes)
    finally:
        sys.path.remove(str(tmp_path))
    assert caught.value.where.endswith(where)
    assert problem in caught.value.problem
    assert caught.value.cure or problem.startswith("knows")
    assert isinstance(caught.value, InputError)


def test_a_rule_stops_trainings() -> None:
    """And a resumed campaign knows what the rule would have stopped."""
    settings = Scheduler(name="plateau", grace_epochs=2, options={"patience": 1})
    scores = [0.5, 0.6, 0.6, 0.7]
    past = [reported(0, epoch, top1) for epoch, top1 in enumerate(scores, 1)]
    judge = make(settings, 9, 0, Rungs)
    assert [judge.remember(0, one.report) for one in past] == [False, False, True, False]
    assert make(settings, 9, 0, Rungs).recall(past) == {0}


def test_a_rule_is_shown_the_costs_of_several_objectives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[early_stopping.EpochReport] = []

    class Watching:
        def judge(self, report: early_stopping.EpochReport) -> bool:
            shown.append(report)
            return False

    monkeypatch.setattr(early_stopping, "make", lambda *_: Watching())
    judge = make(
        Scheduler(name="plateau"),
        9,
        0,
        Rungs,
        objectives=("macs", "top1@0"),
        trial=lambda number: SimpleNamespace(parameters=1, macs=100 + number),
    )
    judge.remember(3, report(1, 0.5, accuracy_by_step=(0.25, 0.5)))
    assert [one.costs for one in shown] == [(103.0, 0.75)]


@pytest.mark.parametrize("crashes", [0.0, 0.06])
def test_their_campaigns_replay_over_killed_drivers(tmp_path: Path, crashes: float) -> None:
    bench = Bench(
        tmp_path,
        sampler={"name": CLIMBER, "options": {"startup": 3}},
        scheduler={"name": "plateau", "grace_epochs": 1, "options": {"patience": 1}},
        recipe={"epochs": 6},
        budget={"trials": 12},
    )
    Player(bench, 0, crashes=crashes).play()
    result = replay(bench.store, bench.id)
    assert result.difference is None, str(result.difference)
    trials = bench.store.results.find(bench.id)
    assert result.decisions >= len([one for one in trials if one.origin == CLIMBER]) > 6


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"data": {"name": "digits", "size": 8}}, True),
        ({"data": {"name": "my_package.bars:Bars", "size": 8, "images": 60}}, True),
        ({"sampler": {"name": "climber"}, "scheduler": {"name": PLATEAU, "options": {}}}, True),
        ({"data": {"name": "digits", "size": 8, "nose": 0.1}}, False),
        ({"data": {"name": "bars"}}, False),
        ({"sampler": {"name": "a sampler"}}, False),
    ],
)
def test_the_schema_knows_their_names(changes: dict[str, Any], valid: bool) -> None:
    """And takes no misspelt key of a built-in data set for an option of another package's."""
    document = {"name": "mine", "space": "motifs-small", "data": {"name": "digits"}} | changes
    assert Draft202012Validator(json_schema()).is_valid(document) is valid
