"""The mirror's own process: it sends all, ends with its driver, and there is one at a time."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from search.host.home import Home
from search.mirror import mirroring
from search.mirror.campaign_page import PAGE_TAG
from search.mirror.mirroring import MirrorProcess, send_again
from search.mirror.runs import KEY_TAG
from search.review.comparisons import note_verdicts
from search.review.verdicts import Verdict
from search.store import Store
from tests.support import processes
from tests.support.campaigns import add, fill, train
from tests.support.waiting import GUARD, wait_until

ROOT = Path(__file__).parents[3]
DRIVER = """
import sys, time
from search.host.home import Home
from search.mirror.mirroring import MirrorProcess
from search.store import Store

home = Home.at(sys.argv[1], {})
mirror = MirrorProcess(Store.open(home.store_url), home, sys.argv[2]).start()
print(mirror.process.pid, flush=True)
time.sleep(60)
"""


def runs(home: Home) -> Counter[tuple[str, str]]:
    """(key, status) of all runs in MLflow."""
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient(tracking_uri=home.tracking_uri)
    experiments = [e.experiment_id for e in client.search_experiments()]
    return Counter(
        (run.data.tags[KEY_TAG], run.info.status)
        for run in client.search_runs(experiments)
        if PAGE_TAG not in run.data.tags
    )


def expected(campaign_id: str) -> Counter[tuple[str, str]]:
    fates = ("FINISHED", "FINISHED", "FINISHED", "KILLED", "FAILED")
    return Counter((f"{campaign_id}/{number}", fate) for number, fate in enumerate(fates))


def test_all_is_sent_without_mlflow_in_this_process(home: Home) -> None:
    """By a driver in a process of its own, that knows nothing of MLflow."""
    script = """
import sys
from search.host.home import Home
from search.mirror.mirroring import MirrorProcess
from search.store import Store
from tests.support.campaigns import fill

home = Home.at(sys.argv[1], {})
store = Store.open(home.store_url)
campaign = fill(store)
mirror = MirrorProcess(store, home, campaign.id).start()
mirror.notify()
print(campaign.id, mirror.close(60), "mlflow" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GUARD,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    campaign_id, left, loaded = done.stdout.split()
    assert (left, loaded) == ("0", "False")
    assert runs(home) == expected(campaign_id)


def test_what_ends_later_is_sent_when_it_is_told(store: Store, home: Home) -> None:
    campaign = fill(store)
    mirror = MirrorProcess(store, home, campaign.id).start()
    try:
        wait_until(lambda: store.outbox.backlog(campaign.id) == 0)
        add(store, campaign.id, 5)
        train(store, campaign.id, 5, 0.5)
        assert store.outbox.backlog(campaign.id) == 1
        mirror.notify()
        wait_until(lambda: store.outbox.backlog(campaign.id) == 0)
        assert mirror.process is not None
        loaded = Path(f"/proc/{mirror.process.pid}/maps").read_text()
        assert "sqlite" in loaded
        assert "libarrow" not in loaded  # which nothing that it does needs: 39 MB
    finally:
        assert mirror.close(5) == 0
    assert mirror.process.returncode == 0


def test_one_that_is_killed_is_followed_by_another(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mirroring, "AGAIN_SECONDS", 0.1)
    campaign = fill(store)
    mirror = MirrorProcess(store, home, campaign.id).start()
    process = mirror.process
    assert process is not None
    first = process.pid
    wait_until(lambda: store.outbox.backlog(campaign.id) < 5)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: process.poll() is not None)
    with caplog.at_level(logging.WARNING):
        mirror.notify()
    assert "starting another one" in caplog.text
    assert mirror.process is not process
    assert mirror.close(60) == 0
    assert runs(home) == expected(campaign.id)


def test_a_cell_that_was_compared_says_so_in_its_run(store: Store, home: Home) -> None:
    campaign = fill(store)
    assert MirrorProcess(store, home, campaign.id).start().close(GUARD) == 0
    store.campaigns.set_state(campaign.id, "finished")
    verdict = Verdict(winner="trial-1", against="depth", seeds=5, difference=0.038)
    new = note_verdicts(store, campaign.id, [1], [verdict])
    assert new == [1]
    send_again(store, home, campaign.id, new)
    assert store.outbox.backlog(campaign.id) == 0
    from mlflow.tracking import MlflowClient

    client: Any = MlflowClient(tracking_uri=home.tracking_uri)
    tags = client.get_run(store.outbox.runs(campaign.id)[1]).data.tags
    assert tags["ventral.vs_matched"] == "depth: +3.8, not shown"
    assert runs(home) == expected(campaign.id), "no trial has two runs"


def test_it_ends_with_its_driver(store: Store, home: Home) -> None:
    campaign = fill(store)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(home.path), campaign.id],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert driver.stdout is not None
    pid = int(driver.stdout.readline())
    wait_until(lambda: store.outbox.backlog(campaign.id) < 5)
    assert processes.runs(pid)
    driver.kill()
    driver.communicate()
    wait_until(lambda: not processes.runs(pid))
    assert MirrorProcess(store, home, campaign.id).start().close(60) == 0
    assert runs(home) == expected(campaign.id)


def test_two_at_once_make_every_run_once(store: Store, home: Home) -> None:
    """The second waits until the first has ended."""
    campaign = fill(store)
    both = [MirrorProcess(store, home, campaign.id).start() for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:  # nobody knows which of them is the first
        assert list(pool.map(lambda one: one.close(60), both)) == [0, 0]
    assert runs(home) == expected(campaign.id)


def test_no_address_is_seen_by_others(store: Store, home: Home) -> None:
    """Addresses may hold passwords; every user can read a process's arguments."""
    campaign = fill(store)
    secret = Home(path=home.path, tracking_uri="http://me:hidden@127.0.0.1:9")
    mirror = MirrorProcess(store, secret, campaign.id).start()
    try:
        assert mirror.process is not None
        file = Path(f"/proc/{mirror.process.pid}/cmdline")
        wait_until(lambda: b"serve()" in file.read_bytes())  # empty while the program is loaded
        arguments = file.read_bytes()
        assert b"hidden" not in arguments
    finally:
        mirror.close(0.5)
