"""The store: what is written is read, in order, whoever dies when."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from search.home import Process
from search.store import ID_LETTERS, ID_SIGNS, SILENCE_SECONDS, Store, migrations
from search.store.database import SCHEMA, SCHEMA_TABLE, engine_for
from search.store.tables import METADATA
from space.errors import StoreError
from tests.support import postgres
from tests.support.campaigns import add, fill, new_campaign, report, train
from tests.support.tables import change_rows, engine_of
from tests.support.waiting import GUARD

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store.open(url)
    yield opened
    opened.close()


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A real process that runs `code` on our packages."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[1:])},
    )


def on_every_connection(store: Store, pragma: str) -> None:
    """Have SQLite behave as `pragma` says from now on."""
    store.close()

    @sa.event.listens_for(engine_of(store), "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")


# -------------------------------------------------------------------- opening


@pytest.mark.parametrize("url", ["postgresql://u@h:abc/db", "no address"])
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(StoreError, match="is not an address of a database"):
        Store.open(url)


def test_migrations_and_tables_agree(store: Store) -> None:
    assert migrations.revisions()[-1] == SCHEMA
    with engine_of(store).connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": SCHEMA_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_what_was_written_is_there_when_opened_again(store: Store, url: str) -> None:
    campaign = fill(store)
    again = Store.open(url)
    assert again.campaign(campaign.id) == store.campaign(campaign.id)
    assert again.trials(campaign.id, genomes=True) == store.trials(campaign.id, genomes=True)
    assert len(again.trials(campaign.id)) == 5


def test_a_store_of_a_newer_version_is_refused_by_name(store: Store, url: str) -> None:
    with change_rows(store) as connection:
        connection.execute(sa.text(f"UPDATE {SCHEMA_TABLE} SET version_num = '9001'"))
    with pytest.raises(StoreError) as caught:
        Store.open(url)
    text = str(caught.value)
    assert store.where in text
    assert "9001" in text
    assert SCHEMA in text
    assert "pip install --upgrade ventral-search" in text


def test_anothers_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
    with pytest.raises(StoreError, match=r"mlflow\.db: is not a store .*experiments"):
        Store.open(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [
            ("experiments",)
        ]


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and quite long ones\n" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt: is not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text().startswith("these are notes")


def test_looking_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store yet; `ventral submit"):
        Store.open(f"sqlite:///{tmp_path}/deep/store.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "not an address of a database"),
        ("mysql://u@h/d", "neither SQLite nor PostgreSQL"),
        ("sqlite://", "names no file"),
        ("sqlite:////dev/null/store.db", "cannot be created"),
        ("postgresql://u:geheim@127.0.0.1:1/d", "driver|reached|refused"),
    ],
)
def test_addresses_that_cannot_work(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        Store.open(url)
    assert "geheim" not in str(caught.value)


def test_a_migration_that_fails_leaves_nothing_behind(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", fails)
        with pytest.raises(RuntimeError, match="the power went"):
            Store.open(url)
    _, engine = engine_for(url, create=False)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    assert Store.open(url).campaigns() == []


def test_several_processes_may_open_a_new_store_at_once(url: str) -> None:
    code = (
        "import sys; from search.store import Store;"
        "print(len(Store.open(sys.argv[1]).campaigns()))"
    )
    processes = [python(code, url) for _ in range(4)]
    outputs = [process.communicate(timeout=GUARD) for process in processes]
    assert [out for out, _ in outputs] == ["0\n"] * 4, outputs


def test_a_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign = fill(store)
    pages = int((tmp_path / "store.db").stat().st_size / 4096)
    on_every_connection(store, f"max_page_count={max(pages, 1)}")
    large = {"filler": "x" * 2_000_000}
    with pytest.raises(StoreError, match=r"the disk is full.*free some space"):
        add(store, campaign.id, 10, genome=large)
    assert [trial.number for trial in store.trials(campaign.id)] == [0, 1, 2, 3, 4]


def test_a_locked_store_says_so(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    on_every_connection(store, "busy_timeout=20")
    with closing(sqlite3.connect(tmp_path / "store.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="is locked by another process"):
            new_campaign(store)
        assert store.campaigns() == [], "readers do not wait for a writer"
    assert new_campaign(store).state == "running"


# -------------------------------------------------------------------- campaigns


def test_ids_have_no_lookalikes_and_never_read_as_numbers(store: Store) -> None:
    ids = {store.create_campaign("n", {}, {}, {}).id for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(f"[{ID_LETTERS}][{ID_SIGNS}]{{7}}", one) for one in ids)
    assert not set("01ilo") & set(ID_SIGNS)


def test_a_name_means_its_newest_campaign_and_an_id_always_itself(store: Store) -> None:
    first = store.create_campaign("night", {"a": [1, {"b": None}]}, {"s": 1}, {"d": 2})
    second = store.create_campaign("night", {}, {}, {})
    shadow = store.create_campaign(first.id, {}, {}, {})
    assert store.campaign("night").id == second.id
    assert store.campaign(first.id) == first
    assert (first.document, first.space, first.data) == (
        {"a": [1, {"b": None}]},
        {"s": 1},
        {"d": 2},
    )
    assert [one.id for one in store.campaigns()] == [shadow.id, second.id, first.id]


def test_an_unknown_campaign_is_named_with_what_is_close(store: Store) -> None:
    with pytest.raises(StoreError, match=r"no campaign 'night' in .*it holds none yet"):
        store.campaign("night")
    campaign = store.create_campaign("occluded-night", {}, {}, {})
    with pytest.raises(StoreError, match="did you mean occluded-night; `ventral list`"):
        store.campaign("ocluded-night")
    with pytest.raises(StoreError, match=rf"there are {campaign.id} \(occluded-night\)"):
        store.trial("zzzz", 1)
    with pytest.raises(StoreError, match="no campaign 'zzzz'"):
        add(store, "zzzz", 0)
    with pytest.raises(StoreError, match="no campaign 'zzzz'"):
        store.add_report("zzzz", 0, report(1, 0.5))


def test_seconds_add_up_over_resumes_whatever_the_clock_does(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"wall": 1e9, "ticks": 100.0}
    monkeypatch.setattr(time, "time", lambda: clock["wall"])
    monkeypatch.setattr(time, "monotonic", lambda: clock["ticks"])
    campaign = new_campaign(store)
    clock["ticks"] += 4
    clock["wall"] -= 5000
    assert store.heartbeat(campaign.id) is False
    clock["ticks"] += 3
    store.set_state(campaign.id, "stopped", "Ctrl-C")
    stopped = store.campaign(campaign.id)
    assert (stopped.state, stopped.reason, stopped.seconds) == ("stopped", "Ctrl-C", 7.0)
    clock["ticks"] += 1000
    store.set_state(campaign.id, "running")
    clock["ticks"] += 2
    store.set_state(campaign.id, "finished")
    done = store.campaign(campaign.id)
    assert (done.state, done.seconds, done.reason) == ("finished", 9.0, None)
    assert done.started == 1e9


DRIVER = """
import sys, time
from search.store import Store
from tests.support.campaigns import add, new_campaign, report
store = Store.open(sys.argv[1])
campaign = new_campaign(store, "driven")
for number in range(4):
    add(store, campaign.id, number)
