"""Every decision follows from the record: of any sampler, over any number of killed drivers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search import samplers
from search.replay import Replay, replay
from search.store import CONTROL
from search.store.tables import CAMPAIGNS, JOURNAL, REPORTS, TRIALS
from tests.support import toys
from tests.support.runs import Bench, Player, play_campaign, sampler_of
from tests.support.tables import change_rows

ASHA = {"name": "asha", "grace_epochs": 1, "reduction_factor": 2, "brackets": 2}
FEW = {**toys.SPACE, "recipe": {}}


def played(folder: Path, sampler: str, seed: int = 0, **more: Any) -> tuple[Bench, Player]:
    """A campaign of the sampler's latest version; of no version, as before there were any, if
    `unversioned` is said.
    """
    unversioned = more.pop("unversioned", False)
    version = None if unversioned else samplers.latest_version(sampler)
    known = type(samplers.check(sampler, {})).model_fields
    options = {name: 4 for name in ("startup", "population") if name in known}
    changes: dict[str, Any] = {
        "sampler": {"name": sampler, "options": options, "version": version},
        "scheduler": ASHA,
        "recipe": {"epochs": 8},
        "budget": {"trials": 24},
        "limits": {"parameters": 250},
        "seed": seed,
    }
    return play_campaign(folder, seed, changes, more)


def again(bench: Bench) -> Replay:
    return replay(bench.store, bench.id)


def assert_equal(bench: Bench) -> Replay:
    found = again(bench)
    assert found.difference is None, str(found.difference)
    assert found.unjournaled == 0
    trials = bench.store.results.find(bench.id)
    assert found.decisions >= sum(trial.origin != "control" for trial in trials)
    return found


def test_a_campaign_of_several_objectives_replays(tmp_path: Path) -> None:
    """Also over killed drivers: what the sampler and the scheduler know of costs is on record."""
    several: dict[str, Any] = {
        "scheduler": {"name": "optimistic", "deviations": 0.0},
        "objectives": ["macs", "top1@0"],
    }
    bench, player = played(tmp_path, "nsga2", crashes=0.05, **several)
    assert player.crashed
    assert bench.store.results.counts(bench.id)["pruned"], "the scheduler had something to decide"
    assert_equal(bench)
    calls = [c for calls in bench.store.results.journal(bench.id).values() for c in calls]
    scored = [call for call in calls if "score" in call]
    trials = {trial.number: trial for trial in bench.store.results.find(bench.id)}
    assert scored
    for call in scored:
        macs, lacking = call["costs"]
        trial = trials[call["told"]]
        last = bench.store.results.reports(bench.id, trial.number)[-1].report.accuracy_by_step
        assert (macs, lacking) == (trial.macs, 1 - last[0])


@pytest.mark.parametrize("name", samplers.NAMES)
def test_a_campaign_replays(name: str, tmp_path: Path) -> None:
    bench, _ = played(tmp_path, name)
    counts = bench.store.results.counts(bench.id)
    assert counts["pruned"], "the scheduler had something to decide"
    assert counts["infeasible"], "and so had the limits"
    trials = bench.store.results.find(bench.id)
    assert assert_equal(bench).decisions > len(trials), "suggestions, and words of the scheduler"


def test_a_campaign_from_before_the_sampler_was_mended_replays(tmp_path: Path) -> None:
    """Its document holds no version: it was carried on by the first, and is derived by it.

    By the latest version other suggestions follow.
    """
    bench, _ = played(tmp_path, "guided", crashes=0.06, unversioned=True)
    assert bench.store.campaigns.get(bench.id).document["sampler"]["version"] is None
    assert_equal(bench)
    document = bench.campaign.document()
    document["sampler"]["version"] = samplers.latest_version("guided")
    with change_rows(bench.store) as connection:
        connection.execute(sa.update(CAMPAIGNS).values(document=document))
    difference = again(bench).difference
    assert difference is not None
    assert "derived as" in difference.what


@pytest.mark.parametrize("name", samplers.NAMES)
def test_a_campaign_whose_drivers_were_killed_replays(name: str, tmp_path: Path) -> None:
    bench, player = played(tmp_path, name, crashes=0.06)
    assert player.crashed > 2
    assert_equal(bench)
    counts = bench.store.results.counts(bench.id)
    assert counts["finished"] + counts["pruned"] == 24


@pytest.mark.parametrize("seed", range(6))
def test_suggestions_made_ahead_replay(seed: int, tmp_path: Path) -> None:
    bench, player = played(tmp_path, "optuna", seed, ahead=True, crashes=0.02 * seed)
    assert (player.crashed > 0) >= (seed > 2)
    assert_equal(bench)


@pytest.mark.parametrize("seed", range(4))
def test_points_that_come_again_are_in_the_journal(seed: int, tmp_path: Path) -> None:
    """A space of 36 networks: the sampler suggests known ones, and is told of them again."""
    more = {"space": FEW, "budget": {"trials": 30}, "limits": {}}
    bench, _ = played(tmp_path, "optuna", seed, crashes=0.02 * seed, **more)
    calls = [call for found in bench.store.results.journal(bench.id).values() for call in found]
    assert any("asked" in call for call in calls)
    assert_equal(bench)


def test_a_new_driver_knows_what_the_old_one_knew(tmp_path: Path) -> None:
    """Killed as often as one likes, the sampler's knowledge is that of one that lived on."""
    bench, _ = played(tmp_path, "optuna", crashes=0.05)
    told = {
        call["told"]: call
        for found in bench.store.results.journal(bench.id).values()
        for call in found
        if "told" in call
    }
    last = max(trial.suggested for trial in bench.store.results.find(bench.id))
    before = {t.number for t in bench.store.results.ended(bench.id) if (t.arrived or 0) < last}
    assert before <= told.keys()
    first, second = bench.begin(), bench.begin()
    assert sampler_of(first).ask() == sampler_of(second).ask()


