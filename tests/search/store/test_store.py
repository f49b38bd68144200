"""The store: what is written is read, in order, whoever dies when."""

from __future__ import annotations

import signal
import threading
import time

from search.store import Store
from tests.support.campaigns import add, fill, new_campaign, train
from tests.support.processes import start_python


def test_what_was_written_is_there_when_opened_again(store: Store, url: str) -> None:
    campaign = fill(store)
    again = Store.open(url)
    assert again.campaigns.get(campaign.id) == store.campaigns.get(campaign.id)
    written = store.results.find(campaign.id, genomes=True)
    assert again.results.find(campaign.id, genomes=True) == written
    assert len(again.results.find(campaign.id)) == 5


def test_readers_see_whole_states_while_the_driver_writes(store: Store, url: str) -> None:
    campaign = new_campaign(store)
    done = threading.Event()
    seen: list[tuple[int, int]] = []
    errors: list[BaseException] = []

    def read() -> None:
        mine = Store.open(url)
        try:
            while not done.is_set():
                counts = mine.results.counts(campaign.id)
                trials = mine.results.find(campaign.id)
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
        writer = start_python(WRITER, url)
        assert writer.stdout is not None
        campaign_id = writer.stdout.readline().strip()
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
        said = [int(line) for line in writer.communicate()[0].split()]
        trials = {trial.number: trial for trial in store.results.find(campaign_id)}
        for number in said:
            assert trials[number].status == "finished"
        for trial in trials.values():
            reports = store.results.reports(campaign_id, trial.number)
            assert trial.epochs == len(reports)
            assert trial.status != "finished" or trial.epochs == 3
        ended = {number for number, trial in trials.items() if trial.status == "finished"}
        assert {entry.number for entry in store.outbox.pending(campaign_id)} == ended
        places = [t.suggested for t in trials.values()] + [
            t.arrived for t in store.results.ended(campaign_id)
        ]
        assert len(set(places)) == len(places), "every happening has a place of its own"
