"""Trials that train are seen in MLflow, their curves grow, and a kill leaves nothing untrue."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from search import driver
from search.host.home import Home
from search.host.ports import free_port
from search.mirror import tracking
from search.mirror.campaign_page import PAGE_TAG
from search.mirror.client import Client
from search.mirror.following import Following
from search.mirror.mirroring import catch_up
from search.mirror.runs import KEY_TAG
from search.mirror.server import Server
from search.mirror.tracking import Mirror
from search.store import Campaign, Store
from search.store.outbox import Outbox
from tests.support import large, toys
from tests.support.campaigns import add, new_campaign, report, train
from tests.support.effort import record_statements
from tests.support.forks import Scripts
from tests.support.processes import DIES_AT
from tests.support.tables import engine_of
from tests.support.waiting import GUARD, wait_until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def home(tmp_path: Path, empty_mlflow: Path) -> Home:
    """A home with MLflow's database, without a run."""
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    shutil.copy(empty_mlflow, home.path / "mlflow.db")
    return home


@pytest.fixture
def campaign(store: Store) -> Campaign:
    """A campaign that this process drives, whose trial 0 runs and whose trial 1 waits."""
    campaign = new_campaign(store)
    for number in (0, 1):
        add(store, campaign.id, number)
    store.trials.start(campaign.id, 0)
    return campaign


class View:
    """What MLflow shows of a campaign."""

    def __init__(self, home: Home, campaign_id: str) -> None:
        from mlflow.tracking import MlflowClient

        self.client: Any = MlflowClient(tracking_uri=home.tracking_uri)
        self.campaign_id = campaign_id

    def runs(self) -> dict[int, Any]:
        """Every run that is not deleted, by trial; fails if a trial has two."""
        experiments = [one.experiment_id for one in self.client.search_experiments()]
        every = [
            run for run in self.client.search_runs(experiments) if PAGE_TAG not in run.data.tags
        ]
        runs = {int(run.data.tags["ventral.trial"]): run for run in every}
        assert len(runs) == len(every), "a trial has two runs"
        return runs

    def statuses(self) -> dict[int, str]:
        """MLflow's word for each trial that it shows."""
        return {number: run.info.status for number, run in self.runs().items()}

    def curve(self, number: int, key: str = "top1") -> list[tuple[int, float]]:
        """(step, value) of all that MLflow holds of a metric."""
        run = self.runs()[number].info.run_id
        points = self.client.get_metric_history(run, key)
        return sorted((point.step, point.value) for point in points)


@pytest.fixture
def view(home: Home, campaign: Campaign) -> View:
    return View(home, campaign.id)


@pytest.fixture
def connect(store: Store, home: Home, campaign: Campaign) -> Iterator[Callable[[], Following]]:
    """Connects as a mirror does; each connection knows nothing of the one before."""
    clients: list[Client] = []

    def connected() -> Following:
        client = Client(home.tracking_uri, lambda run: home.run_files(campaign.id, run))
        clients.append(client)
        experiment, _ = client.experiment(campaign, None)
        return Following(store, client, campaign.id, experiment)

    yield connected
    for client in clients:
        client.close()


Connect = Callable[[], Following]


def send(store: Store, home: Home, campaign_id: str) -> None:
    """All that a mirror sends in one life."""
    assert Mirror(store, home, campaign_id).start().close(GUARD).unsent == 0


def test_a_trial_that_starts_is_a_run_that_runs(
    campaign: Campaign, connect: Connect, view: View
) -> None:
    connect().follow()
    [run] = view.runs().values()
    assert (run.info.status, run.info.run_name) == ("RUNNING", "cell-0 #0 running")
    assert run.info.end_time is None
    assert run.data.params == {"stages.0.kernel": "3", "recipe.learning_rate": "0.01"}
    assert run.data.tags[KEY_TAG] == f"{campaign.id}/0"
    assert run.data.tags["ventral.status"] == "running"
    assert run.data.metrics == {"parameters": 1000, "macs": 50_000}