store.start_trial(campaign.id, 2, "trial-2")
store.add_report(campaign.id, 2, report(1, 0.5))
store.start_trial(campaign.id, 3)
print(campaign.id, flush=True)
time.sleep(60)
"""


def test_a_killed_driver_leaves_an_interrupted_campaign_that_goes_on(
    store: Store, url: str
) -> None:
    driver = python(DRIVER, url)
    try:
        assert driver.stdout is not None
        campaign_id = driver.stdout.readline().strip()
        running = store.campaign(campaign_id)
        assert running.state == "running"
        assert running.driver is not None
        assert running.driver.pid == driver.pid
        assert store.counts(campaign_id) == {
            **dict.fromkeys(("finished", "pruned", "infeasible", "failed"), 0),
            "waiting": 2,
            "running": 2,
        }
        with pytest.raises(StoreError, match=rf"run by process {driver.pid} .*ventral stop"):
            store.set_state(campaign_id, "running")
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
    assert store.campaign(campaign_id).state == "interrupted"
    assert store.counts(campaign_id)["waiting"] == 4
    assert store.counts(campaign_id)["running"] == 0
    assert {trial.status for trial in store.trials(campaign_id)} == {"waiting"}
    assert [trial.number for trial in store.trials(campaign_id, statuses=["waiting"])] == [
        0,
        1,
        2,
        3,
    ]
    assert store.trials(campaign_id, statuses=["running"]) == []

    store.set_state(campaign_id, "running")
    assert store.campaign(campaign_id).state == "running"
    unfinished = store.unfinished(campaign_id)
    assert [trial.number for trial in unfinished] == [2, 3, 0, 1], "those once started come first"
    assert (unfinished[0].epochs, unfinished[0].folder) == (1, "trial-2")
    assert unfinished[0].genome == {"stages": [2]}


def test_only_the_driver_may_go_on(store: Store) -> None:
    campaign = new_campaign(store)
    assert store.heartbeat(campaign.id) is False
    assert store.ask_stop(campaign.id).id == campaign.id
    assert store.heartbeat(campaign.id) is True
    store.set_state(campaign.id, "stopped")
    with pytest.raises(StoreError, match="taken over by another driver, or ended"):
        store.heartbeat(campaign.id)
    store.set_state(campaign.id, "running")
    assert store.heartbeat(campaign.id) is False, "an old wish to stop is not the new driver's"


@pytest.mark.parametrize(
    ("silent", "state"), [(1.0, "running"), (SILENCE_SECONDS + 5, "interrupted")]
)
def test_a_driver_elsewhere_is_known_by_its_heartbeat(
    store: Store, silent: float, state: str
) -> None:
    campaign = new_campaign(store)
    far = Process(host="node7/boot", pid=4, born="5")
    with change_rows(store) as connection:
        connection.execute(
            sa.text("UPDATE campaigns SET driver = :driver, heartbeat = :at"),
            {"driver": str(far), "at": time.time() - silent},
        )
    assert store.campaign(campaign.id).state == state


# -------------------------------------------------------------------- trials


def test_a_trials_life(store: Store) -> None:
    campaign = new_campaign(store)
    assert store.next_number(campaign.id) == 0
    add(store, campaign.id, 0, choices={"b": 1.5, "a": "x", "c": None, "d": True})
    assert store.next_number(campaign.id) == 1
    trial = store.trial(campaign.id, 0)
    assert (trial.status, trial.epochs, trial.top1, trial.arrived) == ("waiting", 0, None, None)
    assert list(trial.choices.items()) == [("b", 1.5), ("a", "x"), ("c", None), ("d", True)]

    store.start_trial(campaign.id, 0, "folder")
    for epoch, top1 in [(1, 0.2), (2, 0.7), (3, 0.6)]:
        assert store.add_report(campaign.id, 0, report(epoch, top1))
    store.finish_trial(campaign.id, 0, "finished")
    trial = store.trial(campaign.id, 0)
    assert (trial.status, trial.top1, trial.best, trial.epochs) == ("finished", 0.6, 0.7, 3)
    assert (trial.seconds, trial.memory_mb, trial.attempts) == (4.5, 200.0, 1)
    assert trial.genome == {"stages": [0]}
    assert store.trials(campaign.id)[0].genome is None
    reports = store.reports(campaign.id, 0)
    assert [one["epoch"] for one in reports] == [1, 2, 3]
    assert reports[1]["accuracy_by_step"] == [0.175, 0.35, 0.5249999999999999, 0.7]

    with pytest.raises(StoreError, match="holds a trial 0 already"):
        add(store, campaign.id, 0)
    with pytest.raises(StoreError, match="no trial 7; it has trials 0 to 0"):
        store.start_trial(campaign.id, 7)
    with pytest.raises(StoreError, match="no trial 7"):
        store.finish_trial(campaign.id, 7, "failed")
    with pytest.raises(StoreError, match="no trial 7"):
        store.add_report(campaign.id, 7, report(1, 0.1))
    with pytest.raises(ValueError, match="not an end"):
        store.finish_trial(campaign.id, 0, "running")


def test_a_report_counts_once_and_never_backwards(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.start_trial(campaign.id, 0)
    assert store.add_report(campaign.id, 0, report(1, 0.3))
    assert store.add_report(campaign.id, 0, report(2, 0.5))
    before = store.trial(campaign.id, 0)
    # A worker that continues from an older checkpoint repeats what it reported.
    assert store.add_report(campaign.id, 0, report(1, 0.9)) is False
    assert store.add_report(campaign.id, 0, report(2, 0.9)) is False
    assert store.trial(campaign.id, 0) == before
    assert [one["top1"] for one in store.reports(campaign.id, 0)] == [0.3, 0.5]


def test_a_late_report_of_an_earlier_epoch_is_not_the_score(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.start_trial(campaign.id, 0)
    store.add_report(campaign.id, 0, report(2, 0.5))
    assert store.add_report(campaign.id, 0, report(1, 0.7))
    trial = store.trial(campaign.id, 0)
    assert (trial.epochs, trial.top1, trial.best) == (2, 0.5, 0.7)


def test_numbers_that_are_not_finite_are_no_numbers(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    store.start_trial(campaign.id, 0)
    odd = report(1, float("nan"), loss=float("inf"), accuracy_by_step=[0.1, float("nan")])
    store.add_report(campaign.id, 0, odd | {"gradient": float("-inf"), "rate": 0.1})
    store.finish_trial(campaign.id, 0, "failed", "diverged\x00", "log\x00tail")
    trial = store.trial(campaign.id, 0)
    assert (trial.top1, trial.best, trial.loss, trial.epochs) == (None, None, None, 1)
    assert (trial.reason, trial.detail) == ("diverged\\0", "log\\0tail")
    kept = store.reports(campaign.id, 0)[0]
    assert (kept["top1"], kept["loss"], kept["accuracy_by_step"]) == (None, None, [0.1, None])
    assert (kept["gradient"], kept["rate"]) == (None, 0.1)
    assert store.top(campaign.id, statuses=["failed"]) == []


def test_results_keep_the_order_of_arrival_when_the_clock_jumps(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = new_campaign(store)
    wall = iter(range(10**9, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(wall)))
    for number in range(4):
        add(store, campaign.id, number)
        store.start_trial(campaign.id, number)
    for number in (2, 0, 3):
        store.add_report(campaign.id, number, report(1, 0.1 * number))
    store.finish_trial(campaign.id, 3, "pruned")
    add(store, campaign.id, 4, status="infeasible", reason="too large")
    store.finish_trial(campaign.id, 0, "finished")
    assert [(trial.number, trial.status) for trial in store.results(campaign.id)] == [
        (3, "pruned"),
        (4, "infeasible"),
        (0, "finished"),
    ]
    assert [one["number"] for one in store.all_reports(campaign.id)] == [2, 0, 3]
    places = [trial.arrived for trial in store.results(campaign.id)]
    # Ending once more does not move a result.
    store.finish_trial(campaign.id, 3, "pruned")
    assert [trial.arrived for trial in store.results(campaign.id)] == places


def test_each_document_is_kept_once_and_two_spellings_are_two(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0, digest="same", genome={"states": {"a": 1, "b": 2}})
    add(store, campaign.id, 1, digest="same", genome={"states": {"b": 2, "a": 1}})
    add(store, campaign.id, 2, digest="same", genome={"states": {"x": 1, "b": 2}})
    with engine_of(store).connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM genomes")).scalar_one() == 2
    assert store.trial(campaign.id, 2).genome == {"states": {"x": 1, "b": 2}}


def test_the_best_come_first(store: Store) -> None:
    campaign = new_campaign(store)
    scores = {0: 0.5, 1: 0.9, 2: 0.9, 3: 0.7}
    for number, score in scores.items():
        add(store, campaign.id, number, parameters=5000 - number)
        train(store, campaign.id, number, score, status="pruned" if number == 3 else "finished")
    add(store, campaign.id, 4, origin="control")
    train(store, campaign.id, 4, 0.6)
    add(store, campaign.id, 5)
    store.start_trial(campaign.id, 5)
    store.add_report(campaign.id, 5, report(1, 0.99))
    top = [trial.number for trial in store.top(campaign.id)]
    assert top == [2, 1, 3, 4, 0], "of equals the smaller first; nothing that still runs"
    assert [trial.number for trial in store.top(campaign.id, 2)] == [2, 1]
    assert [t.number for t in store.top(campaign.id, statuses=["finished"])] == [2, 1, 4, 0]
    assert [trial.number for trial in store.top(campaign.id, origin="control")] == [4]
    assert [trial.number for trial in store.trials(campaign.id, origin="control")] == [4]
    assert store.top(campaign.id, 1, genomes=True)[0].genome == {"stages": [2]}


def test_stopping_leaves_no_trial_running(store: Store) -> None:
    campaign = new_campaign(store)
    for number in range(3):
        add(store, campaign.id, number)
        store.start_trial(campaign.id, number)
    store.requeue_trial(campaign.id, 1, "node lost")
    assert store.trial(campaign.id, 1).reason == "node lost"
    store.set_state(campaign.id, "stopped")
    assert store.counts(campaign.id)["running"] == 0
    assert store.counts(campaign.id)["waiting"] == 3
    store.set_state(campaign.id, "running")
    store.start_trial(campaign.id, 1)
    trial = store.trial(campaign.id, 1)
    assert (trial.status, trial.attempts, trial.reason) == ("running", 2, None)


def test_events_are_kept_in_order(store: Store) -> None:
    campaign = new_campaign(store)
    store.event(campaign.id, "retry", {"trial": 3, "cost": float("nan")})
    store.event(campaign.id, "done")
    assert [(one.kind, one.detail) for one in store.events(campaign.id)] == [
        ("retry", {"trial": 3, "cost": None}),
        ("done", {}),
    ]


# -------------------------------------------------------------------- one writer, many readers


def test_readers_see_whole_states_while_the_driver_writes(store: Store, url: str) -> None:
    campaign = new_campaign(store)
    done = threading.Event()
    seen: list[tuple[int, int]] = []
    errors: list[BaseException] = []

    def read() -> None:
        mine = Store.open(url)
        try:
            while not done.is_set():
                counts = mine.counts(campaign.id)
                trials = mine.trials(campaign.id)
                seen.append((sum(counts.values()), len(trials)))
                assert all(t.top1 is not None for t in trials if t.status == "finished")
        except BaseException as error:
            errors.append(error)
            raise

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(40):
        add(store, campaign.id, number)
        train(store, campaign.id, number, 0.5)
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert len(set(seen)) > 2, "the readers must have read while the driver wrote"


WRITER = """
import sys
from search.store import Store
from tests.support.campaigns import add, new_campaign, train
store = Store.open(sys.argv[1])
campaign = new_campaign(store)
print(campaign.id, flush=True)
for number in range(10_000):
    add(store, campaign.id, number)
    train(store, campaign.id, number, 0.1, 0.2, 0.3)
    print(number, flush=True)
