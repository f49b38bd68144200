"""The driver with real Ray processes and a trainable that only counts: run, stop, kill, resume."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray

from search import driver
from search.assign.queue import Queue
from search.assign.setting import Happening
from search.host.machine import machine
from search.replay import Replay, replay
from search.store import SEARCHED
from search.store.trials import Trials
from search.tune import access
from search.tune.remains import find_marked
from space.errors import CampaignError, DataError, StoreError
from tests.support import toys
from tests.support.driving import DriverBench
from tests.support.effort import refuse_ray
from tests.support.waiting import GUARD, wait_until
from workers.job import Failure

ROOT = Path(__file__).parents[2]
KNOWN = "f" * 64
"""A token that others know."""
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
OPTUNA = {"name": "optuna", "options": {"startup": 3}}

# A driver in a process of its own: it prints the campaign's id, then every happening.
SCRIPT = """
import sys
from search import driver
from search.host.home import Home
from search.store import Store
from tests.support import toys
from tests.support.driving import DriverBench

home = Home.at(sys.argv[1])
store = Store.open(home.store_url)
def listen(happening):
    print(happening.kind, happening.trial, flush=True)
outcome = driver.run(
    sys.argv[2], home, store, listen, trainable=toys.trainable(float(sys.argv[3])), mirror=False
)
print("outcome", outcome.state, "torch" in sys.modules, flush=True)
"""


class Bench(DriverBench):
    """And drivers in processes of their own, which may be killed."""

    def started(self, campaign_id: str, seconds: float = 0.2) -> subprocess.Popen[str]:
        """A driver of its own, in its own process group as one in a terminal has it."""
        arguments = [str(self.home.path), campaign_id, str(seconds)]
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def workers(self, campaign_id: str) -> set[int]:
        """The processes that trained."""
        files = self.home.campaign(campaign_id).glob("epochs-*")
        return {int(line.split()[1]) for file in files for line in file.read_text().splitlines()}

    def mark(self, campaign_id: str) -> str:
        """The mark of the campaign's live cluster."""
        record = self.home.campaign(campaign_id) / driver.CLUSTER
        return str(json.loads(record.read_text())["mark"])


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield Bench(tmp_path / "home")
    assert not ray.is_initialized()


