"""A campaign, played through in mind: trials, epochs and time, with a range."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from search.campaign import Budget, Campaign, full_epochs
from search.forecast.calibration import TIMED, Calibration, calibrate
from search.forecast.lengths import training_lengths
from search.forecast.networks import NetworkWork, draw_networks
from search.host.home import Home
from search.host.machine import Machine
from space.space import Space
from workers.job import PackRef

PROCESSES = 4
"""At most so many calibrate at once: from there on they hinder each other alike."""
CAMPAIGNS, PLAYED = 200, 2_000
"""Campaigns that are played through in mind, and trials of each: longer ones go on likewise."""
START_SECONDS = 8.0
"""Until the first trial is trained: Ray and the workers have to be started."""
TRIAL_SECONDS = 0.15
"""Between two trainings of a worker: the next job is handed over, the reports are written."""


class Trainings:
    """How long trainings take, of any length: as many numbers as there are kinds of epochs."""

    def __init__(self, calibration: Calibration, networks: Sequence[NetworkWork]) -> None:
        pieces = [calibration.pieces(network) for network in networks]
        kinds = max(map(len, pieces))
        filled = [[*one, *[(math.inf, 0.0)] * (kinds - len(one))] for one in pieces]
        table = np.array(filled)  # networks, kinds, 2
        self.until, self.each = table[:, :, 0], table[:, :, 1]

    def seconds(self, which: Any, length: Any) -> Any:
        """Seconds of the first `length` epochs of the networks `which`, both by training."""
        total, before = np.zeros(len(length)), np.zeros(len(length))
        for kind in range(self.until.shape[1]):
            end = np.minimum(self.until[which, kind], length)
            total += np.maximum(end - before, 0.0) * self.each[which, kind]
            before = np.maximum(before, end)
        return total


@dataclass(frozen=True, kw_only=True)
class Range:
    """A quantity of which it is expected to be `likely`, and in 8 of 10 cases in between."""

    low: float
    likely: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Range":
        """The range of values that were played."""
        low, likely, high = np.percentile(values, [10, 50, 90])
        return cls(low=float(low), likely=float(likely), high=float(high))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a campaign is expected to take. `ends_by` is the part of the budget that ends it."""

    trials: Range
    epochs: Range
    seconds: Range
    device_hours: Range
    device: str
    slots: int
    ends_by: str
    networks: int

    def document(self) -> dict[str, Any]:
        """The estimate as JSON holds it."""
        return asdict(self)


def estimate(
    campaign: Campaign,
    space: Space,
    data: PackRef,
    home: Home,
    offered: Machine,
    *,
    calibration: Calibration | None = None,
) -> Estimate:
    """What `campaign` over `space` (for the images of `data`) will take on `offered`.

    Calibrates this machine unless that was done for such a campaign before, or a `calibration`
    is given. Raises VentralError if no network of the space can be timed.
    """
    slots = offered.slots(campaign.resources.cpus, campaign.resources.gpus)
    slots = max(1, min(slots, campaign.resources.concurrent or slots))
    networks = draw_networks(campaign, space)
    if calibration is None:
        calibration = calibrate(campaign, space, networks, data, home, min(slots, PROCESSES))
    return forecast(campaign, full_epochs(campaign, space), networks, calibration, slots)


def forecast(
    campaign: Campaign,
    epochs: int,
    networks: Sequence[NetworkWork],
    calibration: Calibration,
    slots: int,
) -> Estimate:
    """Play the campaign through many times, with drawn networks and scores in random order."""
    budget, rng = campaign.budget, np.random.default_rng(campaign.seed)
    devices, played = campaign.resources.devices, min(campaign.budget.trials, PLAYED)
    trainings = Trainings(calibration, networks)
    runs = max(20, min(CAMPAIGNS, 40_000 // played))
    trials, trained, seconds, ends = [], [], [], []
    # How far a whole campaign may be off: the machine is not always equally busy.
    off = max(calibration.spread / math.sqrt(TIMED), 0.1)
    for _ in range(runs):
        speed = np.exp(rng.normal(0.0, off))
        which = rng.integers(len(networks), size=played)
        length = training_lengths(campaign.scheduler, epochs, played, rng)
        noise = np.exp(rng.normal(0.0, calibration.spread, played)) * speed
        busy = trainings.seconds(which, length) * noise + calibration.build + TRIAL_SECONDS
        done, why = _ended(budget, busy, length, devices, slots)
        # The last trials do not end together.
        tail = float(busy[:done].mean()) / 2 if slots > 1 and done else 0.0
        trials.append(float(done))
        trained.append(_total(length, done))
        seconds.append(_total(busy, done))
        ends.append((why, START_SECONDS + seconds[-1] / slots + tail))
    walls = [min(wall, budget.seconds or wall) for _, wall in ends]
    names = [why for why, _ in ends]
    return Estimate(
        trials=Range.of(trials),
        epochs=Range.of(trained),
        seconds=Range.of(walls),
        device_hours=Range.of([one * devices / 3600 for one in seconds]),
        device=calibration.device,
        slots=slots,
        ends_by=max(sorted(set(names)), key=names.count),
        networks=len(networks),
    )


def _ended(budget: Budget, busy: Any, length: Any, devices: float, slots: int) -> tuple[int, str]:
    """After how many trials which part of the budget is used up.

    `busy` (seconds) and `length` (epochs) are those of the trials that were played; beyond them
    the campaign goes on at their mean.
    """
    caps = {
        "seconds": (START_SECONDS + np.cumsum(busy) / slots, budget.seconds),
        "device_hours": (np.cumsum(busy) * devices / 3600, budget.device_hours),
        "epochs": (np.cumsum(length), budget.epochs),
    }
    done, why = budget.trials, "trials"
    for name, (spent, cap) in caps.items():
        if cap is None:
            continue
        within = int(np.searchsorted(spent, cap, side="right"))
        if within == len(busy):
            within = int(within * cap / spent[-1])
        if within < done:
            done, why = within, name
    return done, why


def _total(values: Any, count: int) -> float:
    """The sum of the first `count` values, of which the later ones are as these are on average."""
    there = float(values[:count].sum())
    return there * (count / len(values)) if count > len(values) else there
