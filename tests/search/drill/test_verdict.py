"""What a verdict on a campaign sees: whatever a fault may have cost."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from search.drill.scene import Scene
from search.drill.verdict import Snapshot, Verdict
from search.tune.remains import MARK
from tests.support.campaigns import add, report, train
from tests.support.scenes import tell


def snapshot(scene: Scene, at: float = 0.0, interrupted: tuple[int, ...] = ()) -> Snapshot:
    now = scene.snapshot()
    return Snapshot(at=at, ended=now.ended, interrupted=interrupted, reports=now.reports)


def test_nothing_is_wrong_with_what_is_whole(scene: Scene) -> None:
    assert scene.verdict([snapshot(scene)]) == Verdict(lost=0, repeated=0, problems=())
    assert scene.epochs() == {0: [1, 2], 1: [1, 2], 2: [1, 2]}


def test_a_finished_trial_that_was_trained_again_is_lost(scene: Scene) -> None:
    before = snapshot(scene)
    train(scene.store, scene.campaign_id, 1, 0.1, 0.2)
    assert scene.verdict([before]).lost == 1
    (scene.folder / "epochs-1").write_text("1 17\n2 17\n1 18\n2 18\n")
    assert scene.verdict([before]).repeated == 2


def test_reports_that_are_gone_are_lost(scene: Scene) -> None:
    before = snapshot(scene)
    held = Snapshot(at=0.0, ended={}, interrupted=(), reports={0: 2, 1: 2, 7: 1})
    assert scene.verdict([before, held]).lost == 1


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (lambda s: s.store.trials.start(s.campaign_id, 1), "trial 1 is running"),
        (
            lambda s: s.store.campaigns.set_state(s.campaign_id, "failed", "why"),
            "the campaign is failed",
        ),
        (lambda s: add(s.store, s.campaign_id, 3), "4 trials where the budget has 3"),
        (lambda s: add(s.store, s.campaign_id, 5), "numbers with gaps: [0, 1, 2, 5]"),
        (
            lambda s: s.store.trials.add_report(s.campaign_id, 2, report(4, 0.3)),
            "trial 2 has reports of the epochs [1, 2, 4]",
        ),
        (lambda s: (s.folder / "ventral-abc").mkdir(), "ventral-abc is left"),
        (
            lambda s: (s.folder / "trial-1" / ".checkpoint.partial-x").mkdir(parents=True),
            ".checkpoint.partial-x is left",
        ),
        (lambda s: (s.folder / "cluster.json").write_text("{}"), "cluster.json is left"),
    ],
)
def test_what_is_not_true_or_left_is_said(
    scene: Scene, break_it: Callable[[Scene], object], problem: str
) -> None:
    break_it(scene)
    verdict = scene.verdict([])
    assert not verdict.good
    assert any(problem in said for said in verdict.problems), verdict


def test_a_process_of_a_cluster_that_is_left_is_said(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import time; time.sleep(60)"
    left = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {MARK: "dddd"})
    record = {"mark": "dddd", "scratch": str(tmp_path / "gone"), "driver": "x 1 1"}
    (scene.folder / "cluster.json").write_text(json.dumps(record))
    scene.snapshot()
    (scene.folder / "cluster.json").unlink()
    try:
        with monkeypatch.context() as patch:  # its patience is over soon
            patch.setattr(time, "monotonic", itertools.count(step=5.0).__next__)
            problems = scene.verdict([]).problems
        assert problems == (f"processes [{left.pid}] are left of a cluster",)
    finally:
        left.kill()
        left.wait()
    assert scene.verdict([]).good


def test_a_new_trial_before_an_interrupted_one_is_said(scene: Scene) -> None:
    """Two slots: after a restart one new trial may fill the other, but not both of them."""
    interrupted = snapshot(scene, at=5.5, interrupted=(1,))
    tell(scene, "starting", "started 5", "started 1", "finished 1")
    assert scene.verdict([interrupted]).problems == ()
    later = snapshot(scene, at=9.5, interrupted=(5,))
    tell(scene, "starting", "started 6", "finished 6", "started 7", "started 5")
    assert scene.verdict([interrupted, later]).problems == ("trial 7 was started before ['5']",)


def test_a_slot_that_a_lost_worker_left_is_not_for_a_new_trial(scene: Scene) -> None:
    event = {"trial": 1, "cause": "worker"}
    scene.store.campaigns.add_event(scene.campaign_id, "worker lost", event)
    tell(scene, "retry 1", "started 5", "started 1")
    assert scene.verdict([]).problems == ("trial 5 was started before ['1']",)