def wait_for(process: subprocess.Popen[str], enough: Callable[[list[str]], bool]) -> list[str]:
    """The process's lines until they are enough; fails if it ends before."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if enough(lines):
            return lines
    pytest.fail("the driver ended early:\n" + "\n".join(lines))


def assert_gone(mark: str) -> None:
    """No process of the cluster is left."""
    wait_until(lambda: not find_marked(mark), "the cluster's processes end")


def opened(pids: set[int]) -> set[str]:
    """What these processes have open, as /proc calls it."""
    names = set()
    for pid in pids:
        for handle in Path(f"/proc/{pid}/fd").glob("*"):
            with contextlib.suppress(OSError):
                names.add(str(handle.readlink()))
    return names


def unix_sockets(pids: set[int]) -> set[str]:
    """The paths of the Unix sockets on which these processes listen; `@` begins one of no file."""
    inodes = opened(pids)
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    fields = [line.split(maxsplit=7) for line in lines]
    # Of a listening socket the flags have bit 16.
    return {
        one[7] for one in fields
        if len(one) == 8 and int(one[3], 16) & 0x10000 and f"socket:[{one[6]}]" in inodes
    }  # fmt: skip


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """(address, port) of the TCP sockets on which these processes listen, from /proc."""
    inodes = opened(pids)
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                address, port = fields[1].split(":")
                words = [
                    bytes.fromhex(address)[n : n + 4][::-1] for n in range(0, len(address) // 2, 4)
                ]
                found.add((socket.inet_ntop(family, b"".join(words)), int(port, 16)))
    return found


# ------------------------------------------------------------------------- one whole campaign


@dataclass(frozen=True)
class Whole:
    """A campaign of ten trials that ran to its end: trial 3 lost a worker, trial 5 diverged."""

    bench: Bench
    id: str
    outcome: driver.RunResult
    printed: str
    alive: dict[str, Any]
    changed: set[str]
    user: Path

    @property
    def folder(self) -> Path:
        return self.bench.home.campaign(self.id)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    bench = Bench(folder / "home")
    campaign_id = bench.submit(budget={"trials": 10}, keep=2, retries=1)
    campaign_folder = bench.home.ensure(bench.home.campaign(campaign_id))
    (campaign_folder / "die-3-2").touch()
    (campaign_folder / "fail-5").touch()
    alive: dict[str, Any] = {}

    def listen(happening: Happening) -> None:
        bench.happenings.append(happening)
        if happening.kind == "report" and not alive:
            alive.update(json.loads((campaign_folder / driver.CLUSTER).read_text()))
            alive["processes"] = find_marked(alive["mark"])
            alive["listening"] = listening({*alive["processes"], os.getpid()})
            alive["sockets"] = unix_sockets({*alive["processes"], os.getpid()})
            alive["mode"] = stat.S_IMODE(Path(alive["scratch"]).stat().st_mode)
            address = ray.get_runtime_context().gcs_address
            known = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": KNOWN}
            alive["strangers"] = [access.probe(address, who) for who in (access.STRANGER, known)]
            alive["own"] = access.probe(address, {})

    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("HOME", str(folder))
        # None of this may open the driver's own cluster.
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_AUTH_TOKEN", KNOWN)
        patch.setenv("RAY_ADDRESS", "127.0.0.1:1")
        before = dict(os.environ)
        mask = os.umask(0)  # closes nothing to anybody
        try:
            outcome = bench.run(campaign_id, seconds=0.05, listen=listen)
        finally:
            os.umask(mask)
        names = before.keys() | os.environ.keys()
        changed = {name for name in names if os.environ.get(name) != before.get(name)}
    return Whole(bench, campaign_id, outcome, printed.getvalue(), alive, changed, folder)


def test_every_trial_is_on_record(whole: Whole) -> None:
    store = whole.bench.store
    assert whole.outcome.state == store.campaigns.get(whole.id).state == "finished"
    assert (whole.outcome.trials["finished"], whole.outcome.trials["failed"]) == (9, 1)
    trials = {trial.number: trial for trial in store.results.find(whole.id)}
    assert trials[5].reason == "diverged: loss is nan"
    assert trials[5].detail == "a traceback"
    for number in set(trials) - {5}:
        assert trials[number].epochs == 3
        assert trials[number].top1 == pytest.approx(toys.score(number, 3, 3))
        assert [one.report.epoch for one in store.results.reports(whole.id, number)] == [1, 2, 3]


def test_a_lost_worker_s_trial_goes_on_from_its_checkpoint(whole: Whole) -> None:
    assert whole.bench.store.results.get(whole.id, 3).attempts == 2
    assert whole.bench.epochs(whole.id)[3] == [1, 2, 3]
    [lost] = [e for e in whole.bench.store.campaigns.events(whole.id) if e.kind == "worker lost"]
    assert lost.detail["trial"] == 3
    assert "died" in lost.detail["error"].lower()


def test_workers_are_used_again_with_one_thread(whole: Whole) -> None:
    slots = machine().slots(1, 0)
    assert len(whole.bench.workers(whole.id)) <= slots + 2, "and one for the one that died"
    lines = (whole.folder / "epochs-0").read_text().splitlines()
    assert all(line.split()[2] == "1" for line in lines)


def test_the_best_checkpoints_are_kept(whole: Whole) -> None:
    best = [t.number for t in whole.bench.store.results.top(whole.id) if t.origin != "control"][:2]
    kept = {int(path.name.removeprefix("trial-")) for path in whole.folder.glob("trial-*")}
    assert kept == {0, *best}, "the best two and the control"


def test_what_happens_is_told_and_nothing_is_printed(whole: Whole) -> None:
    kinds = Counter(happening.kind for happening in whole.bench.happenings)
    expected = {"started": 11, "report": 27, "finished": 9, "failed": 1, "retry": 1, "ended": 1}
    assert {kind: kinds[kind] for kind in expected} == expected
    assert whole.printed == ""


def test_nothing_of_ray_is_left(whole: Whole) -> None:
    assert len(whole.alive["processes"]) > 3, "gcs, raylet and workers carried the mark"
    assert set(whole.alive["processes"]) & whole.bench.workers(whole.id)
    assert_gone(whole.alive["mark"])
    assert not Path(whole.alive["scratch"]).exists()
    assert not (whole.folder / driver.CLUSTER).exists()
    assert not (whole.user / ".ray").exists(), "no token that others could read"
    assert whole.changed <= {"RAY_CLIENT_MODE"}


def test_nobody_without_the_token_gets_in(whole: Whole) -> None:
    """Whatever the environment says of authentication, and with the token that it names."""
    assert whole.alive["strangers"] == ["refused", "refused"]
    assert whole.alive["own"] == "open"


def test_ray_listens_on_the_loopback_interface_only(whole: Whole) -> None:
    assert len(whole.alive["listening"]) >= 4, "gcs, raylet, driver and workers"
    assert {address for address, _ in whole.alive["listening"]} <= LOOPBACK


def test_sockets_and_results_are_the_user_s_alone_whatever_the_mask(whole: Whole) -> None:
    assert whole.alive["mode"] == 0o700
    assert len(whole.alive["sockets"]) >= 2, "of the raylet and of the object store"
    assert all(path.startswith(whole.alive["scratch"]) for path in whole.alive["sockets"])
    assert stat.S_IMODE(whole.bench.home.path.stat().st_mode) == 0o700


def test_a_finished_campaign_is_not_run_again(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_ray(monkeypatch)
    assert whole.bench.run(whole.id).state == "finished"
    assert whole.bench.epochs(whole.id)[0] == [1, 2, 3]


# ------------------------------------------------------------------------- ended from outside


@pytest.mark.slow
def test_ctrl_c_stops_cleanly(bench: Bench) -> None:
    """SIGINT to the whole group, as a terminal sends it, in the middle of long epochs."""
    campaign_id = bench.submit(budget={"trials": 5}, recipe={"epochs": 4})
    process = bench.started(campaign_id, seconds=3.0)
    wait_for(process, lambda lines: sum(line.startswith("report") for line in lines) >= 2)
    with pytest.raises(StoreError, match=f"is being run by process {process.pid}"):
        bench.run(campaign_id)
    mark, epochs = bench.mark(campaign_id), bench.epochs(campaign_id)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=GUARD)
    assert process.returncode == 0, output
    assert "outcome stopped False" in output, "and torch was never loaded"
    record = bench.store.campaigns.get(campaign_id)
    assert (record.state, record.reason) == ("stopped", "interrupted (SIGINT)")
    trials = bench.store.results.find(campaign_id)
    assert {trial.status for trial in trials} == {"waiting"}
    assert {trial.number: trial.epochs for trial in trials if trial.epochs} == {
        number: max(run) for number, run in epochs.items()
    }
    assert_gone(mark)


@pytest.mark.slow
def test_a_killed_and_a_stopped_driver_lose_nothing_and_repeat_nothing(bench: Bench) -> None:
    """kill -9 in the middle of trials, then `stop`; the third driver brings it to the end."""
    campaign_id = bench.submit(budget={"trials": 9}, sampler=OPTUNA)
    marks = []

    def interrupt(end: Callable[[subprocess.Popen[str]], object], finished: int) -> None:
        process = bench.started(campaign_id, seconds=0.3)

        def enough(lines: list[str]) -> bool:
            done = bench.store.results.counts(campaign_id)["finished"] >= finished
            return done and lines[-1].startswith("report")

        wait_for(process, enough)
        marks.append(bench.mark(campaign_id))
        done = {t.number for t in bench.store.results.find(campaign_id, statuses=["finished"])}
        end(process)
        process.communicate(timeout=GUARD)
        assert {
            t.number for t in bench.store.results.find(campaign_id, statuses=["finished"])
        } >= done

    interrupt(lambda process: process.kill(), 2)
    assert bench.store.campaigns.get(campaign_id).state == "interrupted"
    interrupt(lambda _process: driver.stop(campaign_id, bench.store), 5)
    assert bench.store.campaigns.get(campaign_id).state == "stopped"
    with pytest.raises(StoreError, match="not running"):
        driver.stop(campaign_id, bench.store)

    outcome = bench.run(campaign_id)
    assert outcome.state == "finished"
    assert outcome.trials["finished"] == 9
    assert bench.epochs(campaign_id) == {number: [1, 2, 3] for number in range(9)}
    assert {len(bench.store.results.reports(campaign_id, number)) for number in range(9)} == {3}
    assert replay(bench.store, campaign_id) == Replay(decisions=8, unjournaled=0, difference=None)
    for mark in marks:
        assert_gone(mark)


def test_a_driver_elsewhere_is_dead_only_when_it_is_silent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its clock says: the two machines' clocks need not agree."""
    monkeypatch.setattr(driver, "HEARTBEAT_SECONDS", 0.5)
    campaign_id = bench.submit()
    bench.store.campaigns.set_state(campaign_id, "running")

    def elsewhere(heartbeat: float) -> None:
        with sqlite3.connect(bench.home.path / "store.db", timeout=30) as connection:
            values = ("far-away/boot/pid 17 99", heartbeat, campaign_id)
            connection.execute("UPDATE campaigns SET driver=?, heartbeat=? WHERE id=?", values)

    behind = time.time() - 3600
    elsewhere(behind)
    record = bench.store.campaigns.get(campaign_id)
    assert record.state == "interrupted", "by the clock"
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", lambda _seconds: elsewhere(behind + 1))
        with pytest.raises(StoreError, match="is being run by process 17 on far-away"):
            bench.run(campaign_id)
    monkeypatch.setattr(Queue, "prepare", lambda _self: False)
    slept: list[float] = []
    sleep = time.sleep

    def count_sleep(seconds: float) -> None:
        slept.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", count_sleep)
    assert bench.run(campaign_id).state == "finished"
    assert 0.5 / 10 in slept, "it was waited for"


