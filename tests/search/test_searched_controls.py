"""Searched controls: a share of the suggestions are feedforward networks, whatever happens."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search import samplers
from search.campaign import count_searched_controls
from search.replay import replay
from search.store import CONTROL, SEARCHED, Trial
from search.store.tables import TRIALS
from space.feedforward import close_loops
from tests.support import toys
from tests.support.runs import Bench, Player, play_campaign
from tests.support.tables import change_rows

SHARE = 0.3
ASHA = {"name": "asha", "grace_epochs": 1, "reduction_factor": 2}
DISCRETE = {**toys.LOOPS, "recipe": {}}


def played(folder: Path, seed: int = 0, **more: Any) -> tuple[Bench, Player]:
    """A campaign with searched controls that was played to its end."""
    changes: dict[str, Any] = {
        "space": toys.LOOPS,
        "controls": {"search": SHARE},
        "scheduler": ASHA,
        "recipe": {"epochs": 4},
        "budget": {"trials": 20},
        "limits": {"parameters": 900},
        "seed": seed,
    }
    return play_campaign(folder, seed, changes, more)


def suggested(bench: Bench) -> list[Trial]:
    return [one for one in bench.store.results.find(bench.id) if one.origin != CONTROL]


def assert_shared(bench: Bench) -> list[Trial]:
    """The searched controls, after every suggestion as many as are their due."""
    trials = suggested(bench)
    for place in range(1, len(trials) + 1):
        searched = [one for one in trials[:place] if one.family == SEARCHED]
        assert len(searched) == count_searched_controls(bench.campaign, place)
    assert all(one.recurrence == "none" for one in trials if one.family == SEARCHED)
    assert any(one.recurrence == "local" for one in trials)
    return [one for one in trials if one.family == SEARCHED]


def assert_replays(bench: Bench) -> None:
    result = replay(bench.store, bench.id)
    assert result.difference is None, str(result.difference)
    assert result.decisions >= len(suggested(bench))


@pytest.mark.parametrize("name", samplers.NAMES)
def test_a_share_of_the_suggestions_is_feedforward_over_killed_drivers(
    name: str, tmp_path: Path
) -> None:
    known = type(samplers.check(name, {})).model_fields
    options = {key: 3 for key in ("startup", "population") if key in known}
    bench, player = played(tmp_path, crashes=0.04, sampler={"name": name, "options": options})
    assert player.crashed
    searched = assert_shared(bench)
    assert {one.origin for one in searched} == {name}
    assert {one.control for one in searched} == {None}
    assert len({(one.digest, str(one.recipe)) for one in suggested(bench)}) == len(
        suggested(bench)
    )
    assert_replays(bench)


def test_what_is_infeasible_counts_and_suggestions_made_ahead_do(tmp_path: Path) -> None:
    bench, _ = played(tmp_path, ahead=True, crashes=0.03, limits={"parameters": 300})
    assert bench.store.results.counts(bench.id)["infeasible"]
    assert_shared(bench)
    assert_replays(bench)


def test_the_sampler_of_the_controls_knows_their_outcomes_alone(tmp_path: Path) -> None:
    """The same campaign with other scores elsewhere suggests the same first controls."""
    bench, _ = played(tmp_path, sampler={"name": "evolution"}, budget={"trials": 12})
    run = bench.begin()
    suggester: Any = run.source
    part = suggester._controls  # noqa: SLF001 - a test looks inside
    assert part.space == close_loops(bench.space)
    numbers = {number for number, of in suggester._parts.items() if of is part}  # noqa: SLF001
    assert numbers == {one.number for one in suggested(bench) if one.family == SEARCHED}


@pytest.mark.parametrize("crashes", [0.0, 0.03])
def test_where_the_part_has_no_more_networks_the_whole_goes_on(
    crashes: float, tmp_path: Path
) -> None:
    """18 feedforward networks, and 0.75 of 30 suggestions: the search goes on without them."""
    more: dict[str, Any] = {
        "space": DISCRETE,
        "controls": {"names": [], "search": 0.75},
        "limits": {},
    }
    bench, _ = played(tmp_path, crashes=crashes, budget={"trials": 30}, **more)
    trials = suggested(bench)
    assert len(trials) == 30
    feedforward = [one for one in trials if one.recurrence == "none"]
    assert len(feedforward) == 18, "all that there are, by one of the two samplers"
    calls = [call for own in bench.store.results.journal(bench.id).values() for call in own]
    assert any(call.get("searched") for call in calls)
    assert_replays(bench)


def test_a_group_is_judged_by_its_own_rungs(tmp_path: Path) -> None:
    bench, _ = played(tmp_path, controls={"names": [], "search": 0.5}, budget={"trials": 24})
    for searched in (True, False):
        group = [one for one in suggested(bench) if (one.family == SEARCHED) == searched]
        ended = [one.status for one in group if one.status != "infeasible"]
        assert "finished" in ended
        assert "pruned" in ended
    assert_replays(bench)


def test_replay_names_a_trial_of_another_group(tmp_path: Path) -> None:
    bench, _ = played(tmp_path, scheduler={"name": "fifo"})
    first = next(one for one in suggested(bench) if one.family == SEARCHED)
    with change_rows(bench.store) as connection:
        row = TRIALS.c.campaign == bench.id, TRIALS.c.number == first.number
        connection.execute(sa.update(TRIALS).where(*row).values(family=None))
    difference = replay(bench.store, bench.id).difference
    assert difference is not None
    assert difference.trial == first.number
    assert "the whole space, derived as a searched control" in difference.what


def test_a_campaign_without_them_is_as_before(tmp_path: Path) -> None:
    plain, _ = played(tmp_path / "plain", controls=["wide"])
    none, _ = played(tmp_path / "none", controls={"names": ["wide"], "search": 0.0})
    assert [one.choices for one in suggested(plain)] == [one.choices for one in suggested(none)]
    assert {one.family for one in suggested(plain)} == {None}


def test_another_campaign_trains_none_of_them_again(tmp_path: Path) -> None:
    first, _ = played(tmp_path, scheduler={"name": "fifo"})
    again = first.beside(copy.deepcopy(first.campaign))
    Player(again, 5).play()
    reused = [one for one in suggested(again) if one.source is not None]
    assert {one.family for one in reused} == {None, SEARCHED}
    assert [one.choices for one in suggested(again)] == [one.choices for one in suggested(first)]