def test_a_curve_grows_by_one_call_a_look(
    store: Store,
    campaign: Campaign,
    connect: Connect,
    view: View,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    extend = Client.extend

    def counted(self: Client, run_id: str, points: Any) -> None:
        calls.append(len(points))
        extend(self, run_id, points)

    monkeypatch.setattr(Client, "extend", counted)
    following = connect()
    store.trials.add_report(campaign.id, 0, report(1, 0.1))
    following.follow()
    assert view.curve(0) == [(1, 0.1)]
    for epoch in (2, 3):
        store.trials.add_report(campaign.id, 0, report(epoch, epoch / 10))
    following.follow()
    following.follow()
    assert len(calls) == 1, "two reports arrive together, and none is sent again"
    assert view.curve(0) == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert view.curve(0, "epochs") == [(1, 1), (2, 2), (3, 3)]
    assert view.runs()[0].data.metrics["seconds"] == 4.5


def test_at_its_end_it_is_whole_and_nothing_is_there_twice(
    store: Store, home: Home, campaign: Campaign, connect: Connect, view: View
) -> None:
    following = connect()
    for epoch in (1, 2):
        store.trials.add_report(campaign.id, 0, report(epoch, epoch / 10))
        following.follow()
    shown = view.runs()[0].info.run_id
    store.trials.add_report(campaign.id, 0, report(3, 0.3))
    store.trials.finish(campaign.id, 0, "finished")
    # A mirror that knows nothing of what the other one sent.
    send(store, home, campaign.id)
    run = view.runs()[0]
    assert (run.info.run_id, run.info.status) == (shown, "FINISHED")
    assert run.info.run_name == "cell-0 #0 30.0%"
    assert run.info.end_time == round((store.results.get(campaign.id, 0).ended or 0) * 1000)
    assert (home.run_files(campaign.id, shown) / "genome.json").is_file()
    for key in ("top1", "loss", "epochs", "seconds"):
        assert [step for step, _ in view.curve(0, key)] == [1, 2, 3]
    assert [step for step, _ in view.curve(0, "macs")] == [0]


def test_what_it_has_is_not_sent_again_at_the_end(
    store: Store, campaign: Campaign, connect: Connect, view: View
) -> None:
    from search.mirror.runs import run_of

    following = connect()
    store.trials.add_report(campaign.id, 0, report(1, 0.1))
    following.follow()
    store.trials.add_report(campaign.id, 0, report(2, 0.2))
    trial, reports = store.results.get(campaign.id, 0), store.results.reports(campaign.id, 0)
    run = run_of(campaign, trial, reports)
    left = following.trim(0, view.runs()[0].info.run_id, run)
    assert {point.step for point in left.metrics} == {2}
    assert following.trim(0, "another", run) == run


def test_a_trial_whose_worker_was_lost_waits_and_runs_again(
    store: Store, campaign: Campaign, connect: Connect, view: View
) -> None:
    following = connect()
    for epoch in (1, 2):
        store.trials.add_report(campaign.id, 0, report(epoch, epoch / 10))
    following.follow()
    store.trials.requeue(campaign.id, 0, "its worker was lost")
    following.follow()
    assert view.statuses() == {0: "SCHEDULED"}
    assert view.runs()[0].data.tags["ventral.status"] == "waiting"
    store.trials.start(campaign.id, 0)
    store.trials.add_report(campaign.id, 0, report(2, 0.9))  # once more, and otherwise
    store.trials.add_report(campaign.id, 0, report(3, 0.3))
    following.follow()
    run = view.runs()[0]
    assert (run.info.status, run.data.tags["ventral.status"]) == ("RUNNING", "running")
    assert not run.data.tags["ventral.reason"]
    assert view.curve(0) == [(1, 0.1), (2, 0.2), (3, 0.3)], "a curve never goes back"


def test_a_campaign_that_stops_leaves_no_run_running(
    store: Store, home: Home, campaign: Campaign, connect: Connect, view: View
) -> None:
    connect().follow()
    assert store.outbox.shows_running(campaign.id)
    send(store, home, campaign.id)
    assert view.statuses() == {0: "SCHEDULED"}
    assert not store.outbox.shows_running(campaign.id)
    store.campaigns.set_state(campaign.id, "stopped")
    connect().follow()
    assert view.statuses() == {0: "SCHEDULED"}
    store.campaigns.set_state(campaign.id, "running")
    store.trials.start(campaign.id, 0)
    connect().follow()
    assert view.statuses() == {0: "RUNNING"}
    assert view.runs()[0].info.end_time is None


def test_a_trial_that_is_tried_again_runs_again(
    store: Store, home: Home, campaign: Campaign, connect: Connect, view: View
) -> None:
    store.trials.finish(campaign.id, 0, "failed", "diverged: nan", "Traceback")
    send(store, home, campaign.id)
    assert view.statuses() == {0: "FAILED"}
    store.campaigns.set_state(campaign.id, "stopped")
    store.trials.retry(campaign.id, 0)
    store.campaigns.set_state(campaign.id, "running")
    store.trials.start(campaign.id, 0)
    connect().follow()
    run = view.runs()[0]
    assert (run.info.status, run.data.tags["ventral.reason"]) == ("RUNNING", "")
    store.trials.finish(campaign.id, 0, "pruned")
    send(store, home, campaign.id)
    assert view.statuses() == {0: "FINISHED"}


def test_a_run_that_somebody_removes_comes_back(
    store: Store, campaign: Campaign, connect: Connect, view: View
) -> None:
    following = connect()
    store.trials.add_report(campaign.id, 0, report(1, 0.1))
    following.follow()
    removed = view.runs()[0].info.run_id
    view.client.delete_run(removed)
    store.trials.add_report(campaign.id, 0, report(2, 0.2))
    following.follow()  # notices
    following.follow()
    assert view.runs()[0].info.run_id != removed
    assert view.curve(0) == [(1, 0.1), (2, 0.2)]


@pytest.mark.parametrize("ends", ["before it is marked", "while it is written"])
def test_a_trial_that_ends_meanwhile_is_left_to_the_outbox(
    store: Store,
    home: Home,
    campaign: Campaign,
    connect: Connect,
    view: View,
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
) -> None:
    owner: Any = Outbox if ends == "before it is marked" else Client
    name = "mark_showing" if owner is Outbox else "write"
    method = getattr(owner, name)

    def finish_first(*arguments: Any) -> Any:
        store.trials.finish(campaign.id, 0, "finished")
        return method(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, finish_first)
        connect().follow()
    assert [entry.number for entry in store.outbox.pending(campaign.id)] == [0]
    send(store, home, campaign.id)
    assert view.statuses() == {0: "FINISHED"}


def count_real(statements: list[str]) -> int:
    """How many statements are more than the bounds of a transaction."""
    return sum(not one.startswith(("BEGIN", "PRAGMA")) for one in statements)


def test_a_look_takes_a_few_statements_however_many_trials_there_are(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = large.campaign(store, 5_000)
    store.campaigns.set_state(campaign.id, "running")
    client = Client(home.tracking_uri, lambda run: home.run_files(campaign.id, run))
    monkeypatch.setattr(client, "write", lambda _experiment, run, _run_id: run.tags[KEY_TAG])
    monkeypatch.setattr(client, "extend", lambda _run_id, _points: None)
    following = Following(store, client, campaign.id, "1")
    numbers = range(5_000, 5_020)
    for number in numbers:
        add(store, campaign.id, number)
        store.trials.start(campaign.id, number)
    with record_statements(engine_of(store)) as first:
        following.follow()
    for number in numbers:
        store.trials.add_report(campaign.id, number, report(1, 0.5))
    with record_statements(engine_of(store)) as later:
        following.follow()
    with record_statements(engine_of(store)) as ending:
        following.follow(ending=True)
    assert set(store.outbox.runs(campaign.id)) == set(numbers)
    assert max(map(count_real, (first, later, ending))) <= 10
    assert count_real(later) <= 3
    client.close()


# -------------------------------------------------------------------- what dies

KILLED = f"""{DIES_AT}
import time
from search.mirror import tracking
from tests.support.campaigns import report

tracking.LOOK_SECONDS = 0.05
store = Store.open(home.store_url)
Mirror(store, home, campaign_id).start()
for epoch in range(1, 1000):
    time.sleep(0.2)
    store.trials.add_report(campaign_id, 0, report(epoch, epoch / 1000))
"""


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("write", 2),  # marked as being shown, nothing made (the first is the campaign's page)
        ("_log", 2),  # a run is made and empty
        ("mark_shown", 1),  # the run is there, the store does not know it
        ("extend", 2),  # a part of its curve is there
    ],
)
def test_a_kill_between_two_steps_neither_loses_nor_doubles(
    store: Store,
    home: Home,
    scripts: Scripts,
    campaign: Campaign,
    connect: Connect,
    view: View,
    where: str,
    count: int,
) -> None:
    ended = scripts.run(KILLED, str(home.path), campaign.id, where, str(count))
    assert ended == -signal.SIGKILL
    connect().follow()
    assert view.statuses() == {0: "RUNNING"}
    reports = [
        (one.report.epoch, one.report.top1) for one in store.results.reports(campaign.id, 0)
    ]
    assert view.curve(0) == reports
    store.trials.finish(campaign.id, 0, "finished")
    send(store, home, campaign.id)
    assert view.statuses() == {0: "FINISHED"}
    assert view.curve(0) == reports