"""


def test_what_a_killed_driver_called_done_is_there_and_whole(store: Store, url: str) -> None:
    for delay in (0.05, 0.12, 0.2):
        writer = python(WRITER, url)
        assert writer.stdout is not None
        campaign_id = writer.stdout.readline().strip()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        said = [int(line) for line in writer.communicate()[0].split()]
        trials = {trial.number: trial for trial in store.trials(campaign_id)}
        for number in said:
            assert trials[number].status == "finished"
        for trial in trials.values():
            reports = store.reports(campaign_id, trial.number)
            assert trial.epochs == len(reports)
            assert trial.status != "finished" or trial.epochs == 3
        ended = {number for number, trial in trials.items() if trial.status == "finished"}
        assert {entry.number for entry in store.outbox(campaign_id)} == ended
        places = [t.suggested for t in trials.values()] + [
            t.arrived for t in store.results(campaign_id)
        ]
        assert len(set(places)) == len(places), "every happening has a place of its own"


# -------------------------------------------------------------------- the outbox


def test_a_trial_stays_in_the_outbox_until_it_arrived(store: Store) -> None:
    campaign = fill(store)
    entries = store.outbox(campaign.id)
    assert [entry.number for entry in entries] == [0, 1, 2, 3, 4]
    assert not any(entry.doubtful for entry in entries)
    store.mark_sending(campaign.id, [0, 1])
    assert [entry.doubtful for entry in store.outbox(campaign.id)] == [True, True] + [False] * 3
    store.mark_sent(campaign.id, {0: ("run0", 1)})
    assert [entry.number for entry in store.outbox(campaign.id)] == [1, 2, 3, 4]
    assert store.runs(campaign.id) == {0: "run0"}
    assert store.backlog(campaign.id) == 4


def test_a_trial_that_changes_while_it_is_sent_is_sent_again(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    train(store, campaign.id, 0, 0.5)
    store.mark_sending(campaign.id, [0])
    store.start_trial(campaign.id, 0)
    assert store.outbox(campaign.id) == [], "a running trial waits for its end"
    store.finish_trial(campaign.id, 0, "failed")
    store.mark_sent(campaign.id, {0: ("run0", 1)})
    (entry,) = store.outbox(campaign.id)
    assert (entry.run, entry.version, entry.doubtful) == ("run0", 2, False)
    store.mark_sent(campaign.id, {0: ("run0", 2)})
    assert store.outbox(campaign.id) == []


def test_at_a_new_place_everything_is_sent_again(store: Store) -> None:
    campaign = fill(store)
    store.set_experiment(campaign.id, "here", "1", anew=True)
    store.mark_sent(campaign.id, {number: (f"run{number}", 1) for number in range(5)})
    store.set_experiment(campaign.id, "here", "1", anew=False)
    assert store.outbox(campaign.id) == []
    store.set_experiment(campaign.id, "there", "1", anew=False)
    assert [(e.number, e.run, e.doubtful) for e in store.outbox(campaign.id)] == [
        (number, None, True) for number in range(5)
    ]
    assert store.campaign(campaign.id).tracking == "there"


# -------------------------------------------------------------------- a server


def test_a_server_that_was_restarted_is_found_again(postgresql: postgres.Server) -> None:
    store = Store.open(postgresql.database())
    campaign = fill(store)
    ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    postgresql.sql(f"{ours} AND backend_type = 'client backend'")
    assert len(store.trials(campaign.id)) == 5
    add(store, campaign.id, 5)
    assert store.counts(campaign.id)["waiting"] == 1


def test_a_server_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="VENTRAL_STORE") as caught:
        Store.open(f"postgresql://user:geheim@/nobody?host={tmp_path}")
    assert "geheim" not in str(caught.value)


def test_a_database_that_is_not_there_is_named(postgresql: postgres.Server) -> None:
    url = postgresql.database()
    missing = url.replace("/store", "/nothing")
    with pytest.raises(StoreError, match="create the database, or correct VENTRAL_STORE"):
        Store.open(missing)
