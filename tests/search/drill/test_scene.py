"""A scene: what its drivers and workers wrote, and to whom its signals go."""

from __future__ import annotations

import dataclasses
import signal

import pytest

from search.drill.scene import HAPPENINGS, OUTPUT, Scene
from search.host.home import Process
from space.errors import VentralError
from tests.support.campaigns import add, report, train
from tests.support.processes import start_python
from tests.support.scenes import tell
from tests.support.waiting import GUARD


def test_a_line_that_is_still_being_written_is_no_happening(scene: Scene) -> None:
    before = scene.happenings()
    with (scene.folder / HAPPENINGS).open("a") as lines:
        lines.write("99.0")
    assert scene.happenings() == before
    assert [one.kind for one in scene.happenings(since=4.0)] == ["started", "finished"]
    (scene.folder / HAPPENINGS).unlink()
    assert scene.happenings() == []


def test_trials_run_from_their_start_to_their_end_in_one_driver(scene: Scene) -> None:
    assert scene.running() == [2]
    tell(scene, "finished 2", "started 7", "report 7", "started 8", "started 9", "retry 9")
    assert scene.running() == [7, 8]
    tell(scene, "finished 8")
    assert scene.running() == [7]
    tell(scene, "starting")
    assert scene.running() == [], "the workers of a driver end with it"


def test_interrupted_are_those_that_lack_an_epoch(scene: Scene) -> None:
    """One that only lacks its end is given it without a worker; one never started waits."""
    for number in (3, 4, 5):
        add(scene.store, scene.campaign_id, number)
    for number, epochs in ((3, 1), (4, 2)):
        scene.store.trials.start(scene.campaign_id, number)
        for epoch in range(1, epochs + 1):
            scene.store.trials.add_report(scene.campaign_id, number, report(epoch, 0.1))
    now = scene.snapshot()
    assert now.interrupted == (3,)
    assert set(now.ended) == {0, 1, 2}
    assert now.reports == {0: 2, 1: 2, 2: 2, 3: 1, 4: 2, 5: 0}
    train(scene.store, scene.campaign_id, 5, 0.1, 0.2)
    assert set(now.ended) == {0, 1, 2}, "a snapshot is of its moment"


WORKER = """
import time
from search.host.home import Process
print(Process.current(), flush=True)
time.sleep(60)
"""


def test_a_signal_goes_to_the_worker_of_a_trial_and_to_no_later_process(scene: Scene) -> None:
    assert scene.signal(1, signal.SIGKILL) is False, "it has no worker"
    worker = start_python(WORKER)
    try:
        assert worker.stdout is not None
        now = Process.parse(worker.stdout.readline().strip())
        later = dataclasses.replace(now, born="1")
        (scene.folder / "worker-1").write_text(str(later))
        assert scene.signal(1, signal.SIGKILL) is False
        assert worker.poll() is None
        (scene.folder / "worker-1").write_text(str(now))
        assert scene.signal(1, signal.SIGKILL) is True
        assert worker.wait(GUARD) == -signal.SIGKILL
    finally:
        worker.kill()
        worker.communicate()


def test_a_worker_elsewhere_is_sent_its_signal_as_a_file(scene: Scene) -> None:
    far = dataclasses.replace(Process.current(), host="node7/boot/pid")
    (scene.folder / "worker-2").write_text(str(far))
    assert scene.signal(2, signal.SIGSTOP) is True
    assert (scene.folder / f"signal-{signal.SIGSTOP.value}-2").exists()


def test_what_is_waited_for_in_vain_ends_with_what_the_driver_printed(scene: Scene) -> None:
    (scene.folder / OUTPUT).write_text("error: the disk is full\n")
    with pytest.raises(VentralError, match=r"ended before a trial's end:\nerror: the disk"):
        scene.until(lambda: False, "a trial's end")
    scene.until(lambda: True, "what holds already")
