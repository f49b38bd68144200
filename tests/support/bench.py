"""A home with its store for toy campaigns, and such campaigns carried out without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search.assign.queue import Assignment
from search.assign.setting import Happening, Setting
from search.assign.stopping import Stop
from search.campaign import Campaign
from search.host.home import Home
from search.run import Run, build_run
from search.store import Store
from search.tune.rungs import Rungs
from space.space import Space
from tests.support import toys
from workers.job import PackRef, Report

DATA = PackRef(path="/nowhere", checksum="c" * 64)


class StoreBench:
    """A home with its store, and toy campaigns on record there: what every bench has."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.at(folder)
        self.home.ensure()
        self.store = Store.open(self.home.store_url)
        self.happenings: list[Happening] = []

    def put_on_record(
        self, campaign: Campaign, data: PackRef = DATA, certifies: str | None = None
    ) -> str:
        """The id of a new campaign over a toy space, perhaps one that certifies another."""
        space = _space_of(campaign).document()
        record = self.store.campaigns.create(
            campaign.name,
            campaign.document(),
            space,
            data.model_dump() | ({} if certifies is None else {"certifies": certifies}),
        )
        return record.id

    def make_setting(self, campaign_id: str, campaign: Campaign, data: PackRef = DATA) -> Setting:
        """What a driver of the campaign has."""
        return Setting(
            campaign_id=campaign_id,
            campaign=campaign,
            space=_space_of(campaign),
            data=data,
            home=self.home,
            store=self.store,
            listener=self.happenings.append,
            certifies=self.store.campaigns.get(campaign_id).data.get("certifies"),
        )


def _space_of(campaign: Campaign) -> Space:
    assert isinstance(campaign.space, dict)
    return toys.space(campaign.space)


class Bench(StoreBench):
    """A store in which toy campaigns are carried out one after another, without Ray."""

    def begin(self, data: PackRef = DATA, **changes: Any) -> tuple[str, Run]:
        """A new campaign, and its first driver's run."""
        campaign = toys.campaign(**changes)
        campaign_id = self.put_on_record(campaign, data)
        self.store.campaigns.set_state(campaign_id, "running")
        return campaign_id, build_run(
            self.make_setting(campaign_id, campaign, data), Stop(), Rungs
        )

    def run(self, *, stop_at: int = 10**9, **changes: Any) -> tuple[str, list[Assignment]]:
        """Carry a campaign out; (its id, the trials that had to be trained)."""
        campaign_id, run = self.begin(**changes)
        trained = []
        while (assignment := run.queue.next()) is not None:
            trained.append(assignment)
            self.train(run, assignment, stop_at)
        self.store.campaigns.set_state(campaign_id, "finished")
        return campaign_id, trained

    def train(self, run: Run, assignment: Assignment, stop_at: int = 10**9) -> None:
        """Report the trial's epochs, at most `stop_at`: then it is stopped early."""
        number, epochs = assignment.number, assignment.job.recipe.epochs
        run.records.start(number)
        for epoch in range(1, min(epochs, stop_at) + 1):
            report = Report.model_validate(toys.report(epoch, toys.score(number, epoch, epochs)))
            run.records.add_report(number, report)
        run.records.end(number, "finished" if epochs <= stop_at else "pruned")

    def results(self, campaign_id: str) -> dict[str, tuple[str, int, float | None]]:
        """(status, epochs, top-1) of each network by its digest."""
        return {
            trial.digest: (trial.status, trial.epochs, trial.top1)
            for trial in self.store.results.find(campaign_id)
        }

    def go_on(self, campaign_id: str) -> list[int]:
        """What the next driver trains; the campaign is finished after it."""
        self.store.campaigns.set_state(campaign_id, "running")
        record = self.store.campaigns.get(campaign_id)
        campaign = Campaign.parse(record.document)
        setting = self.make_setting(campaign_id, campaign, PackRef(**record.data))
        run = build_run(setting, Stop(), Rungs)
        numbers = []
        while (assignment := run.queue.next()) is not None:
            numbers.append(assignment.number)
            self.train(run, assignment)
        self.store.campaigns.set_state(campaign_id, "finished")
        return numbers