DRIVER = """
import os, sys, time
from search.host.home import Home
from search.mirror.tracking import Mirror
from search.store import Store
from tests.support.campaigns import add, new_campaign

home = Home.at(sys.argv[1], {})
store = Store.open(home.store_url)
campaign = new_campaign(store)
add(store, campaign.id, 0)
store.trials.start(campaign.id, 0)
Mirror(store, home, campaign.id).start()
while not store.outbox.runs(campaign.id):
    time.sleep(0.05)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_driver_left_running_is_mended_before_people_look(
    home: Home, scripts: Scripts
) -> None:
    assert scripts.run(DRIVER, str(home.path)) == -signal.SIGKILL
    store = Store.open(home.store_url)
    [campaign_id] = [one.id for one in store.campaigns.all()]
    store.close()
    view = View(home, campaign_id)
    assert view.statuses() == {0: "RUNNING"}
    lines: list[str] = []
    catch_up(home, lines.append)
    assert view.statuses() == {0: "SCHEDULED"}
    assert lines == [f"campaign {campaign_id} does not run any more: telling MLflow ..."]
    catch_up(home, lines.append)
    assert len(lines) == 1, "there is nothing more to tell"


# -------------------------------------------------------------------- MLflow is away


def unreachable(*_arguments: Any) -> None:
    """What MLflow's client does when its server is away."""
    raise ConnectionError("nobody answers")


