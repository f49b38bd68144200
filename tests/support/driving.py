"""Toy campaigns that a driver runs in this process, with real Ray and workers that only count."""

from __future__ import annotations

from typing import Any

from search import driver
from search.assign.setting import Listener
from tests.support import toys
from tests.support.bench import StoreBench


class DriverBench(StoreBench):
    """A home with its store, and campaigns in it that are really driven."""

    def submit(self, **changes: Any) -> str:
        """The id of a new campaign, its images packed."""
        return driver.submit(toys.campaign(**changes), self.home, self.store)

    def run(
        self, campaign_id: str, seconds: float = 0.0, listen: Listener | None = None
    ) -> driver.RunResult:
        """Drive it to its end or its stop."""
        return driver.run(
            campaign_id,
            self.home,
            self.store,
            listen or self.happenings.append,
            trainable=toys.trainable(seconds),
            mirror=False,
        )

    def epochs(self, campaign_id: str) -> dict[int, list[int]]:
        """The epochs that each trial's workers ran, by the workers' own account."""
        folder = self.home.campaign(campaign_id)
        return {
            int(file.name.removeprefix("epochs-")): [
                int(line.split()[0]) for line in file.read_text().splitlines()
            ]
            for file in folder.glob("epochs-*")
        }
