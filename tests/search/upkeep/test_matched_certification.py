"""Rates and final trainings in a row, without Ray: what is seen of it, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import ventral
from search.driver import RunResult
from search.store import Campaign, Trial
from search.upkeep.matched_certification import Matching, Silent, Unfinished, certify_matched
from space.errors import InputError
from tests.support.matching import Driver, record_of, search

WANTED = Matching(top=1, seeds=2)


class Noting(Silent):
    """Keeps what it sees, in order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def choose(self, winners: Sequence[Trial], _feedforward: Sequence[Trial]) -> None:
        self.seen.append(f"{len(winners)} chosen")

    def inspect(self, campaign: Any, prepared: Any) -> None:
        packed, space = prepared
        assert space.images.size == packed.size
        self.seen.append(f"inspect {campaign.name}")

    def skip(self, record: Campaign) -> None:
        self.seen.append(f"skip {record.name}")

    def drive(self, record: Campaign, run: Callable[[Any], RunResult]) -> RunResult:
        self.seen.append(f"drive {record.name}")
        return run(lambda _happening: None)


def test_what_was_stopped_is_an_error_and_the_same_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, follower = search(tmp_path), Noting()
    monkeypatch.setattr("search.driver.run", Driver(bench, stop_after=4).run)

    def certify(matching: Matching = WANTED) -> Any:
        return certify_matched(bench.store, bench.home, record_of(bench), matching, follower)

    with pytest.raises(Unfinished, match=r"\(toy-rates\): stopped; everything is kept") as caught:
        certify()
    assert caught.value.result.state == "stopped"
    assert follower.seen == ["1 chosen", "inspect toy-rates", "drive toy-rates"]
    follower.seen.clear()
    evidence = certify()
    assert follower.seen[:2] == ["1 chosen", "drive toy-rates"], "it is on record already"
    assert follower.seen[-2:] == ["inspect toy-matched", "drive toy-matched"]
    follower.seen.clear()
    assert certify() == evidence
    assert {line.split()[0] for line in follower.seen} == {"1", "skip"}


def test_a_notebook_has_the_same_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = search(tmp_path)
    driver = Driver(bench)
    monkeypatch.setattr("search.driver.run", driver.run)
    with pytest.raises(InputError, match="run=False"):
        ventral.certify(bench.id, matched=True, run=False, home=tmp_path)  # type: ignore[call-overload]
    evidence = ventral.certify(bench.id, matched=True, top=1, seeds=2, home=tmp_path)
    trained = len(driver.driven)
    assert [one.family for one in evidence.networks] == [
        "winner",
        "parameters",
        "macs",
        "depth",
        "control",
    ]
    assert [verdict.against for verdict in evidence.verdicts] == ["parameters", "macs", "depth"]
    assert {len(one.scores) for one in evidence.networks} == {2}
    assert certify_matched(bench.store, bench.home, record_of(bench), WANTED) == evidence
    assert len(driver.driven) == trained
    everything = ventral.certify(
        bench.id, matched=True, top=1, seeds=2, all_data=True, home=tmp_path
    )
    assert everything.campaign != evidence.campaign
    assert driver.driven[trained:] == ["toy-matched"], "the rates are known"