@pytest.mark.slow
def test_an_error_in_the_store_ends_the_run_with_that_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = bench.submit(budget={"trials": 3})

    def full(*_arguments: Any, **_options: Any) -> None:
        raise StoreError("store.db", "the disk is full", "free some space")

    monkeypatch.setattr(Trials, "add_report", full)
    with pytest.raises(StoreError, match="the disk is full"):
        bench.run(campaign_id)
    record = bench.store.campaigns.get(campaign_id)
    assert record.state == "failed"
    assert "the disk is full" in (record.reason or "")
    assert {trial.status for trial in bench.store.results.find(campaign_id)} == {"waiting"}


@pytest.mark.slow
def test_the_time_budget_is_a_hard_stop(bench: Bench) -> None:
    campaign_id = bench.submit(budget={"trials": 50, "seconds": 9.0}, recipe={"epochs": 100})
    outcome = bench.run(campaign_id, seconds=0.5)
    assert outcome.state == "stopped"
    assert outcome.reason == "budget.seconds: 9 is used up"
    assert outcome.trials["waiting"] == len(bench.store.results.find(campaign_id))
    assert 9 <= bench.store.campaigns.get(campaign_id).seconds < 16
    assert bench.run(campaign_id).state == "stopped", "the time of all drivers counts"


