"""A campaign over three disks that have nothing in common but a store and an object store.

Its trials are trained by Ray Tune's trainable, in this process and without Ray; with Ray, and by
the command line, tests/ventral/test_at_a_storage.py does the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from search import driver
from search.assign.setting import Setting
from search.assign.stopping import Stop
from search.campaign import Campaign, load
from search.host.home import Home
from search.host.places import pack_of
from search.run import Run, build_run
from search.store import Store
from search.tune.rungs import Rungs
from search.upkeep.exports import choose_trials, export_trials
from space.space import Space
from workers import export
from workers.job import Report
from workers.scoring import evaluate_export
from workers.trainable import TrialTrainable

FILE = {
    "name": "tiny",
    "space": "motifs-small",
    "data": {"name": "digits", "size": 8, "train_images": 100, "test_images": 50},
    "recipe": {"epochs": 2, "batch_size": 50},
    "sampler": {"name": "random"},
    "scheduler": {"name": "fifo"},
    "controls": [],
    "budget": {"trials": 1},
    "seed": 3,
}


@dataclass
class Machine:
    """A disk of its own, and a driver and a worker there."""

    folder: Path
    store: Store
    patch: pytest.MonkeyPatch

    def enter(self) -> Home:
        """Go there: what a process on it sees."""
        self.folder.mkdir(exist_ok=True)
        self.patch.chdir(self.folder)
        self.patch.setenv("VENTRAL_CACHE", str(self.folder / "cache"))
        self.patch.setenv("VENTRAL_HOME", str(self.folder / "home"))
        return Home.at()

    def begin(self, campaign_id: str) -> Run:
        """A new driver's run of a campaign on record."""
        home, record = self.enter(), self.store.campaigns.get(campaign_id)
        self.store.campaigns.set_state(campaign_id, "running")
        setting = Setting(
            campaign_id=record.id,
            campaign=Campaign.parse(record.document),
            space=Space.parse(record.space),
            data=pack_of(home, record.data),
            home=home,
            store=self.store,
            storage=record.storage,
        )
        return build_run(setting, Stop(), Rungs)

    def train(self, run: Run, epochs: int) -> None:
        """Train the next trial for so many epochs; it ends if these are its last."""
        assignment = run.queue.next()
        assert assignment is not None
        number, job = assignment.number, assignment.job.model_dump_json()
        trainable = TrialTrainable({"job": job, "trial": number})
        run.records.start(number)
        for _ in range(epochs):
            result = trainable.step()
            assert "failure" not in result, result
            earlier = [Report.model_validate(one) for one in result.get("earlier", ())]
            run.records.receive(number, earlier, Report.model_validate(result["report"]))
        if result["done"]:
            run.records.end(number, "finished")


def test_a_trial_goes_on_elsewhere_and_its_network_is_exported_from_a_third_disk(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    first, second, third = (
        Machine(tmp_path / name, store, monkeypatch) for name in ("first", "second", "third")
    )
    home = first.enter()
    campaign_id = driver.submit(load(FILE | {"storage": f"{bucket}/lab"}), home, store)
    assert store.campaigns.get(campaign_id).storage == f"{bucket}/lab"
    run = first.begin(campaign_id)
    first.train(run, epochs=1)
    run.close()

    run = second.begin(campaign_id)
    second.train(run, epochs=1)
    run.close()
    (trial,) = store.results.find(campaign_id)
    assert (trial.status, trial.epochs, trial.attempts) == ("finished", 2, 2)
    assert not (second.folder / "home").exists(), "it needs no home for that"

    home, record = third.enter(), store.campaigns.get(campaign_id)
    (one,) = export_trials(store, home, record, choose_trials(store, record, top=1), tmp_path)
    assert not list((third.folder / "cache").glob("packs/[!.]*")), "nor an image for an export"
    card = export.read_card(one.place)
    assert card.top1 == trial.top1
    scores = evaluate_export(one.place, home.data, "validation", record.storage)
    assert scores.top1 == trial.top1
    assert not list((first.folder / "home").rglob("*.safetensors"))
    store.close()