@pytest.mark.parametrize(
    "scheduler", [ASHA, {"name": "asha", "grace_epochs": 1, "reduction_factor": 3}]
)
def test_what_another_campaign_answered_replays(scheduler: dict[str, Any], tmp_path: Path) -> None:
    """A campaign of the same seed, in the same store, under the same rule or a stricter one."""
    played(tmp_path, "random")
    bench, _ = played(tmp_path, "random", crashes=0.03, scheduler=scheduler)
    taken = [trial for trial in bench.store.results.find(bench.id) if trial.source is not None]
    assert {trial.status for trial in taken} >= {"finished"}
    assert_equal(bench)


# ------------------------------------------------------------------------- tampering


def changed(bench: Bench, table: sa.Table, number: int, **values: Any) -> None:
    with change_rows(bench.store) as connection:
        where = (table.c.campaign == bench.id) & (table.c.number == number)
        assert connection.execute(sa.update(table).where(where).values(values)).rowcount


def sampled(bench: Bench, after: int = 8) -> Any:
    """A trained trial of the sampler's, with others after it."""
    trials = bench.store.results.find(bench.id, statuses=["finished", "pruned"])
    return next(t for t in trials if t.number >= after and t.origin != "control")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return played(tmp_path, "optuna")[0]


def test_a_changed_choice_is_the_first_difference(bench: Bench) -> None:
    whole, trial = assert_equal(bench), sampled(bench)
    other = next(kernel for kernel in (1, 3, 5) if kernel != trial.choices["kernel"])
    changed(bench, TRIALS, trial.number, choices={**trial.choices, "kernel": other})
    found = again(bench)
    assert str(found.difference) == (
        f"trial {trial.number}: kernel is recorded as {other}, "
        f"derived as {trial.choices['kernel']}"
    )
    assert 0 < found.decisions < whole.decisions


def test_a_changed_score_is_the_first_difference(bench: Bench) -> None:
    trial = sampled(bench)
    changed(bench, TRIALS, trial.number, top1=0.999)
    found = again(bench)
    assert str(found.difference) == (
        f"trial {trial.number}: its result is recorded as 0.999, "
        f"but the sampler was told {trial.top1}"
    )


def test_a_changed_journal_is_the_first_difference(bench: Bench) -> None:
    """An outcome is changed where it was told, and in its trial, so that both agree."""
    trial = bench.store.results.top(bench.id, 1, statuses=["finished"], without=CONTROL)[0]
    [(number, calls)] = [
        (number, calls)
        for number, calls in bench.store.results.journal(bench.id).items()
        if any(call.get("told") == trial.number for call in calls)
    ]
    failed = {"told": trial.number, "reason": "failed"}
    forged = [failed if call.get("told") == trial.number else call for call in calls]
    changed(bench, JOURNAL, number, calls=forged)
    changed(bench, TRIALS, trial.number, status="failed", reason="failed")
    found = again(bench)
    assert found.difference is not None
    assert found.difference.trial >= number
    assert "derived as" in found.difference.what


def test_a_training_that_was_not_stopped_is_a_difference(bench: Bench) -> None:
    pruned = bench.store.results.find(bench.id, statuses=["pruned"])[0]
    changed(bench, TRIALS, pruned.number, status="failed", reason="diverged: x", arrived=10**6)
    found = again(bench)
    assert str(found.difference) == (
        f"trial {pruned.number}: after epoch {pruned.epochs} it goes on on record, "
        "derived is that it stops"
    )


def test_a_changed_report_is_a_difference(bench: Bench) -> None:
    """The first report of a trial that went on is made the worst of all."""
    trials = bench.store.results.find(bench.id, statuses=["finished"])
    number = next(t.number for t in trials if t.number > 8)
    with change_rows(bench.store) as connection:
        first = (REPORTS.c.campaign == bench.id) & (REPORTS.c.number == number)
        connection.execute(sa.update(REPORTS).where(first, REPORTS.c.epoch == 1).values(top1=-1.0))
        connection.execute(sa.update(REPORTS).where(first, REPORTS.c.epoch == 2).values(top1=-1.0))
    found = again(bench)
    assert found.difference is not None
    assert found.difference.trial == number
    assert found.difference.what.endswith("goes on on record, derived is that it stops")


def test_what_was_infeasible_must_be_so(bench: Bench) -> None:
    trial = bench.store.results.find(bench.id, statuses=["infeasible"])[-1]
    changed(bench, TRIALS, trial.number, status="waiting", reason=None, arrived=None, ended=None)
    found = again(bench)
    assert found.difference is not None
    assert found.difference.trial == trial.number
    assert "is recorded as feasible, derived as" in found.difference.what


def test_suggestions_without_a_journal_are_given(bench: Bench) -> None:
    """A campaign that an older version began."""
    with change_rows(bench.store) as connection:
        connection.execute(sa.delete(JOURNAL).where(JOURNAL.c.number < 9))
    found = again(bench)
    assert found.unjournaled == 9 - 1, "all but the control"


def test_the_journal_holds_json_and_little_of_it(bench: Bench) -> None:
    journal: Mapping[int, Any] = bench.store.results.journal(bench.id)
    assert set(journal) == {
        t.number for t in bench.store.results.find(bench.id) if t.origin != "control"
    }
    assert len(json.dumps(journal)) < 100 * len(journal)