@pytest.mark.slow
def test_asha_stops_the_worse_and_they_are_pruned(bench: Bench) -> None:
    asha = {"name": "asha", "grace_epochs": 1, "reduction_factor": 3}
    campaign_id = bench.submit(budget={"trials": 9}, recipe={"epochs": 9}, scheduler=asha)
    outcome = bench.run(campaign_id, seconds=0.02)
    assert outcome.trials["pruned"] >= 3
    assert outcome.trials["finished"] >= 1
    for trial in bench.store.results.find(campaign_id):
        assert trial.epochs == 9 if trial.status == "finished" else trial.epochs in (1, 3)
    assert replay(bench.store, campaign_id).difference is None
    assert bench.store.results.top(campaign_id, 1)[0].status == "finished"


@pytest.mark.slow
def test_searched_controls_survive_a_stop(bench: Bench) -> None:
    """Half of the suggestions, in two drivers' runs, each group judged by rungs of its own."""
    campaign_id = bench.submit(
        space=toys.LOOPS,
        controls={"search": 0.5},
        scheduler={"name": "asha", "grace_epochs": 1, "reduction_factor": 2},
        sampler=OPTUNA,
        budget={"trials": 9, "epochs": 8},
    )
    assert bench.run(campaign_id).state == "stopped"
    document = bench.store.campaigns.get(campaign_id).document
    document["budget"]["epochs"] = None
    bench.store.campaigns.set_document(campaign_id, document, "more epochs")
    assert bench.run(campaign_id).state == "finished"
    trials = bench.store.results.find(campaign_id)[1:]
    assert [one.family for one in trials] == [None, SEARCHED] * 4
    assert {one.recurrence for one in trials if one.family == SEARCHED} == {"none"}
    assert replay(bench.store, campaign_id).difference is None