def test_what_happened_while_mlflow_was_away_is_caught_up(
    store: Store,
    home: Home,
    campaign: Campaign,
    view: View,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracking, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(tracking, "LOOK_SECONDS", 0.05)
    mirror = Mirror(store, home, campaign.id).start()
    wait_until(lambda: bool(store.outbox.runs(campaign.id)))
    with monkeypatch.context() as patch:
        for name in ("extend", "write", "experiment"):
            patch.setattr(Client, name, unreachable)
        store.trials.add_report(campaign.id, 0, report(1, 0.1))
        train(store, campaign.id, 1, 0.5)
        mirror.notify()
        wait_until(lambda: mirror.backlog.error is not None)
        store.trials.add_report(campaign.id, 0, report(2, 0.2))
    wait_until(lambda: mirror.backlog.error is None and not mirror.backlog.unsent)
    wait_until(lambda: view.curve(0) == [(1, 0.1), (2, 0.2)])
    assert view.statuses() == {0: "RUNNING", 1: "FINISHED"}
    store.trials.finish(campaign.id, 0, "finished")
    mirror.notify()
    assert mirror.close(GUARD).unsent == 0
    assert view.statuses() == {0: "FINISHED", 1: "FINISHED"}


@pytest.mark.slow
def test_through_a_server(
    store: Store, home: Home, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(tracking, "LONGEST_DELAY", 2.0)
    port = free_port()
    served = Home(path=home.path, tracking_uri=f"http://127.0.0.1:{port}")
    server = Server(home.tracking_uri, home.artifacts, home.path / "server.log", port)
    try:
        server.wait()
        view = View(served, campaign.id)
        mirror = Mirror(store, home, campaign.id, served.tracking_uri).start()
        wait_until(lambda: view.statuses() == {0: "RUNNING"})
        store.trials.add_report(campaign.id, 0, report(1, 0.1))
        wait_until(lambda: view.curve(0) == [(1, 0.1)])
        store.trials.requeue(campaign.id, 0)
        wait_until(lambda: view.statuses() == {0: "SCHEDULED"})
        store.trials.start(campaign.id, 0)
        wait_until(lambda: view.statuses() == {0: "RUNNING"})
        server.end()
        store.trials.add_report(campaign.id, 0, report(2, 0.2))
        wait_until(lambda: mirror.backlog.error is not None)
        server = Server(home.tracking_uri, home.artifacts, home.path / "server.log", port)
        server.wait()
        wait_until(lambda: len(view.curve(0)) == 2)
        store.trials.finish(campaign.id, 0, "finished")
        assert mirror.close(GUARD).unsent == 0
        assert view.statuses() == {0: "FINISHED"}
        assert view.curve(0) == [(1, 0.1), (2, 0.2)]
    finally:
        server.end()


# -------------------------------------------------------------------- a campaign

CAMPAIGN = """
import sys
from search import driver
from search.host.home import Home
from search.mirror import mirroring
from search.store import Store
from tests.support import toys

mirroring.QUIET_SECONDS = 0.1
home = Home.at(sys.argv[1], {})
trainable = toys.trainable(float(sys.argv[3]))
store = Store.open(home.store_url)
driver.run(sys.argv[2], home, store, lambda happening: None, trainable=trainable)
"""


@pytest.mark.slow
def test_a_campaign_is_seen_while_it_trains_and_after_its_driver_was_killed(
    store: Store, home: Home
) -> None:
    file = toys.campaign(budget={"trials": 2}, recipe={"epochs": 200})
    campaign_id = driver.submit(file, home, store)
    view = View(home, campaign_id)

    def start(seconds: float) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", CAMPAIGN, str(home.path), campaign_id, str(seconds)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def grows() -> bool:
        running = [n for n, status in view.statuses().items() if status == "RUNNING"]
        return any(len(view.curve(number)) > 2 for number in running)

    first = start(0.5)
    wait_until(grows)
    assert store.results.counts(campaign_id)["finished"] == 0
    first.kill()
    first.wait()
    # By the mirror itself, which sees that its driver is gone.
    wait_until(lambda: set(view.statuses().values()) == {"SCHEDULED"})
    second = start(0.0)
    assert second.wait(GUARD) == 0
    assert view.statuses() == {0: "FINISHED", 1: "FINISHED"}
    for number in (0, 1):
        assert [step for step, _ in view.curve(number)] == list(range(1, 201))