@pytest.mark.slow
def test_many_kills_in_a_row(bench: Bench) -> None:
    """Ten drivers are killed at any moment after their start, the eleventh finishes."""
    campaign_id = bench.submit(budget={"trials": 30}, sampler=OPTUNA)
    rng = random.Random(0)
    for _ in range(10):
        process = bench.started(campaign_id, seconds=0.2)
        wait_for(process, lambda lines: "starting None" in lines)
        time.sleep(12 * rng.random())
        process.kill()
        process.communicate(timeout=GUARD)
    outcome = bench.run(campaign_id)
    assert outcome.trials["finished"] == 30
    assert bench.epochs(campaign_id) == {number: [1, 2, 3] for number in range(30)}
    assert replay(bench.store, campaign_id) == Replay(decisions=29, unjournaled=0, difference=None)


# ------------------------------------------------------------------------- before Ray is started


def test_infeasible_limits_are_told_before_ray_is_started(bench: Bench) -> None:
    campaign_id = bench.submit(limits={"parameters": 1})
    with pytest.raises(CampaignError, match="in a row may not be trained"):
        bench.run(campaign_id)
    assert bench.store.campaigns.get(campaign_id).state == "failed"
    assert "starting" not in [happening.kind for happening in bench.happenings]


def test_a_campaign_of_failures_alone_has_failed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = bench.submit(budget={"trials": 1})

    def fails(self: Queue) -> bool:
        assignment = self.next()
        assert assignment is not None
        failure = Failure(kind="diverged", reason="loss is nan")
        self._records.start(assignment.number)
        self._records.end(assignment.number, "failed", failure)
        return False

    monkeypatch.setattr(Queue, "prepare", fails)
    outcome = bench.run(campaign_id)
    assert outcome.state == "failed"
    assert outcome.reason == "all 1 trials failed (diverged: loss is nan)"


def test_lost_data_is_packed_again_but_only_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "prepare", lambda _self: False)
    campaign_id = bench.submit()
    record = bench.store.campaigns.get(campaign_id)
    shutil.rmtree(bench.home.data)
    assert bench.run(campaign_id).state == "finished"
    assert Path(record.data["path"]).exists()

    shutil.rmtree(bench.home.data)
    document = {**record.document, "data": {**record.document["data"], "train_images": 32}}
    other = bench.store.campaigns.create("other", document, record.space, record.data)
    with pytest.raises(DataError, match="gives other images"):
        bench.run(other.id)
    assert bench.store.campaigns.get(other.id).state == "failed"


def test_a_machine_without_the_resources_is_refused(bench: Bench) -> None:
    campaign_id = bench.submit(resources={"cpus": 10_000})
    with pytest.raises(CampaignError, match="asks for 10000 cores a trial"):
        bench.run(campaign_id)
    assert bench.store.campaigns.get(campaign_id).state == "waiting"


# ------------------------------------------------------------------------- the real thing

REAL = """
import sys
from search import driver
from search.host.home import Home
from search.store import Store
from tests.support import toys
from tests.support.driving import DriverBench

home = Home.at(sys.argv[1])
home.ensure()
store = Store.open(home.store_url)
campaign = toys.campaign(
    budget={"trials": 3}, sampler={"name": "optuna"}, scheduler={"name": "asha"}, keep=1
)
outcome = driver.run(driver.submit(campaign, home, store), home, store)
print(outcome.trials["finished"] + outcome.trials["pruned"], outcome.unsent)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "mlflow", "optuna"}))
"""


def test_real_trials_are_trained_and_mirrored_without_torch_here(bench: Bench) -> None:
    """The workers' trainable, Optuna and MLflow; torch is loaded by the workers alone, and MLflow
    by the mirror.
    """
    done = subprocess.run(
        [sys.executable, "-c", REAL, str(bench.home.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GUARD,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["3 0", "['optuna']"]
    [record] = bench.store.campaigns.all()
    assert all(trial.top1 is not None for trial in bench.store.results.find(record.id))
    assert len(bench.store.outbox.runs(record.id)) == 3
